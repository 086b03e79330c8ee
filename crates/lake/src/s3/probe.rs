//! Whether a server of S3's protocol honours the conditions that locks rest on.

use bytes::Bytes;

use super::bucket::Bucket;
use super::service_error::{is_absent, is_precondition};
use crate::object_key::Key;
use crate::store::{Capabilities, Store, StoreError};
use crate::store_probe;

/// What every store is asked, and whether an object is replaced only where it is still the one that was read.
pub(super) async fn probe(store: &impl Store, bucket: &Bucket) -> Result<Capabilities, StoreError> {
    let key = store_probe::key();
    let found = store_probe::by_port(store, &key).await?;
    if found.lacks().is_some() {
        return Ok(found);
    }
    let replaces = replaces_what_was_read_alone(store, bucket, &key).await;
    let removed = store.delete(&key).await;
    let conditional_put = replaces?;
    removed?;
    Ok(Capabilities { conditional_put, ..found })
}

async fn replaces_what_was_read_alone(
    store: &impl Store,
    bucket: &Bucket,
    key: &Key,
) -> Result<bool, StoreError> {
    let first = put(bucket, key, b"first", None).await?;
    let second = put(bucket, key, b"second", first.as_deref()).await?;
    // Of what is not there any more.
    let third = put(bucket, key, b"third", first.as_deref()).await?;
    Ok(first.is_some() && second.is_some() && third.is_none() && store.get(key).await? == "second")
}

/// Writes the object where it has `etag`; answers its new one, `None` where it was otherwise.
async fn put(
    bucket: &Bucket,
    key: &Key,
    body: &'static [u8],
    etag: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let request = bucket.client().put_object().bucket(bucket.name()).key(bucket.object(key));
    let request = request.body(Bytes::from_static(body).into()).set_if_match(etag.map(str::to_owned));
    match request.send().await {
        Ok(written) => Ok(written.e_tag),
        Err(error) if is_precondition(&error) || is_absent(&error) => Ok(None),
        Err(error) => Err(bucket.attempted("write", key).refused(&error)),
    }
}
