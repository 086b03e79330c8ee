//! The objects of a raw table at one moment, while a compaction replaces some of them.
//!
//! A folder is not read in one step: a listing may pass the place of a large object before it is there, and come to its
//! small ones when they are gone. So whoever removes objects whose rows live on in others first changes a mark
//! ([`layout::removal_mark_key`]), once those others are visible. A reader looks at the mark, lists, and looks again:
//! where it is the same, every removal under way was announced before the listing began, and the objects that replace
//! what is going were there all the time.

use bytes::Bytes;
use millrace_events::failure::{Class, Classified};

use crate::layout::{self, LayoutError};
use crate::random;
use crate::store::{ObjectMeta, Store, StoreError};

/// How often a listing is begun again: each time another removal was announced within the milliseconds that it took.
const ATTEMPTS: usize = 100;

/// Why a raw table could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The store could not list or read the mark.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The table's name is none of a raw table.
    #[error(transparent)]
    Table(#[from] LayoutError),
    /// Compactions removed objects all the while; the same listing may succeed later.
    #[error(
        "objects of raw/{table} went away during each of {ATTEMPTS} listings; try again when the compaction is done"
    )]
    Restless {
        /// The table's name, without `raw/`.
        table: String,
    },
}

impl Classified for ListingError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Table(_) => Class::Stop,
            Self::Restless { .. } => Class::Retry,
        }
    }
}

/// Every object of the raw table `table`, in bytewise key order, such that together they hold every row that was landed
/// before the call.
///
/// An object may be gone when it is opened: its rows are in another by then, and a new listing has that one.
pub async fn exact(store: &dyn Store, table: &str) -> Result<Vec<ObjectMeta>, ListingError> {
    let prefix = layout::raw_prefix(table)?;
    for _ in 0..ATTEMPTS {
        let before = mark(store, table).await?;
        let objects = store.list(&prefix).await?;
        if mark(store, table).await? == before {
            return Ok(objects);
        }
    }
    Err(ListingError::Restless { table: table.to_owned() })
}

/// Changes the mark. What replaces the objects that go next must be visible already.
pub(crate) async fn announce_removal(store: &dyn Store, table: &str) -> Result<(), ListingError> {
    // By chance: a mark never comes back.
    let body = serde_json::json!({ "mark": random::name() });
    Ok(store.put(&layout::removal_mark_key(table)?, body.to_string().into()).await?)
}

async fn mark(store: &dyn Store, table: &str) -> Result<Option<Bytes>, ListingError> {
    match store.get(&layout::removal_mark_key(table)?).await {
        Ok(body) => Ok(Some(body)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::memory_store::MemoryStore;
    use crate::object_key::Key;
    use crate::store::{Capabilities, LockGuard, ObjectWriter};

    const SMALL: &str = "raw/users/small.parquet";

    /// A folder whose first `torn` listings are read while a compaction replaces all there is: each comes to the place of the
    /// new object before it is there, and to the place of the old one when it is gone.
    #[derive(Debug)]
    struct Torn {
        inner: MemoryStore,
        torn: usize,
        listings: AtomicUsize,
    }

    impl Torn {
        async fn new(torn: usize) -> Self {
            let inner = MemoryStore::new();
            inner.put(&Key::new(SMALL).unwrap(), Bytes::new()).await.unwrap();
            Self { inner, torn, listings: AtomicUsize::new(0) }
        }
    }

    #[async_trait]
    impl Store for Torn {
        async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
            let listing = self.listings.fetch_add(1, Ordering::SeqCst);
            if listing >= self.torn {
                return self.inner.list(prefix).await;
            }
            let before = self.inner.list(prefix).await?;
            let large = Key::new(format!("raw/users/large-{listing}.parquet")).unwrap();
            self.inner.put(&large, Bytes::new()).await?;
            announce_removal(&self.inner, "users").await.unwrap();
            for object in before {
                self.inner.delete(&object.key).await?;
            }
            Ok(Vec::new())
        }

        async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
            self.inner.put(key, body).await
        }

        async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError> {
            self.inner.writer(key).await
        }

        async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
            self.inner.get(key).await
        }

        async fn delete(&self, key: &Key) -> Result<(), StoreError> {
            self.inner.delete(key).await
        }

        async fn probe(&self) -> Result<Capabilities, StoreError> {
            self.inner.probe().await
        }

        async fn sweep(&self) -> Result<usize, StoreError> {
            self.inner.sweep().await
        }

        async fn lock(&self, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
            self.inner.lock(key).await
        }

        fn local_path(&self, _key: &Key) -> Option<PathBuf> {
            None
        }

        fn address(&self) -> String {
            self.inner.address()
        }
    }

    #[tokio::test]
    async fn a_listing_that_is_torn_by_a_compaction_is_not_believed() {
        for torn in [0, 1, 3] {
            let store = Torn::new(torn).await;
            let objects = exact(&store, "users").await.unwrap();
            assert_eq!(objects.len(), 1, "{torn}");
        }
    }

    #[tokio::test]
    async fn a_table_that_never_rests_is_told() {
        let error = exact(&Torn::new(usize::MAX).await, "users").await.unwrap_err();
        assert!(matches!(error, ListingError::Restless { .. }), "{error}");
        assert_eq!(error.class(), Class::Retry);
    }
}
