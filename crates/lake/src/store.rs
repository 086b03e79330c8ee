//! The store port: where objects live. A folder and S3; both pass [`crate::conformance`].

use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use millrace_events::failure::{Class, Classified};

use crate::object_key::Key;
use crate::root_names::STATE;

/// What a listing tells of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Below the lake's root.
    pub key: Key,
    /// Size in bytes.
    pub size: u64,
}

/// Keeps whole objects under keys.
///
/// Contract, for every implementation:
/// - **Whole objects.** A reader sees all of an object or none of it, whatever the writer does or dies of.
/// - **Durable.** When `put`, or a writer's `finish`, answers `Ok`, the object outlives a crash of the machine.
/// - **Last write wins.** A second write of a key replaces the first in one step; the same bytes written twice are
///   one object.
/// - **Private.** Objects are readable by their owner alone, where the store knows owners.
/// - **Read your writes.** `get` and `list` called after an `Ok` see it.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync {
    /// Writes `body` as the whole object `key`, durably, replacing what was there.
    async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError>;

    /// Writes `body` as the whole object `key` where there is none, and leaves it as it is where there is one: for objects
    /// whose name says what they hold, so that writing them again adds nothing. Of those who call it at once one
    /// creates; a [`Store::put`] at the same time may come before or after.
    ///
    /// [`PutNew::AlreadyThere`] may be the caller's own object, where the answer to an earlier try was lost.
    async fn put_new(&self, key: &Key, body: Bytes) -> Result<PutNew, StoreError> {
        let name = Key::new(format!("_new/{key}")).unwrap_or_else(|_| key.clone());
        let _lock = self.lock(&name).await?;
        match self.get(key).await {
            Ok(_) => Ok(PutNew::AlreadyThere),
            Err(error) if error.is_not_found() => self.put(key, body).await.map(|()| PutNew::Created),
            Err(error) => Err(error),
        }
    }

    /// Makes `to` hold what `from` holds where there is no `to`, and leaves `to` as it is where there is one. `from` may be replaced or
    /// removed afterwards. S3 copies by itself and a folder gives a file a second name, so that no bytes come here; [`StoreError::NotFound`]
    /// where there is no `from`.
    ///
    /// Of those who copy to one key at once one creates, as far as the server knows conditions of copies; else the later stays.
    /// [`Copied::AlreadyThere`] may be the caller's own copy, where the answer to an earlier try was lost.
    async fn copy_new(&self, from: &Key, to: &Key) -> Result<Copied, StoreError> {
        let body = self.get(from).await?;
        Ok(match self.put_new(to, body.clone()).await? {
            PutNew::Created => Copied::Created,
            PutNew::AlreadyThere if self.get(to).await? == body => Copied::AlreadyThere,
            PutNew::AlreadyThere => Copied::Taken,
        })
    }

    /// Opens an object for writing in pieces. Nothing is visible before [`ObjectWriter::finish`]; a writer that is
    /// dropped leaves nothing behind.
    async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError>;

    /// The whole object. [`StoreError::NotFound`] where there is none.
    async fn get(&self, key: &Key) -> Result<Bytes, StoreError>;

    /// Opens an object for reading in parts. [`StoreError::NotFound`] where there is none.
    async fn open(&self, key: &Key) -> Result<Box<dyn ObjectReader>, StoreError> {
        Ok(Box::new(WholeObject(self.get(key).await?)))
    }

    /// Every object whose key starts with `prefix` (a folder path ending in `/`, or empty for all), in bytewise key
    /// order. Temporary files of writers are never listed. A prefix nobody wrote to is empty, not an error.
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError>;

    /// The size in bytes of an object; `None` where there is none.
    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        let folder = key.as_str().rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let listed = self.list(&folder).await?;
        Ok(listed.iter().find(|listed| listed.key == *key).map(|listed| listed.size))
    }

    /// Removes an object; removing one that is not there is no error.
    async fn delete(&self, key: &Key) -> Result<(), StoreError>;

    /// Counts, or removes for good, the earlier versions of the objects whose key starts with `prefix`, and of those that were
    /// removed, where the store keeps such. What is there now stays. Most stores keep none.
    async fn earlier_versions(&self, _prefix: &str, _task: Versions) -> Result<EarlierVersions, StoreError> {
        Ok(EarlierVersions::default())
    }

    /// Removes what dead writers left behind, never what a live writer is at; dead letters that were acknowledged are
    /// no leftovers, they are put in place. Answers how many leftovers there were.
    async fn sweep(&self) -> Result<usize, StoreError>;

    /// Takes the named lock, waiting for whoever holds it; it is released when the guard drops or its process dies. A
    /// lock is no object: it is never listed.
    async fn lock(&self, key: &Key) -> Result<Box<dyn LockGuard>, StoreError>;

    /// Finds out by trying whether the store keeps to what a lake rests on; leaves nothing behind. Asked once, by whoever makes
    /// the lake: see [`crate::lake_file`].
    async fn probe(&self) -> Result<Capabilities, StoreError>;

    /// Waits for what goes on behind dropped guards and writers, such as locks on their way back. A process that ends
    /// without it has them wait until they run out.
    async fn settle(&self) {}

    /// The file behind a key, where the store is a folder: lets readers map it instead of copying.
    fn local_path(&self, key: &Key) -> Option<PathBuf>;

    /// The store's address, for people and messages.
    fn address(&self) -> String;
}

