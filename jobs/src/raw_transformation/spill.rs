//! Rows held until their range is asked for: in memory where all fit, else in one file a range.
//!
//! Ranges are cut even where all rows fit: one is sorted while the one before it is transformed and the one before that encoded.

use std::fs::{self, File, OpenOptions};
use std::io::{Cursor, Read, Write};
use std::path::PathBuf;

use polars::prelude::*;
use polars_io::ipc::{IpcReader, IpcWriter};
use rayon::prelude::*;

use super::newest;
use super::ranges::Ranges;
use crate::job_error::JobError;

/// The rows of a run, put in by piece and taken out by range.
#[derive(Debug)]
pub(super) enum Spill {
    /// Few rows: one range.
    Memory(Vec<DataFrame>),
    /// For each range its rows, never written.
    Parted { ranges: Ranges, parts: Vec<Vec<DataFrame>> },
    Files {
        ranges: Ranges,
        folder: PathBuf,
        /// For each range the sizes of the Arrow IPC files that were appended to its file.
        parts: Vec<Vec<u64>>,
        /// Rows of a range beyond which it is deduplicated while it is read.
        range_rows: usize,
    },
}

/// One range's rows and how many were dropped while they were gathered.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) rows: DataFrame,
    pub(super) dropped: usize,
}

impl Spill {
    pub(super) fn in_memory(ranges: Ranges) -> Self {
        let parts = vec![Vec::new(); ranges.count()];
        Self::Parted { ranges, parts }
    }

    pub(super) fn into_files(ranges: Ranges, folder: PathBuf, range_rows: usize) -> Self {
        let parts = vec![Vec::new(); ranges.count()];
        Self::Files { ranges, folder, parts, range_rows }
    }

    /// How many ranges there are to [`Self::take`], in the order of the table.
    pub(super) fn ranges(&self) -> usize {
        match self {
            Self::Memory(_) => 1,
            Self::Parted { parts, .. } => parts.len(),
            Self::Files { parts, .. } => parts.len(),
        }
    }

    /// Puts rows in; answers how many were dropped since their id has a newer row among them.
    ///
    /// Dropping here bounds a range whose one id has very many rows.
    pub(super) fn put(&mut self, rows: DataFrame) -> Result<usize, JobError> {
        match self {
            Self::Memory(frames) => {
                frames.push(rows);
                Ok(0)
            }
            Self::Parted { ranges, parts } => {
                let members = members(ranges, &rows)?.into_par_iter().zip(parts.par_iter_mut());
                members.filter(|(members, _)| !members.is_empty()).try_for_each(|(members, parts)| {
                    let part = rows.take(&IdxCa::from_vec("rows".into(), members));
                    parts.push(part.and_then(own_texts).map_err(parting())?);
                    Ok::<(), JobError>(())
                })?;
                Ok(0)
            }
            Self::Files { ranges, folder, parts, .. } => {
                let before = rows.height();
                let rows = newest_where_repeated(rows)?;
                // Each range has a file of its own.
                let members = members(ranges, &rows)?.into_par_iter().zip(parts.par_iter_mut()).enumerate();
                members.filter(|(_, (members, _))| !members.is_empty()).try_for_each(
                    |(range, (members, parts))| {
                        let members = IdxCa::from_vec("rows".into(), members);
                        let mut part = rows.take(&members).map_err(parting())?;
                        let mut encoded = Vec::new();
                        // Its writer copies just the texts in use: a text column otherwise holds on to the whole piece.
                        IpcWriter::new(&mut encoded)
                            .with_parallel(false)
                            .finish(&mut part)
                            .map_err(parting())?;
                        let path = folder.join(format!("range-{range}"));
                        OpenOptions::new()
                            .create(true)
                            .append(true)
                            .open(&path)
                            .and_then(|mut file| file.write_all(&encoded))
                            .map_err(JobError::scratch("write", path))?;
                        parts.push(encoded.len() as u64);
                        Ok::<(), JobError>(())
                    },
                )?;
                Ok(before - rows.height())
            }
        }
    }

    /// Takes a range's rows out, its file with them; nothing where it has none.
    pub(super) fn take(&mut self, range: usize) -> Result<Option<Loaded>, JobError> {
        match self {
            Self::Memory(frames) => {
                let frames = std::mem::take(frames);
                Ok(concatenated(frames)?.map(|rows| Loaded { rows, dropped: 0 }))
            }
            Self::Parted { parts, .. } => {
                let rows = concatenated(std::mem::take(&mut parts[range]))?;
                Ok(rows.map(|rows| Loaded { rows, dropped: 0 }))
            }
            Self::Files { folder, parts, range_rows, .. } => {
                let parts = std::mem::take(&mut parts[range]);
                if parts.is_empty() {
                    return Ok(None);
                }
                let path = folder.join(format!("range-{range}"));
                let mut file = File::open(&path).map_err(JobError::scratch("open", &path))?;
                let mut gathered = Gathered::new(2 * *range_rows);
                for bytes in parts {
                    let mut encoded = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
                    file.read_exact(&mut encoded).map_err(JobError::scratch("read", &path))?;
                    let part = IpcReader::new(Cursor::new(encoded)).finish();
                    gathered.add(part.map_err(JobError::engine("read spilled rows"))?)?;
                }
                drop(file);
                fs::remove_file(&path).map_err(JobError::scratch("remove", &path))?;
                gathered.finish()
            }
        }
    }
}

fn parting() -> impl FnOnce(PolarsError) -> JobError {
    JobError::engine("part rows into ranges")
}

