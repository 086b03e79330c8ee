//! What clients are sent: gathered, and written when they wait for it or when it is much.

use bytes::{BufMut, Bytes, BytesMut};
use pgwire::messages::Message;
use pgwire::messages::data::{DataRow, RowDescription};
use pgwire::messages::response::{CommandComplete, ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::wire::problem::Problem;

const MUCH: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Outgoing<W> {
    io: W,
    buffer: BytesMut,
}

/// The connection is gone.
#[derive(Debug)]
pub(super) struct Gone;

impl<W: AsyncWrite + Unpin> Outgoing<W> {
    pub(super) fn new(io: W) -> Self {
        Self { io, buffer: BytesMut::with_capacity(MUCH) }
    }

    pub(super) fn into_inner(self) -> W {
        self.io
    }

    /// Of a length that its kind may have.
    pub(super) fn put(&mut self, message: &impl Message) {
        let begin = self.buffer.len();
        if message.encode(&mut self.buffer).is_err() {
            self.buffer.truncate(begin);
            let too_long = Problem::new("54000", "an answer is longer than the protocol's messages may be");
            let _ = too_long.response().encode(&mut self.buffer);
        }
    }

    pub(super) fn problem(&mut self, problem: &Problem) {
        self.put(&problem.response());
    }

    pub(super) fn complete(&mut self, tag: &str) {
        self.put(&CommandComplete::new(tag.to_owned()));
    }

    pub(super) fn ready(&mut self, status: TransactionStatus) {
        self.put(&ReadyForQuery::new(status));
    }

    pub(super) fn parameter(&mut self, name: &str, value: &str) {
        self.put(&ParameterStatus::new(name.to_owned(), value.to_owned()));
    }

    pub(super) fn row_description(&mut self, description: &RowDescription) {
        self.put(description);
    }

    pub(super) fn row(&mut self, row: &DataRow) {
        self.put(row);
    }

    /// A message that pgwire has no type for.
    pub(super) fn raw(&mut self, kind: u8, body: &[u8]) {
        self.buffer.put_u8(kind);
        self.buffer.put_i32(i32::try_from(body.len() + 4).unwrap_or(i32::MAX));
        self.buffer.put_slice(body);
    }

    /// One byte: the answer to a request for encryption.
    pub(super) fn byte(&mut self, byte: u8) {
        self.buffer.put_u8(byte);
    }

    pub(super) fn copy_data(&mut self, data: Bytes) {
        self.put(&pgwire::messages::copy::CopyData::new(data));
    }

    pub(super) fn is_much(&self) -> bool {
        self.buffer.len() >= MUCH
    }

    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        let written = self.io.write_all_buf(&mut self.buffer).await;
        written.map_err(|_| Gone)?;
        self.io.flush().await.map_err(|_| Gone)
    }

    pub(super) async fn close(&mut self) {
        let _ = self.flush().await;
        let _ = self.io.shutdown().await;
    }
}
