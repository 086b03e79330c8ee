//! A store that fails on script: what tests put between a caller and any [`Store`].

use std::collections::{BTreeMap, VecDeque};
use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::object_key::Key;
use crate::store::{
    Capabilities, Copied, EarlierVersions, LockGuard, ObjectMeta, ObjectReader, ObjectWriter, PutNew, Store,
    StoreError, Versions,
};
use crate::store_probe;

/// Where a failure can be scripted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultPoint {
    /// [`Store::put`] and [`Store::put_new`].
    Put,
    /// [`Store::get`].
    Get,
    /// [`Store::list`].
    List,
    /// [`Store::delete`].
    Delete,
    /// [`ObjectWriter::write`].
    Write,
    /// [`ObjectWriter::finish`].
    Finish,
}

/// What a call does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    /// None: this call goes through.
    Pass,
    /// Nothing is done; the error says Retry.
    Retry,
    /// Nothing is done; the error says Stop, as a full disk would.
    Stop,
    /// The work is done and its answer lost: the error says Retry, and the second try finds the first one's object.
    RetryAfterDone,
}

/// Passes every call to `S` but those that the script has fail: each call at a [`FaultPoint`] takes the next fault queued
/// for that place; an empty queue passes.
#[derive(Debug, Clone)]
pub struct FaultyStore<S> {
    inner: S,
    script: Script,
}

type Queues = BTreeMap<FaultPoint, VecDeque<InjectedFault>>;

#[derive(Debug, Clone, Default)]
struct Script(Arc<Mutex<Queues>>);

impl Script {
    fn next(&self, place: FaultPoint) -> InjectedFault {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.get_mut(&place).and_then(VecDeque::pop_front).unwrap_or(InjectedFault::Pass)
    }
}

impl<S: Store> FaultyStore<S> {
    /// Passes all until [`script`](Self::script) says otherwise.
    pub fn new(inner: S) -> Self {
        Self { inner, script: Script::default() }
    }

    /// Queues `faults` for the next calls at `place`.
    pub fn script(&self, place: FaultPoint, faults: impl IntoIterator<Item = InjectedFault>) {
        let mut queues = self.script.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(place).or_default().extend(faults);
    }

    /// How many queued faults no call has met yet: a test that ends with some did not go where it meant to.
    pub fn unmet(&self) -> usize {
        self.script.0.lock().unwrap_or_else(PoisonError::into_inner).values().map(VecDeque::len).sum()
    }

