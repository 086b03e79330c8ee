//! Whether a program may work on a lake's store, tried before anything is sent to it: an object of its own is written, read and removed.
//!
//! [`Store::probe`] asks more, and needs rights that not everybody has who works on a lake: it finds out what a store can do, once a lake.

use bytes::Bytes;

use crate::lake_file::LakeError;
use crate::store::{Store, StoreError};
use crate::store_probe;

/// Writes an object below `_lake_probe-…/`, reads it and removes it, which takes the rights to get, put and delete that one object and
/// no listing. Nothing else of the lake changes, and there need not be a lake yet.
///
/// # Errors
/// The store refuses one of the three, or gives back something else.
pub async fn probe(store: &dyn Store) -> Result<(), LakeError> {
    let key = store_probe::key();
    let body = Bytes::from(key.to_string());
    let read = async {
        store.put(&key, body.clone()).await?;
        store.get(&key).await
    };
    let read: Result<Bytes, StoreError> = read.await;
    // Also where it failed: nothing stays behind.
    let removed = store.delete(&key).await;
    let read = read?;
    removed?;
    if read == body {
        return Ok(());
    }
    Err(LakeError::Unfit { store: store.address(), lacks: "what was just written is not what it then reads" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_store::MemoryStore;

    #[tokio::test]
    async fn nothing_stays_behind() {
        let store = MemoryStore::new();
        probe(&store).await.unwrap();
        assert!(store.list("").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_to_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lake");
        std::fs::write(&file, "a file, no folder").unwrap();
        let error = probe(&crate::FolderStore::new(&file)).await.unwrap_err();
        assert!(matches!(error, LakeError::Store(_)), "{error}");
    }
}
