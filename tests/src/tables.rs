//! An own reading of the lake's tables, and of what users_transformed has to hold.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

/// Where a row came from. Ordered as raw-transformation orders rows of one id and one timestamp.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// `_generation`, the topic generation.
    pub generation: String,
    /// `_offset`, the offset in the partition.
    pub offset: i64,
    /// `_partition`, the number of the partition in the topic.
    pub partition: i32,
    /// `_topic`, the topic.
    pub topic: String,
}

/// What a raw row says of its user and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRow {
    /// `user_id`; `None` where the row has none.
    pub user_id: Option<String>,
    /// Microseconds since 1970, UTC.
    pub timestamp: i64,
}

/// Raw rows by their position, however many objects hold one.
pub type RawRows = BTreeMap<Position, RawRow>;

/// Users by the position of the row that they were made of.
pub type Users = BTreeMap<Position, Option<String>>;

/// Every row and column of a Parquet file, in its own types alone.
pub fn read(path: &Path) -> Result<Vec<RecordBatch>> {
    let failed = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(failed)?;
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, plain).with_context(failed)?;
    reader.build().with_context(failed)?.map(|batch| batch.with_context(failed)).collect()
}

/// The file of one day of a curated table.
pub fn curated(lake: &Path, table: &str, day: &str) -> PathBuf {
    lake.join(format!("curated/{table}/processing_date={day}/part-00000.parquet"))
}

/// The raw rows of all of `objects`, which may overlap but not differ.
pub fn raw_rows(objects: impl IntoIterator<Item = PathBuf>) -> Result<RawRows> {
    let mut rows = RawRows::new();
    for object in objects {
        for batch in read(&object)? {
            let positions = positions(&batch, "_")?;
            let ids = texts(&batch, "user_id")?;
            let column = column(&batch, "_timestamp")?.as_primitive_opt::<TimestampMicrosecondType>();
            let timestamps = column.context("_timestamp has another type")?;
            for ((position, user_id), &timestamp) in positions.into_iter().zip(ids).zip(timestamps.values()) {
                let row = RawRow { user_id, timestamp };
                match rows.entry(position) {
                    Entry::Vacant(vacant) => drop(vacant.insert(row)),
                    Entry::Occupied(seen) => {
                        ensure!(*seen.get() == row, "{:?} holds two different rows", seen.key());
                    }
                }
            }
        }
    }
    Ok(rows)
}

/// What users_transformed has to hold of `raw` on a day that ends before `end` (µs): of each id the newest row.
pub fn newest_users(raw: &RawRows, end: i64) -> Users {
    let mut newest: BTreeMap<&str, (&str, i64, &Position)> = BTreeMap::new();
    let mut users = Users::new();
    for (position, row) in raw.iter().filter(|(_, row)| row.timestamp < end) {
        let Some(id) = &row.user_id else {
            users.insert(position.clone(), None);
            continue;
        };
        let candidate = (position.generation.as_str(), row.timestamp, position);
        let kept = newest.entry(id).or_insert(candidate);
        *kept = candidate.max(*kept);
    }
    users.extend(newest.into_iter().map(|(id, (_, _, position))| (position.clone(), Some(id.to_owned()))));
    users
}

/// What users_transformed holds on `day`: no position and no id twice.
pub fn users_transformed(lake: &Path, day: &str) -> Result<Users> {
    let (mut users, mut ids) = (Users::new(), BTreeSet::new());
    for batch in read(&curated(lake, "users_transformed", day))? {
        for (position, id) in positions(&batch, "source_")?.into_iter().zip(texts(&batch, "id")?) {
            ensure!(id.is_none() || ids.insert(id.clone()), "{id:?} is in users_transformed twice");
            if let Some(id) = users.insert(position.clone(), id) {
                bail!("{position:?} is in users_transformed twice, once as {id:?}");
            }
        }
    }
    Ok(users)
}

/// The source positions of a batch, whose columns begin with `prefix`.
pub fn positions(batch: &RecordBatch, prefix: &str) -> Result<Vec<Position>> {
    let name = |name: &str| format!("{prefix}{name}");
    let required = |name: &str| -> Result<Vec<String>> {
        texts(batch, name)?.into_iter().map(|text| text.with_context(|| format!("{name} is null"))).collect()
    };
    let (topics, generations) = (required(&name("topic"))?, required(&name("generation"))?);
    let (partitions, offsets) = (column(batch, &name("partition"))?, column(batch, &name("offset"))?);
    let partitions = partitions.as_primitive_opt::<Int32Type>().context("the partition is no int32")?;
    let offsets = offsets.as_primitive_opt::<Int64Type>().context("the offset is no int64")?;
    ensure!(partitions.null_count() + offsets.null_count() == 0, "a source position is null");
    let numbers = partitions.values().iter().zip(offsets.values());
    let texts = topics.into_iter().zip(generations);
    Ok(texts
        .zip(numbers)
        .map(|((topic, generation), (&partition, &offset))| Position { generation, offset, partition, topic })
        .collect())
}

/// A text column's cells.
pub fn texts(batch: &RecordBatch, name: &str) -> Result<Vec<Option<String>>> {
    let texts = column(batch, name)?.as_string_opt::<i32>().with_context(|| format!("{name} is no text"))?;
    Ok(texts.iter().map(|text| text.map(str::to_owned)).collect())
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b dyn Array> {
    batch.column_by_name(name).map(AsRef::as_ref).with_context(|| format!("no column {name}"))
}
