//! An upload in parts: nothing of it is visible before it is completed, and nothing is left once it is given up.

use std::ops::Range;

use aws_sdk_s3::operation::upload_part::builders::UploadPartFluentBuilder;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, CopyPartResult};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::abandoned_uploads::SIGN_OF_LIFE;
use super::bucket::Bucket;
use super::service_error::{Said, is_precondition};
use crate::object_key::Key;
use crate::store::{PutNew, StoreError};

/// What an object must meet for an upload to be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    /// There is no object of this key.
    New,
}

/// A begun upload. Dropped, it is aborted, as far as its process lives to do so; else [`super::abandoned_uploads`] is for it.
#[derive(Debug)]
pub(super) struct Upload {
    bucket: Bucket,
    key: Key,
    id: String,
    parts: Vec<CompletedPart>,
    runtime: Handle,
    // Dropped with the upload: its signs of life end.
    _alive: oneshot::Sender<()>,
    ended: bool,
}

impl Upload {
    pub(super) async fn begin(bucket: &Bucket, key: &Key) -> Result<Self, StoreError> {
        Self::begin_with(bucket, key, &[]).await
    }

    /// The same with metadata of the user's, of which the object has none otherwise.
    pub(super) async fn begin_with(
        bucket: &Bucket,
        key: &Key,
        metadata: &[(&str, &str)],
    ) -> Result<Self, StoreError> {
        let request = bucket.client().create_multipart_upload().bucket(bucket.name()).key(bucket.object(key));
        let request = metadata.iter().fold(request, |request, (name, value)| request.metadata(*name, *value));
        let begun = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        let begun = begun.map_err(|error| bucket.attempted("write", key).refused(&error))?;
        let Some(id) = begun.upload_id else {
            let said = Said("S3 began an upload without telling its id".to_owned());
            return Err(bucket.attempted("write", key).retry(said));
        };
        let (alive, gone) = oneshot::channel();
        let runtime = Handle::current();
        bucket.background().spawn(&runtime, show_life(bucket.clone(), key.clone(), id.clone(), gone));
        Ok(Self {
            bucket: bucket.clone(),
            key: key.clone(),
            id,
            parts: Vec::new(),
            runtime,
            _alive: alive,
            ended: false,
        })
    }

    /// Uploads the next part; all but the last have at least 5 MiB.
    pub(super) async fn part(&mut self, body: Bytes) -> Result<(), StoreError> {
        let attempted = self.bucket.attempted("write", &self.key);
        let number = self.next_number("part_bytes")?;
        let request = part_request(&self.bucket, &self.key, &self.id, number).body(body.into());
        let sent = request.send().await.map_err(|error| attempted.refused(&error))?;
        let part = CompletedPart::builder().part_number(number);
        self.parts.push(part.set_e_tag(sent.e_tag).set_checksum_crc32(sent.checksum_crc32).build());
        Ok(())
    }

    /// Has the server take the next part from the bytes `range` of another object, while that has `etag`; `false`: it has another by now.
    pub(super) async fn part_of(
        &mut self,
        source: &str,
        etag: &str,
        range: Range<u64>,
    ) -> Result<bool, StoreError> {
        let number = self.next_number("copy_bytes")?;
        let request = self.bucket.client().upload_part_copy().bucket(self.bucket.name());
        let request = request.key(self.bucket.object(&self.key)).upload_id(&self.id).part_number(number);
        let request = request.copy_source(source).copy_source_if_match(etag);
        let request = request.copy_source_range(format!("bytes={}-{}", range.start, range.end - 1));
        let sent = match request.send().await {
            Ok(sent) => sent,
            Err(error) if is_precondition(&error) => return Ok(false),
            Err(error) => return Err(self.bucket.attempted("write", &self.key).refused(&error)),
        };
        let copied = sent.copy_part_result.unwrap_or_else(|| CopyPartResult::builder().build());
        let part = CompletedPart::builder().part_number(number);
        self.parts.push(part.set_e_tag(copied.e_tag).set_checksum_crc32(copied.checksum_crc32).build());
        Ok(true)
    }

    /// `setting` is what makes parts larger.
    fn next_number(&self, setting: &str) -> Result<i32, StoreError> {
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(SIGN_OF_LIFE);
        if number < SIGN_OF_LIFE {
            return Ok(number);
        }
        let said = Said(format!("S3 takes {} parts an object", SIGN_OF_LIFE - 1));
        let hint = format!("the object has too many parts; raise the settings' {setting}");
        Err(self.bucket.attempted("write", &self.key).stop(&hint, said))
    }

    /// Makes the object visible, in one step.
    pub(super) async fn complete(mut self, condition: Condition) -> Result<PutNew, StoreError> {
        let parts =
            CompletedMultipartUpload::builder().set_parts(Some(std::mem::take(&mut self.parts))).build();
        let client = self.bucket.client();
        let request = client.complete_multipart_upload().bucket(self.bucket.name());
        let request = request.key(self.bucket.object(&self.key)).upload_id(&self.id).multipart_upload(parts);
        let request = match condition {
            Condition::None => request,
            Condition::New => request.if_none_match("*"),
        };
        match request.send().await {
            Ok(_) => {
                self.ended = true;
                Ok(PutNew::Created)
            }
            Err(error) if condition == Condition::New && is_precondition(&error) => Ok(PutNew::AlreadyThere),
            Err(error) => Err(self.bucket.attempted("write", &self.key).refused(&error)),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let client = self.bucket.client();
        let request = client.abort_multipart_upload().bucket(self.bucket.name());
        let request = request.key(self.bucket.object(&self.key)).upload_id(&self.id);
        let (bucket, key) = (self.bucket.clone(), self.key.clone());
        self.bucket.background().spawn(&self.runtime, async move {
            if let Err(error) = request.send().await {
                let error = bucket.attempted("abort", &key).refused(&error);
                tracing::debug!(%error, "an upload could not be aborted; a sweep will");
            }
        });
    }
}

fn part_request(bucket: &Bucket, key: &Key, id: &str, number: i32) -> UploadPartFluentBuilder {
    let request = bucket.client().upload_part().bucket(bucket.name()).key(bucket.object(key)).upload_id(id);
    request.part_number(number).checksum_algorithm(ChecksumAlgorithm::Crc32)
}

/// Uploads a part that is a sign of life, again and again until the upload is gone.
async fn show_life(bucket: Bucket, key: Key, id: String, mut gone: oneshot::Receiver<()>) {
    loop {
        let beat = async {
            tokio::time::sleep(bucket.settings().abandoned_after / 4).await;
            let request = part_request(&bucket, &key, &id, SIGN_OF_LIFE);
            request.body(Bytes::from_static(b".").into()).send().await
        };
        tokio::select! {
            _ = &mut gone => return,
            sent = beat => if let Err(error) = sent {
                let error = bucket.attempted("write", &key).refused(&error);
                tracing::debug!(%error, "an upload could not show that its writer lives; tried again later");
            }
        }
    }
}
