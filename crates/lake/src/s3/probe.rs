//! Whether a server of S3's protocol honours the conditions that locks rest on.

use bytes::Bytes;

use super::S3Store;
use super::service_error::{is_absent, is_precondition};
use crate::object_key::Key;
use crate::store::{Store, StoreError};
use crate::store_probe::{self, Capabilities};

/// What every store is asked, and whether an object is replaced only where it is still the one that was read.
pub(super) async fn probe(store: &S3Store) -> Result<Capabilities, StoreError> {
    let key = store_probe::key();
    let found = store_probe::by_port(store, &key).await?;
    if found.lacks().is_some() {
        return Ok(found);
    }
    let replaces = replaces_what_was_read_alone(store, &key).await;
    let removed = store.delete(&key).await;
    let conditional_put = replaces?;
    removed?;
    Ok(Capabilities { conditional_put, ..found })
}

async fn replaces_what_was_read_alone(store: &S3Store, key: &Key) -> Result<bool, StoreError> {
    let first = put(store, key, b"first", None).await?;
    let second = put(store, key, b"second", first.as_deref()).await?;
    // Of what is not there any more.
    let third = put(store, key, b"third", first.as_deref()).await?;
    Ok(first.is_some() && second.is_some() && third.is_none() && store.get(key).await? == "second")
}

/// Writes the object where it has `etag`; answers its new one, `None` where it was otherwise.
async fn put(
    store: &S3Store,
    key: &Key,
    body: &'static [u8],
    etag: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let request = store.client().put_object().bucket(store.bucket()).key(store.name(key));
    let request = request.body(Bytes::from_static(body).into()).set_if_match(etag.map(str::to_owned));
    match request.send().await {
        Ok(written) => Ok(written.e_tag),
        Err(error) if is_precondition(&error) || is_absent(&error) => Ok(None),
        Err(error) => Err(store.attempted("write", key).refused(&error)),
    }
}
