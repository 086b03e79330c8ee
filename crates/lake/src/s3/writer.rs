//! Writing an object in pieces.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::S3Store;
use super::service_error::Said;
use super::upload::{Condition, Upload};
use crate::object_key::Key;
use crate::store::{ObjectWriter, StoreError};

/// Gathers pieces into parts. What fits one part is one put; the upload begins with the first part that is full.
#[derive(Debug)]
pub(super) struct S3Writer {
    store: S3Store,
    key: Key,
    pending: BytesMut,
    upload: Option<Upload>,
    written: u64,
    failed: bool,
}

impl S3Writer {
    pub(super) fn new(store: S3Store, key: Key) -> Self {
        Self { store, key, pending: BytesMut::new(), upload: None, written: 0, failed: false }
    }

    async fn send_full_parts(&mut self) -> Result<(), StoreError> {
        while self.pending.len() >= self.store.settings().part_bytes {
            self.store.fence("write", &self.key)?;
            let body = self.pending.split_to(self.store.settings().part_bytes).freeze();
            let mut upload = match self.upload.take() {
                Some(upload) => upload,
                None => Upload::begin(&self.store, &self.key).await?,
            };
            // Taken out and put back: a call that is dropped in the middle leaves no upload to complete.
            upload.part(body).await?;
            self.upload = Some(upload);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        if !self.failed {
            return Ok(());
        }
        let hint = "an earlier write of this object failed; begin it again with a new writer";
        Err(self.store.attempted("write", &self.key).stop(hint, Said("it has lost a piece".to_owned())))
    }
}

#[async_trait]
impl ObjectWriter for S3Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.check()?;
        // Also where this call is dropped in the middle.
        self.failed = true;
        let part_bytes = self.store.settings().part_bytes;
        self.written += bytes.len() as u64;
        let mut rest = bytes;
        // A part at a time: a large piece is not held twice.
        while !rest.is_empty() {
            let piece = rest.split_to((part_bytes - self.pending.len()).min(rest.len()));
            self.pending.extend_from_slice(&piece);
            self.send_full_parts().await?;
        }
        self.failed = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64, StoreError> {
        self.check()?;
        let body = std::mem::take(&mut self.pending).freeze();
        match self.upload.take() {
            None => self.store.put_whole(&self.key, body).await?,
            Some(mut upload) => {
                self.store.fence("write", &self.key)?;
                if !body.is_empty() {
                    upload.part(body).await?;
                }
                self.store.fence("write", &self.key)?;
                upload.complete(Condition::None).await?;
            }
        }
        Ok(self.written)
    }
}
