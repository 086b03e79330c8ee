//! Publishing: of two runs of one job for one day the later-started one wins, whole.

use bytes::Bytes;
use millrace_lake::key::Key;
use millrace_lake::layout;
use millrace_lake::store::{ObjectWriter, Store, StoreError};
use polars::prelude::{Schema, SchemaExt};

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

/// Makes the staged tables visible, then `record`, its tables' bytes filled in; answers false, and publishes
/// nothing, where a run that started later has published this day already.
///
/// The compare and the writes happen under the store's lock for this job and day. A death between them leaves tables
/// newer than their record: the next run of the day, whichever, replaces both.
pub async fn publish(
    store: &dyn Store,
    staged: Vec<Staged>,
    record: &mut RunRecord,
) -> Result<bool, JobError> {
    let record_key = layout::run_record_key(&record.job, record.as_of)?;
    let _lock = store.lock(&Key::new(format!("_locks/{}/{}", record.job, record.as_of))?).await?;
    if started_at(store, &record_key).await?.is_some_and(|published| published > record.started_at) {
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
    let body = serde_json::to_vec_pretty(record)
        .map_err(|source| JobError::RunRecord { key: record_key.clone(), source })?;
    store.put(&record_key, body.into()).await?;
    Ok(true)
}

async fn started_at(store: &dyn Store, key: &Key) -> Result<Option<i64>, JobError> {
    let body = match store.get(key).await {
        Ok(body) => body,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let record: RunRecord =
        serde_json::from_slice(&body).map_err(|source| JobError::RunRecord { key: key.clone(), source })?;
    Ok(Some(record.started_at))
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
