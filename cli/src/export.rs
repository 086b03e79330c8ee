//! `millrace export`: a table as a file that anything reads.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::Args;
use millrace_jobs::catalogue::Layer;
use millrace_jobs::query::LakeTable;

use crate::day::parse_day;
use crate::lake::LakeAddress;

use crate::query::{self, Format};
use crate::run::UsageError;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace export users_transformed --format csv > users.csv
  millrace export fact_registration_trends --format json --as-of 2026-01-31
  millrace export dim_user_demographics --all --output versions.parquet

JSON is an array of objects, a line each. Without --as-of it is the newest day, of a raw table every row.";

/// Arguments of `millrace export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The table, as `millrace tables` names it
    table: String,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// How it is written [default: by --output's ending, else csv]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The day, YYYY-MM-DD, today or yesterday [default: the newest]
    #[arg(long, value_name = "DATE", value_parser = parse_day, conflicts_with = "all")]
    as_of: Option<NaiveDate>,
    /// Every day (a raw table is whole unless --as-of names a day, UTC)
    #[arg(long)]
    all: bool,
    /// Write to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let format = Format::choose(args.format, args.output.as_deref(), Format::Csv)?;
    query::silence_engine_panics();
    let session = args.lake.session()?;
    let lake = session.lake_with(|table| table == args.table)?;
    let Some(table) = lake.table(&args.table) else {
        let names = lake.tables.iter().map(|table| table.name.as_str());
        return Err(UsageError(query::no_table(&args.table, names)).into());
    };
    let rows = of_day(table, args.as_of, args.all)?;
    query::answer(
        &session,
        &format!("SELECT * FROM \"{}\"{rows}", table.name),
        format,
        args.output.as_deref(),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The condition for the day that is asked for; empty where all rows are.
fn of_day(table: &LakeTable, day: Option<NaiveDate>, all: bool) -> Result<String, UsageError> {
    let has = |name: &str| table.columns().iter().any(|column| column.name == name);
    match (day, table.layer) {
        // Its rows have no day of processing: theirs is that of the record.
        (Some(day), Layer::Raw) => {
            let next = day.succ_opt().ok_or_else(|| UsageError(format!("there is no day behind {day}")))?;
            Ok(format!(
                " WHERE _timestamp >= TIMESTAMP '{day} 00:00:00' AND _timestamp < TIMESTAMP '{next} 00:00:00'"
            ))
        }
        (None, Layer::Raw) => Ok(String::new()),
        (Some(_), _) if !has(PROCESSING_DATE) => {
            Err(UsageError(format!("{} has no {PROCESSING_DATE}: leave --as-of out", table.name)))
        }
        (day, _) => {
            let newest = || table.newest_date().filter(|_| !all && has(PROCESSING_DATE));
            let day = day.map(|day| day.to_string()).or_else(newest);
            Ok(day.map_or_else(String::new, |day| format!(" WHERE {PROCESSING_DATE} = DATE '{day}'")))
        }
    }
}

const PROCESSING_DATE: &str = "processing_date";
