//! The blocking work of one run: read, part into ranges, then range by range to the table's bytes and the state's.

use std::path::Path;

use polars::prelude::*;
use tokio::sync::mpsc;

use super::positions::Positions;
use super::raw_scan::RawObject;
use super::reading::{self, Reading};
use super::state::Known;
use super::state::rows::KeptRows;
use super::summary::Summary;
use super::table_writer::TableWriter;
use super::{Message, Progress, RowCounts, plan};
use crate::job_error::JobError;
use crate::run_context::{JobSettings, RunContext};

/// What a row costs at its widest, in bytes: raw, transformed and being encoded at once. Lower, and the job holds more
/// than its setting says.
const BYTES_A_ROW: u64 = 4096;

/// Where the pass reads, and whether it keeps a state of what it has read.
pub(super) struct Sources {
    pub(super) state: Option<Known>,
    pub(super) new: Vec<RawObject>,
    pub(super) keep: bool,
}

impl Sources {
    /// The object of the state's rows, if there is one.
    pub(super) fn state_rows(&self) -> &[RawObject] {
        self.state.as_ref().map(|state| std::slice::from_ref(&state.rows)).unwrap_or_default()
    }

    pub(super) fn rows(&self) -> usize {
        self.state_rows().iter().chain(&self.new).map(|object| object.rows).sum()
    }
}

/// What the pass leaves beside the bytes of users_transformed and of the state, which went out while it ran.
pub(super) struct Outcome {
    pub(super) rows: RowCounts,
    /// data_quality_summary as a Parquet file.
    pub(super) summary: Vec<u8>,
    pub(super) positions: Positions,
    /// Rows of the new state.
    pub(super) kept: u64,
}

/// Where the pass sends its bytes and progress.
pub(super) struct Outlet(mpsc::Sender<Message>);

impl Outlet {
    pub(super) fn new(sender: mpsc::Sender<Message>) -> Self {
        Self(sender)
    }

    pub(super) fn send_progress(&self, progress: Progress) -> Result<(), JobError> {
        self.send(Message::Progress(progress))
    }

    /// Bytes of the state's rows.
    pub(super) fn state(&self, bytes: Vec<u8>) -> Result<(), JobError> {
        if bytes.is_empty() { Ok(()) } else { self.send(Message::State(bytes)) }
    }

    fn bytes(&self, bytes: Vec<u8>) -> Result<(), JobError> {
        if bytes.is_empty() { Ok(()) } else { self.send(Message::Bytes(bytes)) }
    }

    fn send(&self, message: Message) -> Result<(), JobError> {
        self.0.blocking_send(message).map_err(|_| JobError::Cancelled)
    }
}

pub(super) fn run(
    mut sources: Sources,
    ctx: &RunContext,
    settings: &JobSettings,
    scratch: &Path,
    outlet: &Outlet,
) -> Result<Outcome, JobError> {
    let range_rows = usize::try_from(settings.memory_bytes / BYTES_A_ROW).unwrap_or(usize::MAX).max(1);
    let positions = sources.state.as_mut().map(|state| std::mem::take(&mut state.positions));
    let mut reading = Reading {
        ctx,
        spill: reading::empty_spill(&sources, range_rows, scratch)?,
        positions: positions.unwrap_or_default(),
        kept: KeptRows::new(sources.keep)?,
        counts: RowCounts::default(),
        competing: 0,
        outlet,
    };
    reading.read(&sources, range_rows)?;
    let summary = transform(&mut reading)?;
    let Reading { positions, kept, mut counts, .. } = reading;
    counts.duplicates += sources.state.as_ref().map_or(0, |state| state.manifest.duplicates);
    balanced(&counts).map_err(|error| match &sources.state {
        // What its manifest says and what its rows are may differ by a damage that nothing else told.
        Some(state) => JobError::State { object: state.rows.key.clone(), source: Box::new(error) },
        None => error,
    })?;
    let kept = kept.finish(outlet)?;
    Ok(Outcome { rows: counts, summary: encoded_summary(&summary, ctx)?, positions, kept })
}

fn balanced(counts: &RowCounts) -> Result<(), JobError> {
    let RowCounts { raw_rows_by_position: positions, users, duplicates, after_as_of, .. } = *counts;
    if positions == users + duplicates + after_as_of {
        return Ok(());
    }
    Err(JobError::Unbalanced { positions, users, duplicates, after_as_of })
}

/// Writes users_transformed range by range, and what the state keeps of each.
fn transform(reading: &mut Reading<'_>) -> Result<Summary, JobError> {
    let Reading { ctx, spill, kept, counts, competing, outlet, .. } = reading;
    let failed = || JobError::engine("transform users");
    let mut summary = Summary::default();
    let mut writer = TableWriter::new(&plan::users_transformed_schema()).map_err(failed())?;
    // Rows dropped while reading are done with.
    let mut done = counts.duplicates;
    for range in 0..spill.ranges() {
        let Some(loaded) = spill.take(range)? else { continue };
        let height = loaded.rows.height();
        let newest = plan::newest_per_id(loaded.rows.lazy());
        let newest = newest.collect_with_engine(Engine::Streaming).map_err(failed())?.unwrap_single();
        kept.add(newest.clone(), outlet)?;
        let users = plan::in_order(plan::users_transformed(newest.lazy(), ctx));
        let users = users.collect_with_engine(Engine::Streaming).map_err(failed())?.unwrap_single();
        counts.duplicates += (loaded.dropped + height - users.height()) as u64;
        summary.add(&users).map_err(failed())?;
        outlet.bytes(writer.append(users).map_err(failed())?)?;
        done += (loaded.dropped + height) as u64;
        outlet.send_progress(Progress::Transformed { rows: done, of: *competing })?;
    }
    let (bytes, rows) = writer.finish().map_err(failed())?;
    counts.users = rows;
    outlet.bytes(bytes)?;
    Ok(summary)
}

fn encoded_summary(summary: &Summary, ctx: &RunContext) -> Result<Vec<u8>, JobError> {
    let failed = || JobError::engine("write data_quality_summary");
    let table = summary.table(ctx).map_err(failed())?;
    let mut writer = TableWriter::new(table.schema()).map_err(failed())?;
    let mut bytes = writer.append(table).map_err(failed())?;
    bytes.extend(writer.finish().map_err(failed())?.0);
    Ok(bytes)
}
