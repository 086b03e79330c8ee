//! The rows of several raw objects as one: each position once, by offset, a few batches in memory at a time.

use std::hash::Hasher;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::SchemaRef;

use crate::object_key::Key;
use crate::raw_object_name::RawObjectName;
use crate::raw_object_reader::{RawFile, RawFileError};

/// Why objects did not become one.
#[derive(Debug)]
pub(super) enum Unmerged {
    /// This object cannot be written by the schema, or is not what its name says: it is left alone.
    Unfit {
        object: Key,
        reason: String,
    },
    Failed(RawFileError),
}

impl From<RawFileError> for Unmerged {
    fn from(error: RawFileError) -> Self {
        match error {
            // One damaged object must not keep the others of its table small for ever.
            RawFileError::Unreadable { object, source } => {
                Self::Unfit { object, reason: format!("it is no readable Parquet file: {source}") }
            }
            RawFileError::Rows { object, source } => {
                Self::Unfit { object, reason: format!("its rows cannot be read: {source}") }
            }
            error => Self::Failed(error),
        }
    }
}

/// What identifies the offsets of an object's rows, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) rows: u64,
    hash: u64,
}

impl Fingerprint {
    pub(super) fn of(offsets: &[i64]) -> Self {
        let mut growing = Growing::default();
        growing.add(offsets);
        growing.fingerprint()
    }
}

#[derive(Default)]
pub(super) struct Growing {
    rows: u64,
    hasher: std::collections::hash_map::DefaultHasher,
}

impl Growing {
    fn add(&mut self, offsets: &[i64]) {
        self.rows += offsets.len() as u64;
        offsets.iter().for_each(|offset| self.hasher.write_i64(*offset));
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint { rows: self.rows, hash: self.hasher.finish() }
    }
}

/// Hands the rows of `files`, each position once and by offset, to `each`; counts them in `merged`.
///
/// Of two rows of one position that of the earlier file is kept.
pub(super) fn merge(
    files: &[RawFile],
    schema: &SchemaRef,
    merged: &mut Growing,
    mut each: impl FnMut(&RecordBatch) -> Result<(), Unmerged>,
) -> Result<(), Unmerged> {
    let mut cursors = Vec::with_capacity(files.len());
    for file in files {
        cursors.extend(Cursor::open(file, schema)?);
    }
    let mut written = None;
    while let Some(at) = (0..cursors.len()).min_by_key(|at| cursors[*at].head()) {
        let others = cursors.iter().enumerate().filter(|(other, _)| *other != at);
        let until = others.map(|(_, cursor)| cursor.head()).min().unwrap_or(i64::MAX);
        let (rows, ended) = cursors[at].take(written, until)?;
        if let Some(rows) = rows {
            let offsets = offsets(&rows);
            merged.add(offsets);
            written = offsets.last().copied();
            each(&rows)?;
        }
        if ended {
            cursors.remove(at);
        }
    }
    Ok(())
}

/// Where the merge is in one object: always at a row.
struct Cursor {
    key: Key,
    name: RawObjectName,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, RawFileError>>>,
    batch: RecordBatch,
    at: usize,
}

impl Cursor {
    /// `None` for an object without rows.
    fn open(file: &RawFile, schema: &SchemaRef) -> Result<Option<Self>, Unmerged> {
        let object = file.key().clone();
        if let Some(reason) = file.misfit(schema) {
            return Err(Unmerged::Unfit { object, reason });
        }
        let name = RawObjectName::of_key(&object)
            .map_err(|error| Unmerged::Unfit { object: object.clone(), reason: error.to_string() })?;
        let batches = Box::new(file.rows_by(schema)?);
        let empty = RecordBatch::new_empty(schema.clone());
        let mut cursor = Self { key: object, name, batches, batch: empty, at: 0 };
        Ok(cursor.advance(None)?.then_some(cursor))
    }

    fn head(&self) -> i64 {
        offsets(&self.batch)[self.at]
    }

    /// Takes rows behind the offset `written`, up to `until` or the batch's end; answers whether there are no more.
    fn take(&mut self, written: Option<i64>, until: i64) -> Result<(Option<RecordBatch>, bool), Unmerged> {
        let offsets = offsets(&self.batch);
        let start = self.at + offsets[self.at..].partition_point(|offset| Some(*offset) <= written);
        let end = start + offsets[start..].partition_point(|offset| *offset <= until);
        let last = offsets.last().copied();
        let rows = (end > start).then(|| self.batch.slice(start, end - start));
        self.at = end;
        let ended = self.at == self.batch.num_rows() && !self.advance(last)?;
        Ok((rows, ended))
    }

    /// Goes to the next batch that holds rows, which must lie behind the offset `before`; false at the end.
    fn advance(&mut self, before: Option<i64>) -> Result<bool, Unmerged> {
        for batch in self.batches.by_ref() {
            let batch = batch?;
            if batch.num_rows() > 0 {
                if let Some(reason) = self.stranger(&batch, before) {
                    return Err(Unmerged::Unfit { object: self.key.clone(), reason });
                }
                self.batch = batch;
                self.at = 0;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Why rows are not those that the object's name says, if so.
    fn stranger(&self, batch: &RecordBatch, before: Option<i64>) -> Option<String> {
        let text = |column: &str, expected: &str| {
            let texts = batch.column_by_name(column).and_then(|column| column.as_string_opt::<i32>());
            texts.is_some_and(|texts| texts.iter().all(|text| text == Some(expected)))
        };
        let partitions =
            batch.column_by_name("_partition").and_then(|column| column.as_primitive_opt::<Int32Type>());
        let of_partition = partitions.is_some_and(|partitions| {
            partitions.null_count() == 0
                && partitions.values().iter().all(|number| *number == self.name.partition())
        });
        if !of_partition
            || !text("_topic", self.name.topic())
            || !text("_generation", self.name.generation().as_str())
        {
            return Some(
                "it holds rows of another topic, generation or partition than its name says".to_owned(),
            );
        }
        let offsets = offsets(batch);
        if before >= offsets.first().copied() || !offsets.is_sorted_by(|left, right| left < right) {
            return Some("its rows are not in the order of their offsets".to_owned());
        }
        let named = self.name.first_offset().get()..=self.name.last_offset().get();
        if !offsets.iter().all(|offset| named.contains(offset)) {
            return Some("it holds offsets beyond those of its name".to_owned());
        }
        None
    }
}

/// The offsets of a batch by the stated schema, where they are never null.
fn offsets(batch: &RecordBatch) -> &[i64] {
    let column = batch.column_by_name("_offset").and_then(|column| column.as_primitive_opt::<Int64Type>());
    column.map_or(&[], |offsets| offsets.values())
}
