//! The blocking work of one run: read, part into ranges, then range by range to the table's bytes.

use std::path::{Path, PathBuf};

use millrace_lake::key::Key;
use polars::prelude::*;
use tokio::sync::mpsc;

use super::positions::Positions;
use super::ranges::Sample;
use super::raw_scan::{self, Piece, RawObject, SchemaDrift};
use super::spill::Spill;
use super::summary::Summary;
use super::table_writer::TableWriter;
use super::{Message, Progress, RowCounts, plan, raw_columns};
use crate::job_error::JobError;
use crate::run_context::{JobSettings, RunContext};

/// What a row costs at its widest, in bytes: raw, transformed and being encoded at once. Lower, and the job holds more
/// than its setting says.
const BYTES_A_ROW: u64 = 4096;

/// What the pass leaves beside the bytes of users_transformed, which went out while it ran.
pub(super) struct Outcome {
    pub(super) rows: RowCounts,
    pub(super) drift: SchemaDrift,
    /// data_quality_summary as a Parquet file.
    pub(super) summary: Vec<u8>,
}

/// Where the pass sends its bytes and progress.
pub(super) struct Outlet(mpsc::Sender<Message>);

impl Outlet {
    pub(super) fn new(sender: mpsc::Sender<Message>) -> Self {
        Self(sender)
    }

    fn send(&self, message: Message) -> Result<(), JobError> {
        self.0.blocking_send(message).map_err(|_| JobError::Cancelled)
    }

    fn bytes(&self, bytes: Vec<u8>) -> Result<(), JobError> {
        if bytes.is_empty() { Ok(()) } else { self.send(Message::Bytes(bytes)) }
    }
}

pub(super) fn run(
    files: Vec<(Key, PathBuf)>,
    ctx: &RunContext,
    settings: &JobSettings,
    scratch: &Path,
    outlet: &Outlet,
) -> Result<Outcome, JobError> {
    let range_rows = usize::try_from(settings.memory_bytes / BYTES_A_ROW).unwrap_or(usize::MAX).max(1);
    let (objects, drift) = raw_scan::check(files)?;
    let mut counts = RowCounts::default();
    let mut spill = empty_spill(&objects, range_rows, scratch)?;
    let competing = read(&objects, range_rows, ctx, &mut spill, &mut counts, outlet)?;
    let summary = transform(&mut spill, ctx, competing, &mut counts, outlet)?;
    let RowCounts { raw_rows_by_position: positions, users, duplicates, after_as_of, .. } = counts;
    if positions != users + duplicates + after_as_of {
        return Err(JobError::Unbalanced { positions, users, duplicates, after_as_of });
    }
    Ok(Outcome { rows: counts, drift, summary: encoded_summary(&summary, ctx)? })
}

/// In memory where all rows are one range, else with boundaries from a sample of all objects.
fn empty_spill(objects: &[RawObject], range_rows: usize, scratch: &Path) -> Result<Spill, JobError> {
    let total = objects.iter().map(|object| object.rows).sum();
    if total <= range_rows {
        return Ok(Spill::Memory(Vec::new()));
    }
    let mut sample = Sample::of_total(total);
    let key = ["user_id", "_topic", "_generation", "_partition", "_offset"].map(col);
    for piece in raw_scan::pieces(objects, range_rows) {
        let rows = collected(&piece, |raw| plan::with_ids(raw.select(&key)))?;
        sample.add(&rows).map_err(JobError::engine(piece.action()))?;
    }
    Ok(Spill::into_files(sample.ranges(range_rows), scratch.to_owned(), range_rows))
}

/// Puts every row that competes, its position seen once and its day not over, into `spill`; answers how many.
fn read(
    objects: &[RawObject],
    range_rows: usize,
    ctx: &RunContext,
    spill: &mut Spill,
    counts: &mut RowCounts,
    outlet: &Outlet,
) -> Result<u64, JobError> {
    let columns: Vec<Expr> = raw_columns::read().iter_names().map(|name| col(name.clone())).collect();
    let of = objects.iter().map(|object| object.rows as u64).sum();
    let mut positions = Positions::default();
    let mut competing = 0;
    for piece in raw_scan::pieces(objects, range_rows) {
        let failed = || JobError::engine(piece.action());
        let rows = collected(&piece, |raw| plan::with_ids(raw.select(&columns)))?;
        refuse_null_positions(&piece, &rows)?;
        counts.rows_in += rows.height() as u64;
        let rows = rows.filter(&positions.first_seen(&rows).map_err(failed())?).map_err(failed())?;
        let timestamps = rows.column("_timestamp").map_err(failed())?.to_physical_repr();
        let in_time = timestamps.i64().map_err(failed())?.lt(ctx.end_of_day());
        let seen = rows.height();
        let rows = rows.filter(&in_time).map_err(failed())?;
        counts.after_as_of += (seen - rows.height()) as u64;
        competing += rows.height() as u64;
        counts.duplicates += spill.put(rows)? as u64;
        outlet.send(Message::Progress(Progress::Read { rows: counts.rows_in, of }))?;
    }
    counts.raw_rows_by_position = positions.count();
    Ok(competing)
}

/// Writes users_transformed range by range.
fn transform(
    spill: &mut Spill,
    ctx: &RunContext,
    competing: u64,
    counts: &mut RowCounts,
    outlet: &Outlet,
) -> Result<Summary, JobError> {
    let failed = || JobError::engine("transform users");
    let mut summary = Summary::default();
    let mut writer = TableWriter::new(&plan::users_transformed_schema()).map_err(failed())?;
    // Rows dropped while reading are done with.
    let mut done = counts.duplicates;
    for range in 0..spill.ranges() {
        let Some(loaded) = spill.take(range)? else { continue };
        let height = loaded.rows.height();
        let newest = plan::newest_per_id(loaded.rows.lazy());
        let users = plan::in_order(plan::users_transformed(newest, ctx));
        let users = users.collect_with_engine(Engine::Streaming).map_err(failed())?.unwrap_single();
        counts.duplicates += (loaded.dropped + height - users.height()) as u64;
        summary.add(&users).map_err(failed())?;
        outlet.bytes(writer.append(users).map_err(failed())?)?;
        done += (loaded.dropped + height) as u64;
        outlet.send(Message::Progress(Progress::Transformed { rows: done, of: competing }))?;
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

fn collected(piece: &Piece<'_>, plan: impl FnOnce(LazyFrame) -> LazyFrame) -> Result<DataFrame, JobError> {
    let rows = plan(piece.scan()?).collect_with_engine(Engine::Streaming);
    Ok(rows.map_err(JobError::engine(piece.action()))?.unwrap_single())
}

fn refuse_null_positions(piece: &Piece<'_>, rows: &DataFrame) -> Result<(), JobError> {
    for column in raw_columns::REQUIRED {
        let absent = rows.column(column).map_err(JobError::engine(piece.action()))?.null_count();
        if absent > 0 {
            return Err(JobError::NullPosition { objects: piece.names(), column, rows: absent });
        }
    }
    Ok(())
}