/// Whether the store's objects are files of this machine, so that asking it again costs next to nothing.
pub fn has_files(store: &dyn Store) -> bool {
    Key::new(STATE).is_ok_and(|key| store.local_path(&key).is_some())
}

/// What is to be done about earlier versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// Nothing is changed.
    Count,
    /// They go, and nobody can bring them back.
    Remove,
}

/// What a bucket keeps below the objects that are there now, or in their place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EarlierVersions {
    /// Versions that a write or a removal has covered.
    pub versions: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Marks of removals.
    pub marks: u64,
}

impl EarlierVersions {
    /// Counts others in.
    pub fn add(&mut self, more: Self) {
        self.versions += more.versions;
        self.bytes += more.bytes;
        self.marks += more.marks;
    }
}

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

/// What [`Store::put_new`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutNew {
    /// There was no such object; now it is this one.
    Created,
    /// There is one; nothing was written.
    AlreadyThere,
}

/// What [`Store::copy_new`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// There was no such object; now it holds the same as the source.
    Created,
    /// There is one that holds the same as the source.
    AlreadyThere,
    /// There is one that holds something else.
    Taken,
}

/// Holds a [`Store::lock`].
pub trait LockGuard: std::fmt::Debug + Send {}

/// Writes one object in pieces. See [`Store::writer`].
#[async_trait]
pub trait ObjectWriter: std::fmt::Debug + Send {
    /// Appends `bytes`, which may be kept in memory until enough of them came together. After an error the object is
    /// lost: each later call fails.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Makes the object durable and visible in one step; answers its size in bytes.
    async fn finish(self: Box<Self>) -> Result<u64, StoreError>;
}

/// Reads parts of one object as it was when it was opened. See [`Store::open`].
#[async_trait]
pub trait ObjectReader: std::fmt::Debug + Send + Sync {
    /// The object's size in bytes.
    fn size(&self) -> u64;

    /// The bytes of `range`, which ends within the object. [`StoreError::NotFound`] where the object was removed or replaced since
    /// it was opened, and the store has no more what it was.
    async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError>;
}

/// An object that was read at once.
#[derive(Debug)]
struct WholeObject(Bytes);

#[async_trait]
impl ObjectReader for WholeObject {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        Ok(self.0.slice(range.start as usize..range.end as usize))
    }
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is under the key: often an answer, not a failure ([`is_not_found`](Self::is_not_found)).
    #[error("no object {key} in {store}")]
    NotFound {
        /// The store's address.
        store: String,
        /// The object that is not there.
        key: Key,
    },
    /// Full disk, read-only folder, no permission: somebody has to act.
    #[error("could not {action} {key} in {store}: {hint}")]
    Stop {
        /// The store's address.
        store: String,
        /// What was tried, as a verb: `could not <action> <key>`.
        action: &'static str,
        /// The object's key, or the prefix that was to be listed.
        key: String,
        /// What somebody has to do.
        hint: String,
        /// What the disk or the service said.
        source: std::io::Error,
    },
    /// Throttled, timed out: the same call may go through later.
    #[error("could not {action} {key} in {store}, worth another try")]
    Retry {
        /// As in [`Stop`](Self::Stop).
        store: String,
        /// As in [`Stop`](Self::Stop).
        action: &'static str,
        /// As in [`Stop`](Self::Stop).
        key: String,
        /// As in [`Stop`](Self::Stop).
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the object is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

impl Classified for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } | Self::Stop { .. } => Class::Stop,
            Self::Retry { .. } => Class::Retry,
        }
    }
}
