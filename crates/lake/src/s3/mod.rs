//! The store on S3, and on servers that speak its protocol and honour conditional writes.
//!
//! - **Whole objects**: one put, or an upload in parts completed in one step; each carries a CRC32 that S3 checks, and
//!   what is read is checked against what was written.
//! - **Last write wins**: of two writes at once S3 keeps the one that it took later.
//! - **Private letters**: S3 has no owner of a single object where the bucket's owner owns all, which is how buckets are
//!   made today. Who may read `_dead_letters/` is for a bucket policy or a role's; the store cannot say it.
//! - **Locks** are leases: see `lease.rs`.
//! - **Requests** that are throttled, time out or are cut off are tried again until the deadline of the settings.
//!
//! The process should await [`Store::settle`] before it ends: locks are given back, and given-up uploads aborted,
//! behind the backs of those who drop them.

mod abandoned_uploads;
mod address;
mod background;
mod client;

mod lease;
mod lease_record;
mod lease_renewal;
mod listing;
mod probe;
mod read;
pub(crate) mod retry_rules;
mod server_clock;
pub(crate) mod service_error;
mod settings;
mod upload;
mod writer;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bytes::Bytes;

pub use self::address::{BadAddress, S3Address};
use self::background::Background;
use self::lease::Leases;
use self::server_clock::ServerClock;
use self::service_error::Attempted;
pub use self::settings::{S3Credentials, S3Settings};
use self::upload::{Condition, Upload};
use self::writer::S3Writer;
use crate::aws_hints::Setup;
use crate::object_key::Key;
use crate::store::{LockGuard, ObjectMeta, ObjectWriter, PutNew, Store, StoreError};
use crate::store_probe::Capabilities;

/// Objects in a bucket, below a prefix. Clones share one client and its connections.
#[derive(Clone)]
pub struct S3Store(Arc<Inner>);

struct Inner {
    client: Client,
    settings: S3Settings,
    setup: Setup,
    shown: String,
    clock: ServerClock,
    leases: Leases,
    background: Background,
}

impl S3Store {
    /// Finds credentials and region and builds the client. The bucket is first asked for by the first request.
    ///
    /// # Errors
    /// Stop where the settings cannot work or no region is set.
    pub async fn connect(settings: S3Settings) -> Result<Self, StoreError> {
        let clock = ServerClock::default();
        let (client, setup) = client::connect(&settings, clock.clone()).await?;
        Ok(Self(Arc::new(Inner {
            client,
            shown: settings.address.to_string(),
            settings,
            setup,
            clock,
            leases: Leases::default(),
            background: Background::default(),
        })))
    }

    fn client(&self) -> &Client {
        &self.0.client
    }

    fn settings(&self) -> &S3Settings {
        &self.0.settings
    }

    fn bucket(&self) -> &str {
        self.0.settings.address.bucket()
    }

    fn setup(&self) -> &Setup {
        &self.0.setup
    }

    fn clock(&self) -> &ServerClock {
        &self.0.clock
    }

    fn background(&self) -> &Background {
        &self.0.background
    }

    fn shown(&self) -> &str {
        &self.0.shown
    }

    /// The name of `key` within the bucket.
    fn name(&self, key: &Key) -> String {
        self.0.settings.address.name(key.as_str())
    }

    /// What the names of the keys that begin with `prefix` begin with.
    fn prefix(&self, prefix: &str) -> String {
        self.0.settings.address.name(prefix)
    }

    fn key(&self, name: &str) -> Option<Key> {
        self.0.settings.address.key(name)
    }

    fn attempted<'a>(&'a self, action: &'static str, key: &'a Key) -> Attempted<'a> {
        Attempted { store: self.shown(), setup: self.setup(), action, key: key.as_str() }
    }

    /// Fails where a lock of this store was lost: who still writes believes to hold it. See [`lease`].
    fn fence(&self, action: &'static str, key: &Key) -> Result<(), StoreError> {
        self.0.leases.check().map_err(|said| self.attempted(action, key).retry(said))
    }

    async fn put_whole(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        self.put_if(key, body, Condition::None).await.map(drop)
    }

    async fn put_if(&self, key: &Key, body: Bytes, condition: Condition) -> Result<PutNew, StoreError> {
        self.fence("write", key)?;
        if body.len() > self.settings().part_bytes {
            return self.put_in_parts(key, body, condition).await;
        }
        let request = self.client().put_object().bucket(self.bucket()).key(self.name(key)).body(body.into());
        let request = match condition {
            Condition::None => request,
            Condition::New => request.if_none_match("*"),
        };
        match request.send().await {
            Ok(_) => Ok(PutNew::Created),
            Err(error) if condition == Condition::New && service_error::is_precondition(&error) => {
                Ok(PutNew::AlreadyThere)
            }
            Err(error) => Err(self.attempted("write", key).refused(&error)),
        }
    }

    async fn put_in_parts(
        &self,
        key: &Key,
        mut body: Bytes,
        condition: Condition,
    ) -> Result<PutNew, StoreError> {
        let mut upload = Upload::begin(self, key).await?;
        while !body.is_empty() {
            upload.part(body.split_to(self.settings().part_bytes.min(body.len()))).await?;
        }
        self.fence("write", key)?;
        upload.complete(condition).await
    }
}

#[async_trait]
impl Store for S3Store {
    async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        self.put_whole(key, body).await
    }

    async fn put_new(&self, key: &Key, body: Bytes) -> Result<PutNew, StoreError> {
        self.put_if(key, body, Condition::New).await
    }

    async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError> {
        Ok(Box::new(S3Writer::new(self.clone(), key.clone())))
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        read::whole(self, key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        listing::all(self, prefix).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.fence("delete", key)?;
        match self.client().delete_object().bucket(self.bucket()).key(self.name(key)).send().await {
            Ok(_) => Ok(()),
            Err(error) if service_error::is_absent(&error) => Ok(()),
            Err(error) => Err(self.attempted("delete", key).refused(&error)),
        }
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        abandoned_uploads::sweep(self).await
    }

    async fn lock(&self, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
        lease::take(self, key).await
    }

    async fn probe(&self) -> Result<Capabilities, StoreError> {
        probe::probe(self).await
    }

    async fn settle(&self) {
        self.0.background.settled().await;
    }

    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }

    fn address(&self) -> String {
        self.0.shown.clone()
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No more: the client's own Debug is long, and nobody reviews what a newer one shows.
        write!(f, "S3Store({})", self.0.shown)
    }
}
