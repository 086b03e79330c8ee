//! The job raw-transformation: raw users to `users_transformed` and `data_quality_summary`.
//!
//! Memory stays flat however many rows there are: they are parted by ranges of the id into files of a scratch
//! folder, and each range in turn is deduplicated, transformed, sorted and appended to the one file of the table.

mod arrow_frame;
mod attempt;
mod input;
mod newest;
mod pass;
mod pass_output;
mod positions;
mod ranges;
pub mod raw_columns;
pub mod raw_scan;
mod reading;
mod report;
mod sources;
mod spill;
pub mod state;
pub(crate) mod summary;
pub(crate) mod table_writer;
pub mod users_transformed;

use std::sync::Arc;
use std::time::Instant;

use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_tables::job_names::RAW_TRANSFORMATION;

use self::attempt::Attempt;
pub use self::report::{JobReport, Progress};
use crate::erasure_epoch;
use crate::iceberg_tables::Lake;
use crate::job_error::JobError;
use crate::job_settings::{JobSettings, RunContext};

/// The job's name, in its rows and its run records.
pub const JOB: &str = RAW_TRANSFORMATION;

/// How often a run starts over because raw changed under it. Compaction and erasure end; a lake in which something
/// rewrites raw without end is somebody's mistake to be told.
const TRIES: usize = 5;

/// Runs the job for `ctx.as_of` over the raw rows that `lake` holds now.
///
/// Delivery: exactly one row an id. A re-run replaces the day's files; of two runs at once the later-started wins.
/// Stops without publishing where rows do not add up, an object cannot be read or has a column of the wrong type.
/// Dropping the future ends the work and leaves nothing behind.
///
/// Reads the objects that the state of an earlier run does not stand for, all where there is none of use (see
/// [`state`]); the tables are the same to the byte either way. Where objects are compacted or rewritten meanwhile it
/// starts over.
pub async fn run(
    lake: impl Into<Lake>,
    ctx: &RunContext,
    settings: &JobSettings,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<JobReport, JobError> {
    let lake = lake.into();
    let store = &lake.store;
    let started = Instant::now();
    let mut trusted = true;
    let mut tries = 0;
    loop {
        tries += 1;
        let since = erasure_epoch::epoch(store.as_ref()).await?;
        let refused = Arc::new(RefusedIds::read(store.as_ref()).await?);
        // The manifest before the listing: what it covers is in the listing then, unless it has gone since.
        let manifest = state::find(store.as_ref()).await?;
        let listed = raw_scan::list(store.as_ref()).await?;
        let (lake, listed, manifest) = (&lake, listed.as_slice(), manifest.as_ref());
        let refused = &refused;
        let attempt =
            Attempt { lake, ctx, settings, progress, started, listed, manifest, since, refused, trusted };
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
