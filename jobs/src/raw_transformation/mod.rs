//! The job raw-transformation: raw users to `users_transformed` and `data_quality_summary`.
//!
//! Memory stays flat however many rows there are: they are parted by ranges of the id into files of a scratch
//! folder, and each range in turn is deduplicated, transformed, sorted and appended to the one file of the table.

pub mod ages;
pub mod clean;
pub mod email;
mod expressions;
mod pass;
pub mod phone;
pub mod plan;
mod positions;
pub mod quality;
mod ranges;
pub mod raw_columns;
pub mod raw_scan;
mod spill;
pub mod summary;
pub(crate) mod table_writer;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use millrace_lake::layout::{Layer, partition_key};
use millrace_lake::store::{ObjectMeta, ObjectWriter, Store};
use tokio::sync::mpsc;

use crate::erasure;
use crate::job_error::JobError;
use crate::publish::{Staged, publish, schema_fingerprint};
use crate::run_context::{JobSettings, RunContext};
use crate::run_record::{Inputs, RowCounts, RunRecord, TableReport};
use crate::scratch::Scratch;

/// The job's name, in its rows and its run records.
pub const JOB: &str = "raw-transformation";
/// The layer of its tables.
pub const LAYER: Layer = Layer::Curated;
pub const USERS_TRANSFORMED: &str = "users_transformed";
pub const DATA_QUALITY_SUMMARY: &str = "data_quality_summary";

/// How far the job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Raw rows read, of all.
    Read { rows: u64, of: u64 },
    /// Rows deduplicated and transformed, of those that compete.
    Transformed { rows: u64, of: u64 },
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// Rows of all objects, a source position counted as often as objects hold it.
    pub rows_in: u64,
    /// Distinct source positions in the objects listed: `users + duplicates + after_as_of`.
    pub raw_rows_by_position: u64,
    pub users: u64,
    /// Rows dropped because their id has a newer one.
    pub duplicates: u64,
    /// Rows stamped after the end of `as_of`.
    pub after_as_of: u64,
    pub tables: Vec<TableReport>,
    pub inputs: Inputs,
    /// False where a run that started later had published this day already: then nothing was written.
    pub published: bool,
    pub seconds: f64,
}

/// What the worker tells while it works.
enum Message {
    /// Encoded bytes of users_transformed.
    Bytes(Vec<u8>),
    Progress(Progress),
}

/// Runs the job for `ctx.as_of` over the raw rows that `store` holds now.
///
/// Delivery: exactly one row an id. A re-run replaces the day's files; of two runs at once the later-started wins.
/// Stops without publishing where rows do not add up, an object cannot be read or has a column of the wrong type.
/// Dropping the future ends the work and leaves nothing behind.
pub async fn run(
    store: Arc<dyn Store>,
    ctx: &RunContext,
    settings: &JobSettings,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<JobReport, JobError> {
    let started = Instant::now();
    let since = erasure::epoch(store.as_ref()).await?;
    let scratch = Arc::new(Scratch::new_in(&settings.scratch_dir)?);
    let objects = raw_scan::list(store.as_ref()).await?;
    let files = raw_scan::as_files(store.as_ref(), &objects, scratch.path()).await?;
    let mut writer = store.writer(&partition_key(LAYER, USERS_TRANSFORMED, ctx.as_of)?).await?;

    // A few row groups may wait for a slow store, no more.
    let (sender, receiver) = mpsc::channel(2);
    let (ctx, limits) = (*ctx, settings.clone());
    // The worker shares the scratch folder: where this future is dropped it outlives the last file written to it.
    let work = tokio::task::spawn_blocking(move || {
        pass::run(files, &ctx, &limits, scratch.path(), &pass::Outlet::new(sender))
    });
    let forwarded = forward(receiver, writer.as_mut(), progress).await;
    let outcome = work.await.map_err(|error| JobError::Worker {
        reason: if error.is_panic() { "it panicked".into() } else { "it was cancelled".into() },
    })?;
    // A store that failed is why the worker was cancelled.
    let users_bytes = forwarded?;
    let pass::Outcome { rows, drift, summary } = outcome?;

    let tables = [
        (USERS_TRANSFORMED, rows.users, users_bytes, plan::users_transformed_schema()),
        (DATA_QUALITY_SUMMARY, 1, summary.len() as u64, summary::data_quality_summary_schema()),
    ];
    let tables = tables.map(|(name, rows, bytes, schema)| {
        let key = partition_key(LAYER, name, ctx.as_of)?;
        let schema_fingerprint = schema_fingerprint(&schema);
        Ok(TableReport { name: name.into(), rows, bytes, key: key.to_string(), schema_fingerprint })
    });
    let mut record = RunRecord {
        job: JOB.into(),
        as_of: ctx.as_of,
        started_at: ctx.started_at,
        seconds: started.elapsed().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION").into(),
        inputs: inputs(&objects, drift),
        rows,
        tables: tables.into_iter().collect::<Result<_, JobError>>()?,
    };
    let summary_key = partition_key(LAYER, DATA_QUALITY_SUMMARY, ctx.as_of)?;
    let staged = vec![Staged::Writer(writer), Staged::Bytes(summary_key, Bytes::from(summary))];
    let published = publish(store.as_ref(), staged, &mut record, since).await?;
    tracing::info!(?rows, published, as_of = %ctx.as_of, "raw-transformation done");
    Ok(JobReport {
        rows_in: rows.rows_in,
        raw_rows_by_position: rows.raw_rows_by_position,
        users: rows.users,
        duplicates: rows.duplicates,
        after_as_of: rows.after_as_of,
        tables: record.tables,
        inputs: record.inputs,
        published,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Hands the worker's bytes to the store's writer; answers how many there were.
async fn forward(
    mut receiver: mpsc::Receiver<Message>,
    writer: &mut dyn ObjectWriter,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<u64, JobError> {
    let mut bytes = 0;
    while let Some(message) = receiver.recv().await {
        match message {
            Message::Bytes(body) => {
                bytes += body.len() as u64;
                writer.write(body.into()).await?;
            }
            Message::Progress(step) => progress(step),
        }
    }
    Ok(bytes)
}

fn inputs(objects: &[ObjectMeta], drift: raw_scan::SchemaDrift) -> Inputs {
    Inputs {
        objects: objects.iter().map(|object| object.key.to_string()).collect(),
        bytes: objects.iter().map(|object| object.size).sum(),
        columns_missing: drift.missing.into_iter().collect(),
        columns_extra: drift.extra.into_iter().collect(),
    }
}