/// The rows of each range.
fn members(ranges: &Ranges, rows: &DataFrame) -> Result<Vec<Vec<IdxSize>>, JobError> {
    let mut members: Vec<Vec<IdxSize>> = vec![Vec::new(); ranges.count()];
    for (row, range) in (0..).zip(ranges.of(rows).map_err(parting())?) {
        members[range].push(row);
    }
    Ok(members)
}

/// The same rows with texts in buffers of their own: taken rows share those of the whole piece, which would live until its
/// last range is done.
fn own_texts(rows: DataFrame) -> PolarsResult<DataFrame> {
    let height = rows.height();
    let columns = rows.into_columns().into_iter().map(|column| match column.try_str() {
        Some(texts) => {
            let chunks = texts.downcast_iter().map(|chunk| chunk.clone().gc());
            StringChunked::from_chunk_iter(texts.name().clone(), chunks).into_column()
        }
        None => column,
    });
    let columns = columns.collect();
    DataFrame::new(height, columns)
}

/// A range as it is read: where it grows too large, older rows of repeated ids go at once.
struct Gathered {
    frames: Vec<DataFrame>,
    rows: usize,
    limit: usize,
    dropped: usize,
}

impl Gathered {
    fn new(limit: usize) -> Self {
        Self { frames: Vec::new(), rows: 0, limit, dropped: 0 }
    }

    fn add(&mut self, frame: DataFrame) -> Result<(), JobError> {
        self.rows += frame.height();
        self.frames.push(frame);
        if self.rows > self.limit {
            self.compact()?;
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<(), JobError> {
        let Some(rows) = concatenated(std::mem::take(&mut self.frames))? else { return Ok(()) };
        let before = rows.height();
        let rows = newest_where_repeated(rows)?;
        self.rows = rows.height();
        self.dropped += before - self.rows;
        // Where little could go, the next try comes only when the range has doubled.
        self.limit = self.limit.max(2 * self.rows);
        self.frames.push(rows);
        Ok(())
    }

    fn finish(self) -> Result<Option<Loaded>, JobError> {
        Ok(concatenated(self.frames)?.map(|rows| Loaded { rows, dropped: self.dropped }))
    }
}

fn newest_where_repeated(rows: DataFrame) -> Result<DataFrame, JobError> {
    let failed = || JobError::engine("drop older rows of repeated ids");
    let ids = rows.column("user_id").map_err(failed())?;
    let absent = usize::from(ids.null_count() > 0);
    let distinct = ids.n_unique().map_err(failed())? - absent;
    if distinct == rows.height() - ids.null_count() {
        return Ok(rows);
    }
    newest::per_id(rows).map_err(failed())
}

fn concatenated(frames: Vec<DataFrame>) -> Result<Option<DataFrame>, JobError> {
    let mut frames = frames.into_iter();
    let Some(mut all) = frames.next() else { return Ok(None) };
    for frame in frames {
        all.vstack_mut_owned(frame).map_err(JobError::engine("gather rows"))?;
    }
    Ok(Some(all))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::raw_transformation::ranges::Sample;

    /// Rows of one id differ in `_offset`, and so in which is the newest.
    fn frame(ids: &[Option<String>], first: i64) -> DataFrame {
        let rows = ids.len();
        let offsets: Vec<i64> = (first..).take(rows).collect();
        let texts: Vec<String> =
            offsets.iter().map(|offset| format!("a text too long for a view {offset}")).collect();
        let mut frame = df!(
            "user_id" => ids,
            "_topic" => vec!["t"; rows],
            "_generation" => vec!["g"; rows],
            "_partition" => vec![0i32; rows],
            "_timestamp" => vec![0i64; rows],
            "_offset" => offsets,
            "text" => texts,
        )
        .expect("a frame");
        let timestamp = crate::polars_schema::timestamp();
        frame.try_apply("_timestamp", |column| column.cast(&timestamp)).expect("instants");
        frame
    }

    proptest! {
        #[test]
        fn ranges_that_wait_in_memory_have_the_winners_of_those_in_files(
            pieces in prop::collection::vec(prop::collection::vec(prop::option::of("[a-c]{1,2}"), 1..20), 1..6), range_rows in 1usize..20
        ) {
            let total: usize = pieces.iter().map(Vec::len).sum();
            let mut sample = Sample::of_total(total);
            let mut frames = Vec::new();
            for (number, ids) in (0i64..).zip(&pieces) {
                let frame = frame(ids, 100 * number);
                sample.add(&frame).expect("sampled");
                frames.push(frame);
            }
            let ranges = sample.ranges(range_rows);
            let folder = tempfile::tempdir().expect("a folder");
            let mut memory = Spill::in_memory(ranges.clone());
            let mut files = Spill::into_files(ranges, folder.path().to_owned(), range_rows);
            let mut dropped = 0;
            for frame in frames {
                prop_assert_eq!(memory.put(frame.clone()).expect("put"), 0);
                dropped += files.put(frame).expect("put");
            }
            prop_assert_eq!(memory.ranges(), files.ranges());
            let mut taken = 0;
            for range in 0..memory.ranges() {
                let (held, read) = (memory.take(range).expect("taken"), files.take(range).expect("taken"));
                prop_assert_eq!(held.is_some(), read.is_some());
                let (Some(held), Some(read)) = (held, read) else { continue };
                taken += held.rows.height();
                dropped += read.dropped;
                dropped += read.rows.height();
                let winners = |loaded: Loaded| newest::per_id(loaded.rows).expect("winners");
                prop_assert!(winners(held).equals_missing(&winners(read)));
            }
            prop_assert_eq!(taken, total);
            prop_assert_eq!(dropped, total);
        }
    }
}
