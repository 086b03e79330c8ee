//! The first half of a run: every row that can count is read once, and goes to its range or waits in the state.

use std::path::Path;
use std::sync::{Arc, mpsc};

use millrace_lake::erasure::refused_ids::RefusedIds;

use polars::prelude::*;

use super::pass_output::PassOutput;
use super::positions::Positions;
use super::ranges::Sample;
use super::raw_scan::{self, Piece};
use super::report::Progress;
use super::sources::Sources;
use super::spill::Spill;
use super::state::rows::KeptRows;
use super::{raw_columns, users_transformed};
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::run_record::RowCounts;

/// Rows that are read at once, at most: more would not be read faster, and one piece is parted while the next is decoded.
const PIECE_ROWS: usize = 65_536;

/// One row of so many is read before all are, to see where ranges are to be cut.
const SAMPLED: usize = 8;
/// Where there are fewer pieces, all of each is: too few parts would tell too little of all ids.
const SAMPLED_FROM_PIECES: usize = 2 * SAMPLED;

/// What a row costs while it waits in memory, in bytes: about twice what its texts take.
const BYTES_A_WAITING_ROW: u64 = 1024;

/// What a row costs at its widest, in bytes: raw, transformed and being encoded at once. Lower, and the job holds more
/// than its setting says.
const BYTES_A_ROW: u64 = 4096;

/// Rows of a range that waits in memory, at most: twice as many made no job faster, and three ranges are at work at once.
const WAITING_RANGE_ROWS: usize = 131_072;
/// Rows of a range in a file, at most: each piece has a part of each range, which costs an opening of its file and an encoding of its own.
const SPILLED_RANGE_ROWS: usize = 262_144;

/// How many rows are held at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) range_rows: usize,
    /// Whether no row has to be written to a file.
    pub(super) all_in_memory: bool,
}

impl Bounds {
    /// For `rows` rows and so many bytes.
    pub(super) fn of(rows: usize, memory_bytes: u64) -> Self {
        let fits = usize::try_from(memory_bytes / BYTES_A_ROW).unwrap_or(usize::MAX).max(1);
        let range_rows = fits.min(WAITING_RANGE_ROWS);
        let at_work = (range_rows as u64).saturating_mul(BYTES_A_ROW);
        let waiting = (rows as u64).saturating_mul(BYTES_A_WAITING_ROW);
        if at_work.saturating_add(waiting) <= memory_bytes {
            Self { range_rows, all_in_memory: true }
        } else {
            Self { range_rows: fits.min(SPILLED_RANGE_ROWS), all_in_memory: false }
        }
    }

    fn piece_rows(&self) -> usize {
        self.range_rows.min(PIECE_ROWS)
    }
}

/// Where rows go.
pub(super) struct Reading<'a> {
    pub(super) ctx: &'a RunContext,
    pub(super) spill: Spill,
    pub(super) positions: Positions,
    pub(super) kept: KeptRows,
    pub(super) counts: RowCounts,
    /// Whose rows count nowhere, as if they were not there.
    pub(super) refused: Arc<RefusedIds>,
    /// Rows that compete, those in `spill` and those it dropped.
    pub(super) competing: u64,
    pub(super) output: &'a PassOutput,
}

