//! A store that asks a test before each call: to pass, to change the lake first, or to fail.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use millrace_lake::object_key::Key;
use millrace_lake::store::{Capabilities, LockGuard, ObjectMeta, ObjectWriter, Store, StoreError};

/// What to do before a call.
pub(crate) enum Answer {
    Pass,
    /// Writes and deletes objects, then passes.
    #[allow(dead_code)]
    Change(Vec<(Key, Option<Bytes>)>),
    /// Does nothing and fails.
    Fail,
    /// Does its work and fails.
    FailDone,
}

type Hook = dyn FnMut(&'static str, &str) -> Answer + Send;

/// Asks the hook, with the call's name and its key or prefix. Locks are never asked for.
#[derive(Clone)]
pub(crate) struct Hooked {
    inner: Arc<dyn Store>,
    hook: Arc<Mutex<Box<Hook>>>,
}

impl std::fmt::Debug for Hooked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooked")
    }
}

impl Hooked {
    pub(crate) fn asking(
        inner: Arc<dyn Store>,
        hook: impl FnMut(&'static str, &str) -> Answer + Send + 'static,
    ) -> Arc<dyn Store> {
        Arc::new(Self { inner, hook: Arc::new(Mutex::new(Box::new(hook))) })
    }

    async fn under<T>(
        &self,
        call: &'static str,
        key: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let answer = (self.hook.lock().expect("a hook"))(call, key);
        let failed = || StoreError::Stop {
            store: "hooked".into(),
            action: call,
            key: key.to_owned(),
            hint: "the test says so".into(),
            source: std::io::ErrorKind::Other.into(),
        };
        match answer {
            Answer::Pass => {}
            Answer::Change(changes) => {
                for (key, body) in changes {
                    match body {
                        Some(body) => self.inner.put(&key, body).await?,
                        None => self.inner.delete(&key).await?,
                    }
                }
            }
            Answer::Fail => return Err(failed()),
            Answer::FailDone => {
                work.await?;
                return Err(failed());
            }
        }
        work.await
    }
}

#[async_trait]
impl Store for Hooked {
    async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        self.under("put", key.as_str(), self.inner.put(key, body)).await
    }

    async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError> {
        let inner = self.under("writer", key.as_str(), self.inner.writer(key)).await?;
        Ok(Box::new(HookedWriter { inner, store: self.clone(), key: key.clone() }))
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.under("get", key.as_str(), self.inner.get(key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        self.under("list", prefix, self.inner.list(prefix)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.under("delete", key.as_str(), self.inner.delete(key)).await
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

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.inner.local_path(key)
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

#[derive(Debug)]
struct HookedWriter {
    inner: Box<dyn ObjectWriter>,
    store: Hooked,
    key: Key,
}

#[async_trait]
impl ObjectWriter for HookedWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.store.under("write", self.key.as_str(), self.inner.write(bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<u64, StoreError> {
        self.store.under("finish", self.key.as_str(), self.inner.finish()).await
    }
}
