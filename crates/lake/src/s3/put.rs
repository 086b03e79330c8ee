//! Whole objects, written in one request or, where they are large, in parts.

use bytes::Bytes;

use super::bucket::Bucket;
use super::service_error;
use super::upload::{Condition, Upload};
use crate::object_key::Key;
use crate::store::{PutNew, StoreError};

pub(super) async fn put_whole(bucket: &Bucket, key: &Key, body: Bytes) -> Result<(), StoreError> {
    put_if(bucket, key, body, Condition::None).await.map(drop)
}

pub(super) async fn put_if(
    bucket: &Bucket,
    key: &Key,
    body: Bytes,
    condition: Condition,
) -> Result<PutNew, StoreError> {
    bucket.fence("write", key)?;
    if body.len() > bucket.settings().part_bytes {
        return put_in_parts(bucket, key, body, condition).await;
    }
    let request =
        bucket.client().put_object().bucket(bucket.name()).key(bucket.object(key)).body(body.into());
    let request = match condition {
        Condition::None => request,
        Condition::New => request.if_none_match("*"),
    };
    match request.send().await {
        Ok(_) => Ok(PutNew::Created),
        Err(error) if condition == Condition::New && service_error::is_precondition(&error) => {
            Ok(PutNew::AlreadyThere)
        }
        Err(error) => Err(bucket.attempted("write", key).refused(&error)),
    }
}

async fn put_in_parts(
    bucket: &Bucket,
    key: &Key,
    mut body: Bytes,
    condition: Condition,
) -> Result<PutNew, StoreError> {
    let mut upload = Upload::begin(bucket, key).await?;
    while !body.is_empty() {
        upload.part(body.split_to(bucket.settings().part_bytes.min(body.len()))).await?;
    }
    bucket.fence("write", key)?;
    upload.complete(condition).await
}
