//! Writing an object in pieces.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::bucket::Bucket;
use super::put::put_whole;
use super::service_error::Said;
use super::upload::{Condition, Upload};
use crate::object_key::Key;
use crate::store::{ObjectWriter, StoreError};

/// Gathers pieces into parts. What fits one part is one put; the upload begins with the first part that is full.
#[derive(Debug)]
pub(super) struct S3Writer {
    bucket: Bucket,
    key: Key,
    pending: BytesMut,
    upload: Option<Upload>,
    written: u64,
    failed: bool,
}

impl S3Writer {
    pub(super) fn new(bucket: Bucket, key: Key) -> Self {
        Self { bucket, key, pending: BytesMut::new(), upload: None, written: 0, failed: false }
    }

    async fn send_full_parts(&mut self) -> Result<(), StoreError> {
        while self.pending.len() >= self.bucket.settings().part_bytes {
            self.bucket.fence("write", &self.key)?;
            let body = self.pending.split_to(self.bucket.settings().part_bytes).freeze();
            let mut upload = match self.upload.take() {
                Some(upload) => upload,
                None => Upload::begin(&self.bucket, &self.key).await?,
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
        Err(self.bucket.attempted("write", &self.key).stop(hint, Said("it has lost a piece".to_owned())))
    }
}

#[async_trait]
impl ObjectWriter for S3Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.check()?;
        // Also where this call is dropped in the middle.
        self.failed = true;
        let part_bytes = self.bucket.settings().part_bytes;
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
            None => put_whole(&self.bucket, &self.key, body).await?,
            Some(mut upload) => {
                self.bucket.fence("write", &self.key)?;
                if !body.is_empty() {
                    upload.part(body).await?;
                }
                self.bucket.fence("write", &self.key)?;
                upload.complete(Condition::None).await?;
            }
        }
        Ok(self.written)
    }
}
