//! Where records go that were given up: a port.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::payload::payload;
use crate::record::OwnedRecord;

/// Keeps records that no delivery could settle.
///
/// Contract: what it took is durable when it answers `Ok`; only then are the records committed. It may be handed the
/// same records twice.
#[async_trait]
pub trait FailureDestination: Send + Sync {
    /// Keeps them all. After an error none of them is committed, and the mapping stops.
    async fn keep(&self, records: &[OwnedRecord]) -> std::io::Result<()>;
}

#[async_trait]
impl FailureDestination for Box<dyn FailureDestination> {
    async fn keep(&self, records: &[OwnedRecord]) -> std::io::Result<()> {
        (**self).keep(records).await
    }
}

/// Keeps them in memory, for tests.
#[derive(Debug, Default)]
pub struct InMemory {
    records: Mutex<Vec<OwnedRecord>>,
}

impl InMemory {
    /// All that was kept, in the order in which it came.
    pub fn records(&self) -> Vec<OwnedRecord> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl FailureDestination for InMemory {
    async fn keep(&self, records: &[OwnedRecord]) -> std::io::Result<()> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(records);
        Ok(())
    }
}

/// Appends them to a file, a payload a line: each can be given to `cargo lambda invoke` as it is.
#[derive(Debug)]
pub struct ToFile {
    path: PathBuf,
}

impl ToFile {
    /// The file at `path`, which is made at the first record, readable by its owner alone.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

#[async_trait]
impl FailureDestination for ToFile {
    async fn keep(&self, records: &[OwnedRecord]) -> std::io::Result<()> {
        let mut line = payload("", records);
        line.push(b'\n');
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true);
        // A producer's bytes, secrets included.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path)?;
        file.write_all(&line)?;
        file.sync_data()
    }
}
