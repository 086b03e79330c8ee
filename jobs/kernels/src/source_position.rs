//! Where a raw row came from: `(_topic, _generation, _partition, _offset)`.

use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, Int32Array, Int64Array, RecordBatch};

use crate::columns::{Named, Texts, numbers};
use crate::kernel_error::KernelError;

pub(crate) const COLUMNS: [&str; 4] = ["_topic", "_generation", "_partition", "_offset"];

/// The columns of the source position, none with a null.
#[derive(Debug)]
pub(crate) struct SourcePosition<'a> {
    pub(crate) topics: Texts<'a>,
    pub(crate) generations: Texts<'a>,
    pub(crate) partitions: &'a Int32Array,
    pub(crate) offsets: &'a Int64Array,
}

impl<'a> SourcePosition<'a> {
    /// Of raw rows.
    pub(crate) fn of(raw: &'a RecordBatch) -> Result<Self, KernelError> {
        let [topic, generation, partition, offset] = COLUMNS;
        Ok(Self {
            topics: texts(raw, topic)?,
            generations: texts(raw, generation)?,
            partitions: whole::<Int32Type>(raw, partition)?,
            offsets: whole::<Int64Type>(raw, offset)?,
        })
    }

    /// That of a row, in the order by which rows without an id are sorted.
    pub(crate) fn at(&self, row: usize) -> (&'a str, &'a str, i32, i64) {
        // None is absent: that was looked at once for all.
        let text = |texts: &Texts<'a>| texts.at(row).unwrap_or_default();
        (text(&self.topics), text(&self.generations), self.partitions.value(row), self.offsets.value(row))
    }
}

fn texts<'a>(raw: &'a RecordBatch, column: &'static str) -> Result<Texts<'a>, KernelError> {
    present(raw, column)?;
    Texts::of(raw, column)
}

/// A column of numbers that each row has.
pub(crate) fn whole<'a, T: Named>(
    raw: &'a RecordBatch,
    column: &'static str,
) -> Result<&'a arrow_array::PrimitiveArray<T>, KernelError> {
    present(raw, column)?;
    numbers::<T>(raw, column)?.ok_or(KernelError::MissingPosition { column })
}

fn present(raw: &RecordBatch, column: &'static str) -> Result<(), KernelError> {
    let found = raw.column_by_name(column).ok_or(KernelError::MissingPosition { column })?;
    match found.null_count() {
        0 => Ok(()),
        rows => Err(KernelError::NullPosition { column, rows }),
    }
}
