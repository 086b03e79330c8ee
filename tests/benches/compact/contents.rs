//! What rows a lake holds: every value of every column, in the order of the rows' positions, told apart by hour, life and partition.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use millrace_lake::RawObjectName;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Of each hour, life and partition its rows, and a hash of each column's values one after the other.
pub(crate) type Contents = BTreeMap<(String, String, i32), (u64, BTreeMap<String, u64>)>;

/// Reads all objects below `lake`, those of a group by their first offsets.
pub(crate) fn of(lake: &Path) -> anyhow::Result<(usize, Contents)> {
    let mut groups: BTreeMap<_, Vec<(RawObjectName, PathBuf)>> = BTreeMap::new();
    let mut objects = 0;
    for day in folders(&lake.join("raw/users"))? {
        for hour in folders(&day)? {
            for object in folders(&hour)? {
                let name =
                    object.file_name().and_then(|name| name.to_str()).context("an object's name is text")?;
                let name: RawObjectName = name.parse()?;
                let key =
                    (hour.display().to_string(), name.generation().as_str().to_owned(), name.partition());
                groups.entry(key).or_default().push((name, object));
                objects += 1;
            }
        }
    }
    let mut contents = Contents::new();
    for (key, mut members) in groups {
        members.sort();
        contents.insert(key, read(&members)?);
    }
    Ok((objects, contents))
}

fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?)
}

fn read(members: &[(RawObjectName, PathBuf)]) -> anyhow::Result<(u64, BTreeMap<String, u64>)> {
    let mut rows = 0;
    let mut columns: BTreeMap<String, DefaultHasher> = BTreeMap::new();
    for (_, path) in members {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()?;
        for batch in reader {
            let batch: RecordBatch = batch?;
            rows += batch.num_rows() as u64;
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                add(columns.entry(field.name().clone()).or_default(), column)?;
            }
        }
    }
    Ok((rows, columns.into_iter().map(|(name, hasher)| (name, hasher.finish())).collect()))
}

fn add(hasher: &mut DefaultHasher, column: &dyn Array) -> anyhow::Result<()> {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().iter().for_each(|value| value.hash(hasher)),
        DataType::Int32 => column.as_primitive::<Int32Type>().iter().for_each(|value| value.hash(hasher)),
        DataType::Int64 => column.as_primitive::<Int64Type>().iter().for_each(|value| value.hash(hasher)),
        DataType::Boolean => column.as_boolean().iter().for_each(|value| value.hash(hasher)),
        DataType::Float64 => {
            column
                .as_primitive::<Float64Type>()
                .iter()
                .for_each(|value| value.map(f64::to_bits).hash(hasher));
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().iter().for_each(|value| value.hash(hasher));
        }
        other => bail!("a column of type {other} is not compared"),
    }
    Ok(())
}
