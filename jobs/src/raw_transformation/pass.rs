//! The blocking work of one run: read, part into ranges, then range by range to the table's bytes and the state's.

use std::path::Path;
use std::sync::{Arc, mpsc};

use millrace_lake::erasure::refused_ids::RefusedIds;

use polars::prelude::*;

use super::newest;
use super::pass_output::PassOutput;
use super::positions::Positions;
use super::reading::{self, Bounds, Reading};
use super::report::Progress;
use super::sources::Sources;
use super::spill::Spill;
use super::state::rows::KeptRows;
use super::summary::Summary;
use super::table_writer::TableWriter;
use super::users_transformed::{Users, transformed, users_transformed_schema};
use crate::job_error::JobError;
use crate::job_settings::{JobSettings, RunContext};
use crate::run_record::RowCounts;

/// What the pass leaves beside the bytes of users_transformed and of the state, which went out while it ran.
pub(super) struct Outcome {
    pub(super) rows: RowCounts,
    /// data_quality_summary as a Parquet file.
    pub(super) summary: Vec<u8>,
    pub(super) positions: Positions,
    /// Rows of the new state.
    pub(super) kept: u64,
}

pub(super) fn run(
    mut sources: Sources,
    ctx: &RunContext,
    settings: &JobSettings,
    refused: Arc<RefusedIds>,
    scratch: &Path,
    output: &PassOutput,
) -> Result<Outcome, JobError> {
    let bounds = Bounds::of(sources.rows(), settings.memory_bytes);
    let positions = sources.state.as_mut().map(|state| std::mem::take(&mut state.positions));
    let mut reading = Reading {
        ctx,
        spill: reading::empty_spill(&sources, &bounds, scratch)?,
        positions: positions.unwrap_or_default(),
        kept: KeptRows::new(sources.keep)?,
        counts: RowCounts::default(),
        refused,
        competing: 0,
        output,
    };
    reading.read(&sources, &bounds)?;
    let summary = transform(&mut reading)?;
    let Reading { positions, kept, mut counts, .. } = reading;
    counts.duplicates += sources.state.as_ref().map_or(0, |state| state.manifest.duplicates);
    balanced(&counts).map_err(|error| match &sources.state {
        // What its manifest says and what its rows are may differ by a damage that nothing else told.
        Some(state) => JobError::State { object: state.rows.key.clone(), source: Box::new(error) },
        None => error,
    })?;
    let kept = kept.finish(output)?;
    Ok(Outcome { rows: counts, summary: summary.file(ctx)?, positions, kept })
}

fn balanced(counts: &RowCounts) -> Result<(), JobError> {
    let RowCounts { raw_rows_by_position: positions, users, duplicates, after_as_of, .. } = *counts;
    if positions == users + duplicates + after_as_of {
        return Ok(());
    }
    Err(JobError::Unbalanced { positions, users, duplicates, after_as_of })
}

/// One range on its way into the table.
struct Made {
    users: Users,
    /// Rows of the range, those that lost among them.
    rows: u64,
}

/// Writes users_transformed range by range, and what the state keeps of each. While one range is encoded, for the table and for
/// the state, the next is transformed and the one after it gathered and sorted.
fn transform(reading: &mut Reading<'_>) -> Result<Summary, JobError> {
    let Reading { ctx, spill, kept, counts, competing, .. } = reading;
    let output = reading.output;
    // Rows dropped while reading are done with.
    let mut encoder = Encoder {
        summary: Summary::new()?,
        writer: TableWriter::new(&users_transformed_schema()).map_err(transforming())?,
        output,
        done: counts.duplicates,
        competing: *competing,
    };
    std::thread::scope(|scope| {
        let (made, ranges) = mpsc::sync_channel::<Made>(0);
        let (won, winners) = mpsc::sync_channel(0);
        let encoding = scope.spawn(move || {
            ranges.into_iter().try_for_each(|range| encoder.encode(range))?;
            let Encoder { writer, summary, .. } = encoder;
            let (bytes, rows) = writer.finish().map_err(transforming())?;
            output.bytes(bytes)?;
            Ok((summary, rows))
        });
        let keeping = scope.spawn(move || winners.into_iter().try_for_each(|rows| kept.add(rows, output)));
        let (sorted, ranges_of_winners) = mpsc::sync_channel::<Winners>(0);
        let sorting = scope.spawn(move || {
            (0..spill.ranges()).try_for_each(|range| {
                let Some(winners) = winners_of(spill, range)? else { return Ok(()) };
                // A taker that is gone tells why itself.
                won.send(winners.newest.clone()).map_err(|_| JobError::Cancelled)?;
                sorted.send(winners).map_err(|_| JobError::Cancelled)
            })
        });
        let transformed = ranges_of_winners.into_iter().try_for_each(|Winners { newest, rows }| {
            let users = transformed(newest, ctx)?;
            counts.duplicates += rows - users.rows.height() as u64;
            made.send(Made { users, rows }).map_err(|_| JobError::Cancelled)
        });
        drop(made);
        let sorted: Result<(), JobError> =
            sorting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let encoded: Result<(Summary, u64), JobError> =
            encoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let kept: Result<(), JobError> =
            keeping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let (summary, rows) = encoded?;
        kept?;
        transformed?;
        sorted?;
        counts.users = rows;
        Ok(summary)
    })
}

/// The rows of a range that won, sorted by id.
struct Winners {
    newest: DataFrame,
    /// Rows of the range, those that lost among them.
    rows: u64,
}

fn winners_of(spill: &mut Spill, range: usize) -> Result<Option<Winners>, JobError> {
    let Some(loaded) = spill.take(range)? else { return Ok(None) };
    let rows = (loaded.dropped + loaded.rows.height()) as u64;
    let newest = newest::per_id(loaded.rows).map_err(transforming())?;
    Ok(Some(Winners { newest, rows }))
}

/// The second half of a range's way.
struct Encoder<'a> {
    summary: Summary,
    writer: TableWriter,
    output: &'a PassOutput,
    done: u64,
    competing: u64,
}

impl Encoder<'_> {
    fn encode(&mut self, range: Made) -> Result<(), JobError> {
        self.summary.merge(range.users.counts)?;
        self.output.bytes(self.writer.append(range.users.rows).map_err(transforming())?)?;
        self.done += range.rows;
        self.output.send_progress(Progress::Transformed { rows: self.done, of: self.competing })
    }
}

fn transforming() -> impl FnOnce(PolarsError) -> JobError {
    JobError::engine("transform users")
}