impl Reading<'_> {
    /// Reads the state's rows, then the new objects'. One piece is parted into its ranges while the next is decoded.
    pub(super) fn read(&mut self, sources: &Sources, bounds: &Bounds) -> Result<(), JobError> {
        let columns: Vec<Expr> = raw_columns::read().iter_names().map(|name| col(name.clone())).collect();
        std::thread::scope(|scope| {
            // One waits, so that neither side does.
            let (decoded, rows_of_pieces) = mpsc::sync_channel(1);
            let decoding = scope.spawn(move || {
                for (origin, piece) in pieces(sources, bounds.piece_rows()) {
                    let rows = collected(&piece, |raw| users_transformed::with_ids(raw.select(&columns)));
                    let rows = rows.and_then(|rows| whole(&piece, rows));
                    let rows = rows.map_err(|error| origin.told(&piece, error))?;
                    // A taker that is gone tells why itself.
                    decoded.send((origin, piece.action(), rows)).map_err(|_| JobError::Cancelled)?;
                }
                Ok(())
            });
            let (mut seen, of) = (0, sources.rows() as u64);
            let taken = rows_of_pieces.into_iter().try_for_each(|(origin, action, rows): Decoded| {
                seen += rows.height() as u64;
                self.take(origin, action, rows)?;
                self.output.send_progress(Progress::Read { rows: seen, of })
            });
            let decoded: Result<(), JobError> =
                decoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            taken.and(decoded)
        })?;
        self.counts.raw_rows_by_position = self.positions.count();
        Ok(())
    }

    /// Rows of a piece: those whose position was seen already are passed over.
    fn take(&mut self, origin: Origin, action: String, rows: DataFrame) -> Result<(), JobError> {
        let failed = |action: &str| JobError::engine(action.to_owned());
        let rows = match origin {
            // Its positions are the ones seen already.
            Origin::State => rows,
            Origin::Raw => {
                self.counts.rows_in += rows.height() as u64;
                let rows = self.of_others(rows).map_err(failed(&action))?;
                let new = self.positions.first_seen(&rows).map_err(failed(&action))?;
                if new.all() { rows } else { rows.filter(&new).map_err(failed(&action))? }
            }
        };
        self.place(rows).map_err(failed(&action))?
    }

    /// Without the rows about persons who were erased. They are left out before anything is counted or kept, so that tables do not tell
    /// a lake that has such a row from one that has not.
    fn of_others(&mut self, rows: DataFrame) -> PolarsResult<DataFrame> {
        if self.refused.is_empty() {
            return Ok(rows);
        }
        let ids = rows.column("user_id")?.str()?;
        let stays: BooleanChunked =
            ids.iter().map(|id| Some(id.is_none_or(|id| !self.refused.contains(id)))).collect();
        if stays.all() {
            return Ok(rows);
        }
        let others = rows.filter(&stays)?;
        self.counts.erased += (rows.height() - others.height()) as u64;
        Ok(others)
    }

    /// Rows stamped in time compete; the others wait for a later day.
    fn place(&mut self, rows: DataFrame) -> PolarsResult<Result<(), JobError>> {
        let timestamps = rows.column("_timestamp")?.to_physical_repr();
        let in_time = timestamps.i64()?.lt(self.ctx.end_of_day().get());
        let (waiting, competing) = if in_time.all() {
            (rows.clear(), rows)
        } else {
            (rows.filter(&!&in_time)?, rows.filter(&in_time)?)
        };
        self.counts.after_as_of += waiting.height() as u64;
        self.competing += competing.height() as u64;
        Ok(self.kept.add(waiting, self.output).and_then(|()| {
            self.counts.duplicates += self.spill.put(competing)? as u64;
            Ok(())
        }))
    }
}

/// In memory where all rows fit in it, else in files; with boundaries from a sample of all sources.
pub(super) fn empty_spill(sources: &Sources, bounds: &Bounds, scratch: &Path) -> Result<Spill, JobError> {
    let total = sources.rows();
    if total <= bounds.range_rows {
        return Ok(Spill::Memory(Vec::new()));
    }
    let pieces: Vec<_> = pieces(sources, bounds.piece_rows()).collect();
    let parts = if pieces.len() < SAMPLED_FROM_PIECES { 1 } else { SAMPLED };
    let mut sample = Sample::of_total(total / parts);
    let key = ["user_id", "_topic", "_generation", "_partition", "_offset"].map(col);
    for (number, (origin, piece)) in pieces.iter().enumerate() {
        // Another part of each piece in turn: where every object is sorted by id, their beginnings would tell of the lowest ids alone.
        let piece = piece.part(number % parts, parts);
        if piece.rows() == 0 {
            continue;
        }
        let rows = collected(&piece, |raw| users_transformed::with_ids(raw.select(&key)));
        let rows = rows.map_err(|error| origin.told(&piece, error))?;
        sample.add(&rows).map_err(JobError::engine(piece.action()))?;
    }
    let ranges = sample.ranges(bounds.range_rows / parts);
    Ok(match bounds.all_in_memory {
        true => Spill::in_memory(ranges),
        false => Spill::into_files(ranges, scratch.to_owned(), bounds.range_rows),
    })
}

/// A piece's rows, with the action by which its failures are told.
type Decoded = (Origin, String, DataFrame);

#[derive(Debug, Clone, Copy)]
enum Origin {
    State,
    Raw,
}

impl Origin {
    /// An error of the state says so: the run can do without it.
    fn told(self, piece: &Piece<'_>, error: JobError) -> JobError {
        match (self, piece.first_object()) {
            (Self::State, Some(object)) => {
                JobError::State { object: object.clone(), source: Box::new(error) }
            }
            _ => error,
        }
    }
}

