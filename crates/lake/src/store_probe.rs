//! Whether a store keeps to what a lake rests on, found out by trying.
//!
//! Some servers of S3's protocol take a conditional write and pass its condition over: locks would be held by two at once, and
//! nobody would see it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::object_key::Key;
use crate::random;
use crate::store::{PutNew, Store, StoreError};

/// How the folder of the object begins that is written to find out; both are gone afterwards. Each who tries has one of its own.
const FOLDER: &str = "_lake_probe-";

/// What a store was found able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// An object is written only where there is none, or, on S3, where it is still as it was read.
    pub conditional_put: bool,
    /// What was written or removed is seen so by whoever reads or lists next.
    pub read_after_write: bool,
}

impl Capabilities {
    /// What is missing for a lake, in words.
    pub(crate) fn lacks(self) -> Option<&'static str> {
        match self {
            Self { conditional_put: false, .. } => Some(
                "it ignores the conditions of writes (If-None-Match, If-Match), and wrote over an object that was there",
            ),
            Self { read_after_write: false, .. } => {
                Some("what was just written is not what it then reads or lists")
            }
            _ => None,
        }
    }
}

/// A name that nobody else uses, in a folder likewise.
pub(crate) fn key() -> Key {
    let name = format!("{FOLDER}{}/object", random::name());
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