    /// The store behind the script, by which a test looks at what was really done.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

/// Does `work` as `fault` says.
async fn under<T>(
    fault: InjectedFault,
    store: String,
    action: &'static str,
    key: &str,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let retry = |store, key: &str| StoreError::Retry {
        store,
        action,
        key: key.to_owned(),
        source: Box::new(Error::from(ErrorKind::TimedOut)),
    };
    match fault {
        InjectedFault::Pass => work.await,
        InjectedFault::Retry => Err(retry(store, key)),
        InjectedFault::RetryAfterDone => {
            work.await?;
            Err(retry(store, key))
        }
        InjectedFault::Stop => Err(StoreError::Stop {
            store,
            action,
            key: key.to_owned(),
            hint: "the script says so; look into the test".to_owned(),
            source: Error::from(ErrorKind::StorageFull),
        }),
    }
}

// A method that the trait gains with a default body would slip past the script and past the inner store.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Store> Store for FaultyStore<S> {
    async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        let fault = self.script.next(FaultPoint::Put);
        under(fault, self.address(), "write", key.as_str(), self.inner.put(key, body)).await
    }

    async fn put_new(&self, key: &Key, body: Bytes) -> Result<PutNew, StoreError> {
        let fault = self.script.next(FaultPoint::Put);
        under(fault, self.address(), "write", key.as_str(), self.inner.put_new(key, body)).await
    }

    async fn copy_new(&self, from: &Key, to: &Key) -> Result<Copied, StoreError> {
        let fault = self.script.next(FaultPoint::Put);
        under(fault, self.address(), "copy", to.as_str(), self.inner.copy_new(from, to)).await
    }

    async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError> {
        let inner = self.inner.writer(key).await?;
        let (store, key) = (self.address(), key.clone());
        Ok(Box::new(FaultyWriter { inner, script: self.script.clone(), store, key }))
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        let fault = self.script.next(FaultPoint::Get);
        under(fault, self.address(), "read", key.as_str(), self.inner.get(key)).await
    }

    async fn open(&self, key: &Key) -> Result<Box<dyn ObjectReader>, StoreError> {
        let fault = self.script.next(FaultPoint::Get);
        under(fault, self.address(), "open", key.as_str(), self.inner.open(key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let fault = self.script.next(FaultPoint::List);
        under(fault, self.address(), "list", prefix, self.inner.list(prefix)).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        let fault = self.script.next(FaultPoint::List);
        under(fault, self.address(), "look at", key.as_str(), self.inner.size(key)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let fault = self.script.next(FaultPoint::Delete);
        under(fault, self.address(), "delete", key.as_str(), self.inner.delete(key)).await
    }

    async fn earlier_versions(&self, prefix: &str, task: Versions) -> Result<EarlierVersions, StoreError> {
        self.inner.earlier_versions(prefix, task).await
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        self.inner.sweep().await
    }

    async fn lock(&self, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
        self.inner.lock(key).await
    }

    // By this store's own calls, so that the script meets them.
    async fn probe(&self) -> Result<Capabilities, StoreError> {
        store_probe::by_port(self, &store_probe::key()).await
    }

    async fn settle(&self) {
        self.inner.settle().await;
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.inner.local_path(key)
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

#[derive(Debug)]
struct FaultyWriter {
    inner: Box<dyn ObjectWriter>,
    script: Script,
    store: String,
    key: Key,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ObjectWriter for FaultyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let fault = self.script.next(FaultPoint::Write);
        under(fault, self.store.clone(), "write", self.key.as_str(), self.inner.write(bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<u64, StoreError> {
        let fault = self.script.next(FaultPoint::Finish);
        under(fault, self.store, "finish", self.key.as_str(), self.inner.finish()).await
    }
}

#[cfg(test)]
mod tests {
    use millrace_events::failure::{Class, Classified};

    use super::*;
    use crate::memory_store::MemoryStore;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn conforms_where_nothing_is_scripted() {
        crate::conformance::suite(&FaultyStore::new(MemoryStore::new())).await;
    }

    #[tokio::test]
    async fn fails_in_the_order_of_the_script_and_then_passes() {
        let store = FaultyStore::new(MemoryStore::new());
        let key = Key::new("a").unwrap();
        store.script(FaultPoint::Put, [InjectedFault::Retry, InjectedFault::Stop, InjectedFault::Pass]);
        let put = || store.put(&key, Bytes::from_static(b"x"));
        assert_eq!(put().await.unwrap_err().class(), Class::Retry);
        assert_eq!(put().await.unwrap_err().class(), Class::Stop);
        assert!(store.get(&key).await.unwrap_err().is_not_found());
        assert_eq!(store.unmet(), 1);
        put().await.unwrap();
        assert_eq!((store.get(&key).await.unwrap(), store.unmet()), (Bytes::from_static(b"x"), 0));
    }

    #[tokio::test]
    async fn a_lost_answer_leaves_the_object() {
        let store = FaultyStore::new(MemoryStore::new());
        let key = Key::new("a").unwrap();
        store.script(FaultPoint::Finish, [InjectedFault::RetryAfterDone, InjectedFault::Retry]);
        let writer = store.writer(&key).await.unwrap();
        assert_eq!(writer.finish().await.unwrap_err().class(), Class::Retry);
        store.get(&key).await.unwrap();
        store.delete(&key).await.unwrap();
        let writer = store.writer(&key).await.unwrap();
        assert_eq!(writer.finish().await.unwrap_err().class(), Class::Retry);
        assert!(store.get(&key).await.unwrap_err().is_not_found());
    }
}