fn pieces(sources: &Sources, limit: usize) -> impl Iterator<Item = (Origin, Piece<'_>)> {
    let state = raw_scan::pieces(sources.state_rows(), limit).into_iter();
    let raw = raw_scan::pieces(&sources.new, limit).into_iter();
    state.map(|piece| (Origin::State, piece)).chain(raw.map(|piece| (Origin::Raw, piece)))
}

fn collected(piece: &Piece<'_>, plan: impl FnOnce(LazyFrame) -> LazyFrame) -> Result<DataFrame, JobError> {
    let rows = plan(piece.scan()?).collect_with_engine(Engine::Streaming);
    Ok(rows.map_err(|error| piece.unreadable(error))?.unwrap_single())
}

/// Refuses rows without a position, and a piece that is not what the footers told: of an object that is rewritten
/// between two of its pieces some rows would be in neither.
fn whole(piece: &Piece<'_>, rows: DataFrame) -> Result<DataFrame, JobError> {
    if rows.height() != piece.rows() {
        return Err(JobError::Rewritten { objects: piece.names() });
    }
    for column in raw_columns::REQUIRED {
        let absent = rows.column(column).map_err(JobError::engine(piece.action()))?.null_count();
        if absent > 0 {
            return Err(JobError::NullPosition { objects: piece.names(), column, rows: absent });
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use millrace_lake::object_key::Key;

    use super::*;
    use crate::raw_transformation::raw_scan::RawObject;

    /// Objects that all hold the same ids, sorted: a table that is produced again each day.
    fn sorted_objects(folder: &Path, objects: usize, rows: usize) -> Vec<RawObject> {
        let object = |number: usize| {
            let mut frame = df!(
                "user_id" => (0..rows).map(|row| format!("{row:04}-{number}")).collect::<Vec<_>>(),
                "_topic" => vec!["t"; rows],
                "_generation" => vec!["g"; rows],
                "_partition" => vec![0i32; rows],
                "_offset" => (0..rows as i64).map(|row| (number * rows) as i64 + row).collect::<Vec<_>>(),
            )
            .expect("a frame");
            let key = Key::new(format!("raw/users/{number}.parquet")).expect("a key");
            let mut object = RawObject::of_rows(key, rows);
            object.path = folder.join(format!("{number}.parquet"));
            let file = std::fs::File::create(&object.path).expect("a file");
            ParquetWriter::new(file).finish(&mut frame).expect("written");
            object
        };
        (0..objects).map(object).collect()
    }

    #[test]
    fn ranges_of_sorted_objects_are_about_as_large_as_they_are_asked_to_be() {
        for objects in [3, 16, 37] {
            let folder = tempfile::tempdir().expect("a folder");
            let rows = 64;
            let new = sorted_objects(folder.path(), objects, rows);
            let sources = Sources { state: None, new, keep: false };
            let bounds = Bounds { range_rows: rows, all_in_memory: true };
            let mut spill = empty_spill(&sources, &bounds, folder.path()).expect("a spill");
            let key = ["user_id", "_topic", "_generation", "_partition", "_offset"].map(col);
            for (_, piece) in pieces(&sources, bounds.piece_rows()) {
                let read = collected(&piece, |raw| raw.select(&key)).expect("rows");
                spill.put(read).expect("put");
            }
            let ranges = 0..spill.ranges();
            let held = |range| spill.take(range).expect("taken").map_or(0, |loaded| loaded.rows.height());
            let held: Vec<usize> = ranges.map(held).collect();
            assert_eq!(held.iter().sum::<usize>(), objects * rows);
            assert!(held.iter().all(|range| *range <= 3 * rows), "{objects} objects: {held:?}");
        }
    }

    #[test]
    fn rows_wait_in_memory_while_they_fit() {
        let bounds = |rows, memory: u64| {
            let Bounds { range_rows, all_in_memory } = Bounds::of(rows, memory);
            (range_rows, all_in_memory)
        };
        assert_eq!(bounds(1_000_000, 4 << 30), (WAITING_RANGE_ROWS, true));
        assert_eq!(bounds(10_000_000, 4 << 30), (SPILLED_RANGE_ROWS, false));
        assert_eq!(bounds(1_000_000, 1 << 30), (SPILLED_RANGE_ROWS, false));
        assert_eq!(bounds(1_000_000, 96 << 20), (24_576, false));
        assert_eq!(bounds(10, 0), (1, false));
    }
}
