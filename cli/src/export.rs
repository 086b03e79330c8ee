//! `millrace export`: a table as a file that anything reads.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::Args;
use millrace_jobs::catalogue::Layer;
use millrace_jobs::query::{Lake, Wanted};

use crate::lake::LakeAddress;

use crate::query::{self, Format};
use crate::run::UsageError;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace export users_transformed_latest --format csv > users.csv
  millrace export fact_registration_trends --format json --as-of 2026-01-31
  millrace export dim_user_demographics --all --output versions.parquet

JSON is an array of objects, a line each. Without --as-of it is the newest day.";

/// Arguments of `millrace export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The table, as `millrace tables` names it, or a view of one, such as users_transformed_latest
    table: String,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// How it is written [default: by --output's ending, else csv]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The day, YYYY-MM-DD [default: the newest]
    #[arg(long, value_name = "DATE", conflicts_with = "all")]
    as_of: Option<NaiveDate>,
    /// Every day (a raw table is always whole)
    #[arg(long)]
    all: bool,
    /// Write to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    query::silence_engine_panics();
    let session = args.lake.session()?;
    let newest = |table: &str| if table == args.table { Wanted::NewestDay } else { Wanted::Nothing };
    let rows = rows(args, &session.lake_with(newest)?)?;
    let by_file = args.output.as_deref().and_then(Format::of_file);
    let format = args.format.or(by_file).unwrap_or(Format::Csv);
    query::answer(&session, &format!("SELECT * FROM {rows}"), format, args.output.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// What to export, as a query's FROM has it.
fn rows(args: &ExportArgs, lake: &Lake) -> Result<String, UsageError> {
    let name = &args.table;
    let of_day = |day: &dyn std::fmt::Display| format!("\"{name}\" WHERE processing_date = DATE '{day}'");
    let Some(table) = lake.table(name) else {
        if !lake.views().any(|view| view == *name) {
            let tables = lake.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
            let hint = "and a snapshot's newest day is its name with _latest behind";
            return Err(UsageError(format!("there is no table {name}: take one of {tables}; {hint}")));
        }
        if args.as_of.is_some() || args.all {
            let reason = "is a view, which has its days already";
            return Err(UsageError(format!(
                "{name} {reason}: leave --as-of and --all out, or name the table"
            )));
        }
        return Ok(format!("\"{name}\""));
    };
    Ok(match (args.as_of, args.all || table.layer == Layer::Raw, table.latest(), table.newest_date()) {
        (Some(day), ..) => of_day(&day),
        (None, false, Some(latest), _) => format!("\"{latest}\""),
        (None, false, None, Some(newest)) => of_day(&newest),
        (None, ..) => format!("\"{name}\""),
    })
}
