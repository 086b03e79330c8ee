//! How a table changes: a change is made on what is now, and made again on what is newer where somebody else was quicker.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use async_trait::async_trait;
use millrace_events::failure::{Class, Classified};

use crate::failure::IcebergError;
use crate::pointer::{Current, Pointer, Swap};
use crate::table_files::TableFiles;
use crate::table_metadata::{MetadataLogEntry, TableMetadata};

/// Tries against quicker ones; each that is lost is a commit of somebody else's.
const ATTEMPTS: u32 = 60;
/// Earlier metadata files that the log names, as other writers keep by default; older ones are found as orphans.
const METADATA_LOG: usize = 100;

/// What a change answers.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// Nothing is to be done.
    Nothing(T),
    /// This is to be next.
    Metadata(Box<TableMetadata>, T),
}

/// A change of a table. It writes what the next metadata names before it answers.
#[async_trait]
pub(crate) trait Change: Send + Sync {
    /// What the change tells.
    type Told: Send;

    /// The change on top of `base`.
    async fn on(&self, base: &Current) -> Result<Next<Self::Told>, IcebergError>;
}

/// What is now.
pub(crate) async fn load(files: &TableFiles, pointer: &dyn Pointer) -> Result<Current, IcebergError> {
    pointer.load().await?.ok_or_else(|| IcebergError::NoTable {
        table: files.name.clone(),
        place: files.warehouse.root().to_owned(),
    })
}

/// Makes `change`.
pub(crate) async fn commit<C: Change>(
    files: &TableFiles,
    pointer: &dyn Pointer,
    change: &C,
) -> Result<C::Told, IcebergError> {
    let table = files.name.as_str();
    for attempt in 0..ATTEMPTS {
        let base = load(files, pointer).await?;
        let (mut next, told) = match change.on(&base).await? {
            Next::Nothing(told) => return Ok(told),
            Next::Metadata(next, told) => (*next, told),
        };
        next.metadata_log.push(MetadataLogEntry {
            timestamp_ms: base.metadata.last_updated_ms,
            metadata_file: base.location.clone(),
        });
        let surplus = next.metadata_log.len().saturating_sub(METADATA_LOG);
        next.metadata_log.drain(..surplus);
        match pointer.swap(Some(&base), &next).await {
            Ok(Swap::Done) => return Ok(told),
            Ok(Swap::Lost) => {
                tracing::info!(table, attempt, "iceberg_commit_overtaken");
                tokio::time::sleep(pause(attempt)).await;
            }
            // It may have been done, and its answer lost.
            Err(error) if error.class() == Class::Retry => {
                return if is_done(&load(files, pointer).await?.metadata, &next) {
                    Ok(told)
                } else {
                    Err(error)
                };
            }
            Err(error) => return Err(error),
        }
    }
    Err(IcebergError::Contended { table: table.to_owned(), attempts: ATTEMPTS })
}

/// Whether `now` is `next`, or has the snapshot that `next` added.
fn is_done(now: &TableMetadata, next: &TableMetadata) -> bool {
    let added = next.snapshots.last().map(|snapshot| snapshot.snapshot_id);
    now == next
        || (now.last_sequence_number >= next.last_sequence_number
            && next.last_updated_ms
                == next.snapshots.last().map_or(i64::MIN, |snapshot| snapshot.timestamp_ms)
            && added.is_some_and(|added| now.snapshot(added).is_some()))
}

/// Longer with each try, and by chance, so that those who met once don't meet again.
fn pause(attempt: u32) -> Duration {
    let most = 5_u64 << attempt.min(6);
    // Each hasher is keyed with chance of its own.
    Duration::from_millis(RandomState::new().build_hasher().finish() % most)
}
