//! The store in memory: the contract at its plainest, and what tests stand on.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::object_key::Key;
use crate::store::{Capabilities, Copied, LockGuard, ObjectMeta, ObjectWriter, PutNew, Store, StoreError};
use crate::store_probe;

/// Objects in a map. Durable as long as the process.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    objects: Arc<Mutex<BTreeMap<Key, Bytes>>>,
    locks: Arc<Mutex<BTreeMap<Key, Arc<tokio::sync::Mutex<()>>>>>,
}

impl MemoryStore {
    /// Empty. Its clones see the same objects.
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Bytes>> {
        // Nothing panics between two changes of the map: a poisoned one is whole.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        self.objects().insert(key.clone(), body);
        Ok(())
    }

    async fn put_new(&self, key: &Key, body: Bytes) -> Result<PutNew, StoreError> {
        match self.objects().entry(key.clone()) {
            Entry::Occupied(_) => Ok(PutNew::AlreadyThere),
            Entry::Vacant(place) => {
                place.insert(body);
                Ok(PutNew::Created)
            }
        }
    }

    async fn copy_new(&self, from: &Key, to: &Key) -> Result<Copied, StoreError> {
        let mut objects = self.objects();
        let absent = || StoreError::NotFound { store: self.address(), key: from.clone() };
        let body = objects.get(from).cloned().ok_or_else(absent)?;
        match objects.entry(to.clone()) {
            Entry::Occupied(there) if *there.get() == body => Ok(Copied::AlreadyThere),
            Entry::Occupied(_) => Ok(Copied::Taken),
            Entry::Vacant(place) => {
                place.insert(body);
                Ok(Copied::Created)
            }
        }
    }

    async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError> {
        Ok(Box::new(MemoryWriter { store: self.clone(), key: key.clone(), body: BytesMut::new() }))
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        let found = self.objects().get(key).cloned();
        found.ok_or_else(|| StoreError::NotFound { store: self.address(), key: key.clone() })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let objects = self.objects();
        let wanted = objects.iter().filter(|(key, _)| key.as_str().starts_with(prefix));
        Ok(wanted.map(|(key, body)| ObjectMeta { key: key.clone(), size: body.len() as u64 }).collect())
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        Ok(self.objects().get(key).map(|body| body.len() as u64))
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.objects().remove(key);
        Ok(())
    }

    async fn probe(&self) -> Result<Capabilities, StoreError> {
        store_probe::by_port(self, &store_probe::key()).await
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn lock(&self, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(key.clone()).or_default())
        };
        Ok(Box::new(MemoryLock { _guard: lock.lock_owned().await }))
    }

    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }

    fn address(&self) -> String {
        "memory".to_owned()
    }
}

#[derive(Debug)]
struct MemoryLock {
    _guard: tokio::sync::OwnedMutexGuard<()>,
}

impl LockGuard for MemoryLock {}

#[derive(Debug)]
struct MemoryWriter {
    store: MemoryStore,
    key: Key,
    body: BytesMut,
}

#[async_trait]
impl ObjectWriter for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.body.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<u64, StoreError> {
        let body = self.body.freeze();
        let size = body.len() as u64;
        self.store.put(&self.key, body).await?;
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn conforms() {
        crate::conformance::suite(&MemoryStore::new()).await;
    }
}
