//! `millrace export`: a table as a file that anything reads.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::Args;
use millrace_jobs::catalogue::Layer;

use crate::lake::{LakeAddress, Missing};

use crate::query::{self, Format};
use crate::run::UsageError;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace export users_transformed --format csv > users.csv
  millrace export fact_registration_trends --format json --as-of 2026-01-31
  millrace export dim_user_demographics --all --output versions.parquet

JSON is an array of objects, a line each. Without --as-of it is the newest day.";

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
    let session = args.lake.session(Missing::Refuse)?;
    let lake = session.lake_with(|table| table == args.table)?;
    let Some(table) = lake.table(&args.table) else {
        let names: Vec<_> = lake.tables.iter().map(|table| table.name.as_str()).collect();
        return Err(UsageError(format!(
            "there is no table {}: take one of {}",
            args.table,
            names.join(", ")
        ))
        .into());
    };
    let day = match (args.as_of, args.all || table.layer == Layer::Raw) {
        (Some(day), _) => Some(day.to_string()),
        (None, true) => None,
        (None, false) => table.newest_date(),
    };
    let day = day.map_or_else(String::new, |day| format!(" WHERE processing_date = DATE '{day}'"));
    let by_file = args.output.as_deref().and_then(Format::of_file);
    let format = args.format.or(by_file).unwrap_or(Format::Csv);
    query::answer(
        &session,
        &format!("SELECT * FROM \"{}\"{day}", table.name),
        format,
        args.output.as_deref(),
    )?;
    Ok(ExitCode::SUCCESS)
}
