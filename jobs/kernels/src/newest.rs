//! Of the rows of one id the newest, in the order of the table.

use std::cmp::Ordering;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{RecordBatch, TimestampMicrosecondArray, UInt32Array};

use crate::clean;
use crate::columns::Texts;
use crate::kernel_error::KernelError;
use crate::source_position::{SourcePosition, whole};

/// (`_generation`, `_timestamp`, `_offset`, `_partition`, `_topic`): what is greater is newer. Distinct rows of an id differ in it, since
/// their positions do.
pub type Version<'a> = (&'a str, i64, i64, i32, &'a str);

/// Rows that compete, however an engine holds them.
pub trait Competitors: Sync {
    /// How many rows there are; they are numbered from 0.
    fn rows(&self) -> u32;

    /// The id of a row, untrimmed; one of blanks is no id.
    fn id(&self, row: u32) -> Option<&str>;

    /// The version of a row.
    fn version(&self, row: u32) -> Version<'_>;
}

/// A row with an id, on its way to its place.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The first eight bytes of the id as a number that sorts as they do; what is shorter ends in zeros.
    begins: u64,
    row: u32,
}

/// Parts the rows: those with an id, to be sorted by [`compare`], and those without, in their order.
pub fn parted(rows: &impl Competitors) -> (Vec<Entry>, Vec<u32>) {
    let (mut with_id, mut without) = (Vec::with_capacity(rows.rows() as usize), Vec::new());
    for row in 0..rows.rows() {
        match rows.id(row) {
            Some(id) => with_id.push(Entry { begins: first_bytes(id), row }),
            None => without.push(row),
        }
    }
    (with_id, without)
}

/// By id, byte for byte; of one id the newest first. Nearly every comparison ends within the first bytes of the id.
pub fn compare(rows: &impl Competitors, one: &Entry, other: &Entry) -> Ordering {
    one.begins
        .cmp(&other.begins)
        .then_with(|| rows.id(one.row).cmp(&rows.id(other.row)))
        .then_with(|| rows.version(other.row).cmp(&rows.version(one.row)))
}

/// The first row of each id of `sorted`, which [`compare`] sorted.
pub fn winners(rows: &impl Competitors, mut sorted: Vec<Entry>) -> impl Iterator<Item = u32> {
    sorted.dedup_by(|later, first| later.begins == first.begins && rows.id(later.row) == rows.id(first.row));
    sorted.into_iter().map(|entry| entry.row)
}

/// Of the rows of one id the newest, ids byte for byte, sorted by id; before them the rows without an id, sorted by their source
/// position: the order of users_transformed. Of rows at one source position one is left.
///
/// Rows of an id may stand anywhere. That all of it are in `raw` is the caller's: an id that is spread over two batches has two winners.
///
/// # Errors
/// A row has no source position or no `_timestamp`, or a column is of another type than raw/users has.
pub fn newest(raw: &RecordBatch) -> Result<RecordBatch, KernelError> {
    let rows = RawRows::of(raw)?;
    let (mut with_id, mut newest) = parted(&rows);
    newest.sort_unstable_by_key(|row| rows.position.at(*row as usize));
    newest.dedup_by_key(|row| rows.position.at(*row as usize));
    with_id.sort_unstable_by(|one, other| compare(&rows, one, other));
    newest.extend(winners(&rows, with_id));
    Ok(arrow_select::take::take_record_batch(raw, &UInt32Array::from(newest))?)
}

struct RawRows<'a> {
    rows: u32,
    ids: Texts<'a>,
    position: SourcePosition<'a>,
    timestamps: &'a TimestampMicrosecondArray,
}

impl<'a> RawRows<'a> {
    fn of(raw: &'a RecordBatch) -> Result<Self, KernelError> {
        let rows =
            u32::try_from(raw.num_rows()).map_err(|_| KernelError::TooManyRows { rows: raw.num_rows() })?;
        Ok(Self {
            rows,
            ids: Texts::of(raw, "user_id")?,
            position: SourcePosition::of(raw)?,
            timestamps: whole::<TimestampMicrosecondType>(raw, "_timestamp")?,
        })
    }
}

