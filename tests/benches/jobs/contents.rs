//! What tables hold, in sums that must agree: everyone did the same work.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, StringArray};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::input::parquet_files;

/// The jobs' tables.
const TABLES: usize = 17;
/// How far sums of floating-point numbers may lie apart: the order of addition is free.
const NEAR: f64 = 1e-9;

pub(crate) type Tables = BTreeMap<String, Contents>;

/// A table by its sums.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents {
    rows: u64,
    columns: Vec<Column>,
}

#[derive(Debug, PartialEq)]
struct Column {
    name: String,
    nulls: u64,
    /// Of whole numbers, days, microseconds, truths; of the bytes of texts; of the lengths of lists and their elements.
    whole: i128,
    real: f64,
}

/// The tables that millrace wrote.
pub(crate) fn of_lake(lake: &Path) -> anyhow::Result<Tables> {
    let layers = ["curated", "analytics", "timeseries"];
    let files = layers.map(|layer| parquet_files(&lake.join(layer)));
    let files = files.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
    // <table>/processing_date=D/part-00000.parquet
    of_files(&files, 2)
}

/// The tables that a peer wrote.
pub(crate) fn of_peer(out: &Path) -> anyhow::Result<Tables> {
    of_files(&parquet_files(out)?, 1)
}

fn of_files(files: &[PathBuf], levels_to_table: usize) -> anyhow::Result<Tables> {
    let mut tables = Tables::new();
    for file in files {
        let table =
            file.ancestors().nth(levels_to_table).and_then(Path::file_name).context("no table's folder")?;
        let contents = of_file(file).with_context(|| file.display().to_string())?;
        let earlier = tables.insert(table.to_string_lossy().into_owned(), contents);
        ensure!(earlier.is_none(), "{} is a second file of its table", file.display());
    }
    ensure!(tables.len() == TABLES, "{} tables in place of {TABLES}", tables.len());
    Ok(tables)
}

fn of_file(file: &Path) -> anyhow::Result<Contents> {
    // The Parquet types alone: each tool has text types of its own in memory.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(file)?, options)?;
    let named = |name: &String| Column { name: name.clone(), nulls: 0, whole: 0, real: 0.0 };
    let mut columns: Vec<_> = builder.schema().fields().iter().map(|field| named(field.name())).collect();
    let mut rows = 0;
    let mut last_key = None;
    for batch in builder.with_batch_size(8_192).build()? {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        for (column, values) in columns.iter_mut().zip(batch.columns()) {
            column.add(values).with_context(|| format!("column {}", column.name))?;
        }
        if let Some(keys) = batch.column(0).as_string_opt() {
            check_order(keys, &mut last_key)?;
        }
    }
    Ok(Contents { rows, columns })
}

/// The first column is the key or its beginning: ascending by bytes, nulls first.
fn check_order(keys: &StringArray, last: &mut Option<String>) -> anyhow::Result<()> {
    let mut before = last.as_deref();
    for key in keys {
        ensure!(before <= key, "the rows are not in key order");
        before = key;
    }
    *last = before.map(str::to_owned);
    Ok(())
}

impl Column {
    fn add(&mut self, values: &dyn Array) -> anyhow::Result<()> {
        self.nulls += values.null_count() as u64;
        match values.data_type() {
            DataType::Boolean => self.whole += values.as_boolean().true_count() as i128,
            DataType::Int32 => {
                self.whole +=
                    values.as_primitive::<Int32Type>().iter().flatten().map(i128::from).sum::<i128>();
            }
            DataType::Int64 => {
                self.whole +=
                    values.as_primitive::<Int64Type>().iter().flatten().map(i128::from).sum::<i128>();
            }
            DataType::Date32 => {
                self.whole +=
                    values.as_primitive::<Date32Type>().iter().flatten().map(i128::from).sum::<i128>();
            }
            DataType::Timestamp(..) => {
                let instants =
                    values.as_primitive_opt::<TimestampMicrosecondType>().context("no microseconds")?;
                self.whole += instants.iter().flatten().map(i128::from).sum::<i128>();
            }
            DataType::Float64 => {
                self.real += values.as_primitive::<Float64Type>().iter().flatten().sum::<f64>();
            }
            DataType::Utf8 => {
                let sum = |text: &str| text.bytes().map(u64::from).sum::<u64>();
                self.whole += i128::from(values.as_string::<i32>().iter().flatten().map(sum).sum::<u64>());
            }
            DataType::List(_) => {
                let lists = values.as_list::<i32>();
                self.whole += lists.iter().flatten().map(|list| list.len() as i128).sum::<i128>();
                self.add(lists.values())?;
            }
            other => bail!("the type {other} is none of the tables'"),
        }
        Ok(())
    }

    fn agrees(&self, other: &Self) -> bool {
        let near = (self.real - other.real).abs() <= NEAR * self.real.abs().max(1.0);
        near && (&self.name, self.nulls, self.whole) == (&other.name, other.nulls, other.whole)
    }
}

/// An error that names the first table and column that differ.
pub(crate) fn check_equal(ours: &Tables, theirs: &Tables) -> anyhow::Result<()> {
    for (table, ours) in ours {
        let theirs = theirs.get(table).with_context(|| format!("{table} is missing"))?;
        ensure!(ours.rows == theirs.rows, "{table}: {} rows are ours, {} theirs", ours.rows, theirs.rows);
        let (width, their_width) = (ours.columns.len(), theirs.columns.len());
        ensure!(width == their_width, "{table}: {width} columns are ours, {their_width} theirs");
        for (ours, theirs) in ours.columns.iter().zip(&theirs.columns) {
            ensure!(ours.agrees(theirs), "{table}: ours {ours:?}, theirs {theirs:?}");
        }
    }
    Ok(())
}
