//! All 17 tables of tidy users are what they were before there were untidy ones, in every row and cell. The hashes were
//! made by the program as it was then.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use millrace_lake::layout::Layer;
use millrace_tables::table_catalogue;
use millrace_tests::program::{DAY, Ended, TIDY, simulate};
use millrace_tests::tables;
use sha2::{Digest, Sha256};

/// Seeds, and the hash of their tables.
const GOLDEN: [(u64, &str); 3] = [
    (1, "0c7402cd68879699450086ed4b59d5077e44f09119cb0baaff7f629a4d3a342a"),
    (2, "554d677eef8289dec5e4a3c794a03ac172f39953907145efb2a4c84e0daa66a7"),
    (3, "abfe11bfd0eb0919940dc0f6087731215994d9adf69262208977c1cd83524707"),
];

/// Differ from run to run.
const OF_THE_RUN: [&str; 6] = [
    "source_generation",
    "processed_at",
    "quality_check_timestamp",
    "created_at",
    "dim_created_at",
    "dim_updated_at",
];

/// A cell as text; floats by their bits.
fn cell(column: &dyn Array, row: usize, out: &mut String) -> Result<()> {
    if column.is_null(row) {
        out.push('-');
        return Ok(());
    }
    match column.data_type() {
        DataType::Utf8 => write!(out, "{:?}", column.as_string::<i32>().value(row))?,
        DataType::Boolean => write!(out, "{}", column.as_boolean().value(row))?,
        DataType::Int32 => write!(out, "{}", column.as_primitive::<Int32Type>().value(row))?,
        DataType::Int64 => write!(out, "{}", column.as_primitive::<Int64Type>().value(row))?,
        DataType::Float64 => {
            write!(out, "{:016x}", column.as_primitive::<Float64Type>().value(row).to_bits())?;
        }
        DataType::Date32 => write!(out, "{}", column.as_primitive::<Date32Type>().value(row))?,
        DataType::Timestamp(..) => {
            write!(out, "{}", column.as_primitive::<TimestampMicrosecondType>().value(row))?;
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            for item in 0..items.len() {
                out.push('+');
                cell(&items, item, out)?;
            }
        }
        other => bail!("a column of {other}"),
    }
    Ok(())
}

fn rows(batch: &RecordBatch, out: &mut String) -> Result<()> {
    let schema = batch.schema();
    for row in 0..batch.num_rows() {
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            if !OF_THE_RUN.contains(&field.name().as_str()) {
                write!(out, "{}=", field.name())?;
                cell(column, row, out)?;
                out.push('\t');
            }
        }
        out.push('\n');
    }
    Ok(())
}

/// The hash of all tables of [`DAY`].
fn hash(lake: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut tables = 0;
    for table in table_catalogue::tables().iter().filter(|table| table.layer != Layer::Raw) {
        let folder = format!("{}/{}/processing_date={DAY}", table.layer, table.folder);
        let mut text = format!("{}\n", table.folder);
        for batch in tables::read(&lake.join(folder).join("part-00000.parquet"))? {
            rows(&batch, &mut text)?;
        }
        ensure!(text.lines().count() > 1, "{} has no row", table.folder);
        hash.update(&text);
        tables += 1;
    }
    ensure!(tables == 17, "{tables} tables");
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[test]
fn tidy_users_have_the_tables_that_they_always_had() -> Result<()> {
    for (seed, golden) in GOLDEN {
        let lake = tempfile::tempdir()?;
        let arguments = ["--broken", "1%", "--repeat", "5%", TIDY];
        Ended::of(simulate(lake.path(), 3_000, seed, &arguments)?)?.summary(0)?;
        let found = hash(lake.path()).with_context(|| format!("seed {seed}"))?;
        ensure!(found == golden, "the tables of seed {seed} changed: {found} instead of {golden}");
    }
    Ok(())
}
