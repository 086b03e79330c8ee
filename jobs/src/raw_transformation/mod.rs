//! The job raw-transformation: raw users to `users_transformed` and `data_quality_summary`.
//!
//! Memory stays flat however many rows there are: they are parted by ranges of the id into files of a scratch
//! folder, and each range in turn is deduplicated, transformed, sorted and appended to the one file of the table.

mod attempt;
pub mod clean;
pub mod email;
mod expressions;
mod input;
mod newest;
mod pass;
pub mod phone;
mod positions;
pub mod quality;
mod ranges;
pub mod raw_columns;
pub mod raw_scan;
mod reading;
mod spill;
pub mod state;
pub mod summary;
pub(crate) mod table_writer;
pub mod users_transformed;

use std::sync::Arc;
use std::time::Instant;

use millrace_lake::store::Store;
use millrace_tables::job_names::RAW_TRANSFORMATION;

use self::attempt::Attempt;
use crate::erasure_epoch;
use crate::job_error::JobError;
use crate::job_settings::{JobSettings, RunContext};
use crate::run_record::{Inputs, RowCounts, TableReport};

/// The job's name, in its rows and its run records.
pub const JOB: &str = RAW_TRANSFORMATION;

/// How far the job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Rows read, of all that are read.
    Read { rows: u64, of: u64 },
    /// Rows deduplicated and transformed, of those that compete.
    Transformed { rows: u64, of: u64 },
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// Rows of the raw objects that were read, a source position counted as often as objects hold it.
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
    /// False where a run that started later had published this day already: then no table was written.
    pub published: bool,
    pub seconds: f64,
}

/// What the worker tells while it works.
enum Message {
    /// Encoded bytes of users_transformed.
    Bytes(Vec<u8>),
    /// Encoded bytes of the next state's rows.
    State(Vec<u8>),
    Progress(Progress),
}

/// How often a run starts over because raw changed under it. Compaction and erasure end; a lake in which something
/// rewrites raw without end is somebody's mistake to be told.
const TRIES: usize = 5;

/// Runs the job for `ctx.as_of` over the raw rows that `store` holds now.
///
/// Delivery: exactly one row an id. A re-run replaces the day's files; of two runs at once the later-started wins.
/// Stops without publishing where rows do not add up, an object cannot be read or has a column of the wrong type.
/// Dropping the future ends the work and leaves nothing behind.
///
/// Reads the objects that the state of an earlier run does not stand for, all where there is none of use (see
/// [`state`]); the tables are the same to the byte either way. Where objects are compacted or rewritten meanwhile it
/// starts over.
pub async fn run(
    store: Arc<dyn Store>,
    ctx: &RunContext,
    settings: &JobSettings,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<JobReport, JobError> {
    let started = Instant::now();
    let mut trusted = true;
    let mut tries = 0;
    loop {
        tries += 1;
        let since = erasure_epoch::epoch(store.as_ref()).await?;
        // The manifest before the listing: what it covers is in the listing then, unless it has gone since.
        let manifest = state::find(store.as_ref()).await?;
        let listed = raw_scan::list(store.as_ref()).await?;
        let (store, listed, manifest) = (&store, listed.as_slice(), manifest.as_ref());
        let attempt = Attempt { store, ctx, settings, progress, started, listed, manifest, since, trusted };
        let error = match attempt.run().await {
            Ok(report) => return Ok(report),
            Err(error) if tries == TRIES => return Err(error),
            Err(error) => error,
        };
        let changed = match raw_scan::list(store.as_ref()).await {
            Ok(now) => raw_scan::rewritten(listed, &now).or_else(|| raw_scan::gone(listed, &now)),
            Err(_) => None,
        };
        match (&error, changed) {
            (JobError::Erased, _) => tracing::info!(%error, "the run starts over"),
            (_, Some(object)) => tracing::info!(%object, %error, "raw changed under the run, it starts over"),
            (JobError::State { .. }, None) => {
                tracing::warn!(%error, "the run starts over");
                // Where another run has just replaced the state, the rows of the old one are gone: try the new one.
                trusted = state::find(store.as_ref()).await?.as_ref() != manifest;
            }
            _ => return Err(error),
        }
    }
}
