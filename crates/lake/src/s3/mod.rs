//! The store on S3, and on servers that speak its protocol and honour conditional writes.
//!
//! - **Whole objects**: one put, or an upload in parts completed in one step; each carries a CRC32 that S3 checks, and
//!   what is read is checked against what was written.
//! - **Last write wins**: of two writes at once S3 keeps the one that it took later.
//! - **Private**: S3 has no owner of a single object where the bucket's owner owns all, which is how buckets are
//!   made today. Who may read the lake is for a bucket policy or a role's; the store cannot say it.
//! - **Locks** are leases: see `lease.rs`.
//! - **Requests** that are throttled, time out or are cut off are tried again until the deadline of the settings.
//!
//! The process should await [`Store::settle`] before it ends: locks are given back, and given-up uploads aborted,
//! behind the backs of those who drop them.

mod abandoned_uploads;
mod address;
mod background;
mod bucket;
mod client;
mod copy;
mod held_leases;
mod lease;
mod lease_object;
mod lease_record;
mod lease_renewal;
mod listing;
mod probe;
mod put;
mod read;
pub(crate) mod retry_rules;
mod server_clock;
pub(crate) mod service_error;
mod settings;
mod upload;
mod versions;
mod writer;

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::address::{BadAddress, S3Address};
use self::bucket::Bucket;
pub use self::settings::{S3Credentials, S3Settings};
use self::upload::Condition;
use self::writer::S3Writer;
use crate::object_key::Key;
use crate::store::{
    Capabilities, Copied, EarlierVersions, LockGuard, ObjectMeta, ObjectReader, ObjectWriter, PutNew, Store,
    StoreError, Versions,
};

/// Objects in a bucket, below a prefix. Clones share one client and its connections.
#[derive(Clone)]
pub struct S3Store(Bucket);

impl S3Store {
    /// Finds credentials and region and builds the client. The bucket is first asked for by the first request.
    ///
    /// # Errors
    /// Stop where the settings cannot work or no region is set.
    pub async fn connect(settings: S3Settings) -> Result<Self, StoreError> {
        Bucket::connect(settings).await.map(Self)
    }
}

#[async_trait]
impl Store for S3Store {
    async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        put::put_whole(&self.0, key, body).await
    }

    async fn put_new(&self, key: &Key, body: Bytes) -> Result<PutNew, StoreError> {
        put::put_if(&self.0, key, body, Condition::New).await
    }

    async fn copy_new(&self, from: &Key, to: &Key) -> Result<Copied, StoreError> {
        copy::copy_new(self, &self.0, from, to).await
    }

    async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError> {
        Ok(Box::new(S3Writer::new(self.0.clone(), key.clone())))
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        read::whole(&self.0, key).await
    }

    async fn open(&self, key: &Key) -> Result<Box<dyn ObjectReader>, StoreError> {
        Ok(Box::new(read::open(&self.0, key).await?))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        listing::all(&self.0, prefix).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        listing::size(&self.0, key).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let bucket = &self.0;
        bucket.fence("delete", key)?;
        match bucket.client().delete_object().bucket(bucket.name()).key(bucket.object(key)).send().await {
            Ok(_) => Ok(()),
            Err(error) if service_error::is_absent(&error) => Ok(()),
            Err(error) => Err(bucket.attempted("delete", key).refused(&error)),
        }
    }

    async fn earlier_versions(&self, prefix: &str, task: Versions) -> Result<EarlierVersions, StoreError> {
        versions::earlier(&self.0, prefix, task).await
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        abandoned_uploads::sweep(&self.0).await
    }

    async fn lock(&self, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
        lease::take(&self.0, key).await
    }

    async fn probe(&self) -> Result<Capabilities, StoreError> {
        probe::probe(self, &self.0).await
    }

    async fn settle(&self) {
        self.0.background().settled().await;
    }

    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }

    fn address(&self) -> String {
        self.0.shown().to_owned()
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Store({})", self.0.shown())
    }
}
