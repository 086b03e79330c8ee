//! A bucket, and what every request to it is made with.

use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::Client;

use super::background::Background;
use super::client;
use super::held_leases::HeldLeases;
use super::server_clock::ServerClock;
use super::service_error::Attempted;
use super::settings::S3Settings;
use crate::aws_hints::Setup;
use crate::object_key::Key;
use crate::store::StoreError;

/// Where a store's objects are, with its client. Clones share one client and its connections.
#[derive(Clone)]
pub(super) struct Bucket(Arc<Inner>);

struct Inner {
    client: Client,
    settings: S3Settings,
    setup: Setup,
    shown: String,
    clock: ServerClock,
    leases: HeldLeases,
    background: Background,
}

impl Bucket {
    pub(super) async fn connect(settings: S3Settings) -> Result<Self, StoreError> {
        let clock = ServerClock::default();
        let (client, setup) = client::connect(&settings, clock.clone()).await?;
        Ok(Self(Arc::new(Inner {
            client,
            shown: settings.address.to_string(),
            settings,
            setup,
            clock,
            leases: HeldLeases::default(),
            background: Background::default(),
        })))
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn settings(&self) -> &S3Settings {
        &self.0.settings
    }

    pub(super) fn name(&self) -> &str {
        self.0.settings.address.bucket()
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.0.setup
    }

    pub(super) fn clock(&self) -> &ServerClock {
        &self.0.clock
    }

    pub(super) fn leases(&self) -> &HeldLeases {
        &self.0.leases
    }

    pub(super) fn background(&self) -> &Background {
        &self.0.background
    }

    pub(super) fn shown(&self) -> &str {
        &self.0.shown
    }

    /// The name of `key` within the bucket.
    pub(super) fn object(&self, key: &Key) -> String {
        self.0.settings.address.name(key.as_str())
    }

    /// What the names of the keys that begin with `prefix` begin with.
    pub(super) fn prefix(&self, prefix: &str) -> String {
        self.0.settings.address.name(prefix)
    }

    pub(super) fn key(&self, name: &str) -> Option<Key> {
        self.0.settings.address.key(name)
    }

    pub(super) fn attempted<'a>(&'a self, action: &'static str, key: &'a Key) -> Attempted<'a> {
        Attempted { store: self.shown(), setup: self.setup(), action, key: key.as_str() }
    }

    /// Fails where a lock of this store was lost: who still writes believes to hold it. See [`super::lease`].
    pub(super) fn fence(&self, action: &'static str, key: &Key) -> Result<(), StoreError> {
        self.0.leases.check().map_err(|said| self.attempted(action, key).retry(said))
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No more: the client's own Debug is long, and nobody reviews what a newer one shows.
        write!(f, "Bucket({})", self.0.shown)
    }
}
