//! Publishing: of two runs of one job for one day the later-started one wins, whole; one that read what has been erased
//! since publishes nothing.

use bytes::Bytes;
use chrono::NaiveDate;
use millrace_lake::layout;
use millrace_lake::object_key::Key;
use millrace_lake::store::{ObjectWriter, Store, StoreError};
use polars::prelude::{Schema, SchemaExt};

use crate::erasure_epoch::{self, Epoch};
use crate::iceberg_tables::{self, Lake};
use crate::job_error::JobError;
use crate::run_record::RunRecord;

/// A table's file, ready to appear.
#[derive(Debug)]
pub enum Staged {
    /// Written to a store's writer, invisible so far.
    Writer(Box<dyn ObjectWriter>),
    /// Small enough to be held.
    Bytes(Key, Bytes),
}

/// Makes the staged tables visible, commits them to the lake's Iceberg tables where it has them, then writes `record`, its tables' bytes
/// and snapshots filled in; answers false, and publishes nothing, where a run that started later has published this day already.
///
/// `since` is the epoch of erasures ([`erasure_epoch::epoch`]) when the run began to read; where another has begun since, it
/// fails with [`JobError::Erased`] and publishes nothing.
///
/// The compares and the writes happen under the store's locks for this job and day and for the epoch. A death between
/// them leaves tables newer than their record: the next run of the day, whichever, replaces both.
pub async fn publish(
    lake: &Lake,
    staged: Vec<Staged>,
    record: &mut RunRecord,
    since: Epoch,
) -> Result<bool, JobError> {
    let store = lake.store.as_ref();
    let record_key = layout::run_record_key(&record.job, record.as_of)?;
    // What keeps the lake's Iceberg tables from being written is told before anything is published: that the lake was moved, or that Glue
    // knows the tables and can't be asked here.
    if let (Some(iceberg), Some(first)) = (lake.iceberg().await?, record.tables.first()) {
        iceberg.table(&first.name)?;
    }
    let _lock = store.lock(&day_lock(&record.job, record.as_of)?).await?;
    let _epoch = erasure_epoch::hold(store, since).await?;
    let published = published(store, &record.job, record.as_of).await?;
    if published.is_some_and(|published| published.started_at > record.started_at) {
        return Ok(false);
    }
    for (table, staged) in record.tables.iter_mut().zip(staged) {
        table.bytes = match staged {
            Staged::Writer(writer) => writer.finish().await?,
            Staged::Bytes(key, body) => {
                let bytes = body.len() as u64;
                store.put(&key, body).await?;
                bytes
            }
        };
    }
    // Asked behind the tables: whoever gives the lake Iceberg tables after this has found them published.
    if let Some(iceberg) = lake.iceberg().await? {
        iceberg_tables::commit(&iceberg, record).await?;
    }
    write_record(store, &record_key, record).await?;
    Ok(true)
}

/// The lock of whoever replaces what `job` publishes for a day.
pub(crate) fn day_lock(job: &str, as_of: NaiveDate) -> Result<Key, JobError> {
    Ok(Key::new(format!("_locks/{job}/{as_of}"))?)
}

pub(crate) async fn write_record(store: &dyn Store, key: &Key, record: &RunRecord) -> Result<(), JobError> {
    let body = serde_json::to_vec_pretty(record)
        .map_err(|source| JobError::RunRecord { key: key.clone(), source })?;
    Ok(store.put(key, body.into()).await?)
}

/// The record of the run of `job` that published `as_of`, if one did.
pub async fn published(
    store: &dyn Store,
    job: &str,
    as_of: NaiveDate,
) -> Result<Option<RunRecord>, JobError> {
    let key = layout::run_record_key(job, as_of)?;
    let body = match store.get(&key).await {
        Ok(body) => body,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    serde_json::from_slice(&body).map(Some).map_err(|source| JobError::RunRecord { key, source })
}

/// A fingerprint of a schema's names, types and order: FNV-1a over `name type` lines, in hex.
pub fn schema_fingerprint(schema: &Schema) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for field in schema.iter_fields() {
        for byte in format!("{} {:?}\n", field.name(), field.dtype()).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