impl Competitors for RawRows<'_> {
    fn rows(&self) -> u32 {
        self.rows
    }

    fn id(&self, row: u32) -> Option<&str> {
        self.ids.at(row as usize).and_then(clean::id)
    }

    fn version(&self, row: u32) -> Version<'_> {
        let (topic, generation, partition, offset) = self.position.at(row as usize);
        (generation, self.timestamps.value(row as usize), offset, partition, topic)
    }
}

fn first_bytes(id: &str) -> u64 {
    let mut first = [0; 8];
    let length = id.len().min(8);
    first[..length].copy_from_slice(&id.as_bytes()[..length]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int32Type, Int64Type};
    use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    /// Id, generation, timestamp, offset, partition, topic.
    type Row = (Option<String>, u8, i64, i64, i32, bool);

    fn batch(rows: &[Row]) -> RecordBatch {
        let generation = |row: &Row| if row.1 == 0 { "a" } else { "b" };
        let topic = |row: &Row| if row.5 { "t" } else { "u" };
        let timestamps: Vec<i64> = rows.iter().map(|row| row.2).collect();
        let columns: [(&str, ArrayRef); 6] = [
            ("user_id", Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>())),
            ("_generation", Arc::new(StringArray::from_iter_values(rows.iter().map(generation)))),
            ("_timestamp", Arc::new(TimestampMicrosecondArray::from(timestamps).with_timezone("UTC"))),
            ("_offset", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.3)))),
            ("_partition", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.4)))),
            ("_topic", Arc::new(StringArray::from_iter_values(rows.iter().map(topic)))),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    }

    fn row(batch: &RecordBatch, at: usize) -> Row {
        let text = |name: &str| batch.column_by_name(name).expect("a column").as_string::<i32>();
        let ids = text("user_id");
        (
            ids.is_valid(at).then(|| ids.value(at).to_owned()),
            u8::from(text("_generation").value(at) == "b"),
            batch
                .column_by_name("_timestamp")
                .expect("a column")
                .as_primitive::<TimestampMicrosecondType>()
                .value(at),
            batch.column_by_name("_offset").expect("a column").as_primitive::<Int64Type>().value(at),
            batch.column_by_name("_partition").expect("a column").as_primitive::<Int32Type>().value(at),
            text("_topic").value(at) == "t",
        )
    }

    proptest! {
        #[test]
        fn the_greatest_version_of_each_id_stays_and_every_row_without_one(
            rows in prop::collection::vec(
                (prop::option::of("[a-bæ\0 ]{0,2}|[a-b]{8,10}"), 0u8..2, 0i64..3, 0i64..3, 0i32..2, any::<bool>()), 0..40
            )
        ) {
            let mut with_id = BTreeMap::new();
            let mut without = BTreeMap::new();
            for (id, generation, timestamp, offset, partition, topic) in &rows {
                // "t" < "u", and true stands for "t".
                let version = (*generation, *timestamp, *offset, *partition, !*topic);
                match id.as_ref().filter(|id| !id.trim().is_empty()) {
                    Some(id) => {
                        let newest = with_id.entry(id.clone()).or_insert(version);
                        *newest = version.max(*newest);
                    }
                    None => {
                        without.insert((!*topic, *generation, *partition, *offset), ());
                    }
                }
            }
            let found = newest(&batch(&rows)).expect("rows");
            let found: Vec<Row> = (0..found.num_rows()).map(|at| row(&found, at)).collect();
            let (first, rest) = found.split_at(without.len());
            let positions: Vec<_> = first.iter().map(|row| (!row.5, row.1, row.4, row.3)).collect();
            prop_assert_eq!(positions, without.into_keys().collect::<Vec<_>>());
            let winners: Vec<_> =
                rest.iter().map(|row| (row.0.clone().unwrap_or_default(), (row.1, row.2, row.3, row.4, !row.5))).collect();
            prop_assert_eq!(winners, with_id.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_row_without_its_place_is_refused() {
        let rows: Vec<Row> = BTreeSet::from([(Some("a".to_owned()), 0, 0, 0, 0, true)]).into_iter().collect();
        let whole = batch(&rows);
        for name in ["_topic", "_generation", "_partition", "_offset", "_timestamp"] {
            let mut less = whole.clone();
            less.remove_column(whole.schema().index_of(name).expect("a column"));
            let error = newest(&less).expect_err("no place").to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
