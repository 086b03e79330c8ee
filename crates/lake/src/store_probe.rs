//! Whether a store keeps to what a lake rests on, found out by trying.
//!
//! Some servers of S3's protocol take a conditional write and pass its condition over: locks would be held by two at once, and
//! nobody would see it.

use bytes::Bytes;

use crate::object_key::Key;
use crate::random;
use crate::root_names::PROBE;
use crate::store::{Capabilities, PutNew, Store, StoreError};

/// A name that nobody else uses, in a folder likewise; both are gone afterwards.
pub(crate) fn key() -> Key {
    let name = format!("{PROBE}{}/object", random::name());
    Key::new(name).unwrap_or_else(|_| unreachable!("letters and digits make a key"))
}

/// By what every store can be asked.
pub(crate) async fn by_port<S: Store + ?Sized>(store: &S, key: &Key) -> Result<Capabilities, StoreError> {
    let found = by_object(store, key).await;
    // Also where it failed: nothing stays behind.
    let removed = store.delete(key).await;
    let found = found?;
    removed?;
    let is_gone =
        store.get(key).await.is_err_and(|error| error.is_not_found()) && !is_listed(store, key).await?;
    Ok(Capabilities { read_after_write: found.read_after_write && is_gone, ..found })
}

async fn by_object<S: Store + ?Sized>(store: &S, key: &Key) -> Result<Capabilities, StoreError> {
    let body = Bytes::from_static;
    store.put_new(key, body(b"first")).await?;
    let second = store.put_new(key, body(b"second")).await?;
    let kept = store.get(key).await? == "first";
    store.put(key, body(b"third")).await?;
    let read = store.get(key).await? == "third" && is_listed(store, key).await?;
    Ok(Capabilities { conditional_put: second == PutNew::AlreadyThere && kept, read_after_write: read })
}

async fn is_listed<S: Store + ?Sized>(store: &S, key: &Key) -> Result<bool, StoreError> {
    let folder = key.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    Ok(store.list(&format!("{folder}/")).await?.iter().any(|object| object.key == *key))
}
