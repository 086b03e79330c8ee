//! `millrace export`: a table as a file that anything reads.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use millrace_lake::layout::Layer;
use millrace_sql::Session;
use serde_json::json;

use crate::day::parse_day;
use crate::lake::{LakeAddress, Missing};
use crate::output;
use crate::query::{self, Format};
use crate::query_limits::QueryLimits;
use crate::run::UsageError;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace export users_transformed_latest --format csv > users.csv
  millrace export fact_registration_trends --json --as-of 2026-01-31
  millrace export dim_user_demographics --all --output versions.parquet

JSON is an array of objects, a line each. Without --as-of you get the newest
day, of a raw table every row.";

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
    /// The same as --format json; with --output, print one JSON object about the file
    #[arg(long)]
    json: bool,
    /// The day, YYYY-MM-DD, today or yesterday [default: the newest]
    #[arg(long, value_name = "DATE", value_parser = parse_day, conflicts_with = "all")]
    as_of: Option<NaiveDate>,
    /// Every day (a raw table is whole unless --as-of names a day, UTC)
    #[arg(long)]
    all: bool,
    /// Write to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    limits: QueryLimits,
}

pub(crate) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let format = format(args)?;
    let session = args.lake.session_within(Missing::Refuse, &args.limits.limits()?)?;
    let rows = rows(args, &session)?;
    let rows = query::answer(&session, &format!("SELECT * FROM {rows}"), format, args.output.as_deref())?;
    if let Some(path) = args.output.as_deref().filter(|_| args.json) {
        let bytes = std::fs::metadata(path).with_context(|| format!("{} is gone", path.display()))?.len();
        let format = format.to_possible_value().map(|value| value.get_name().to_owned());
        let told =
            json!({ "table": args.table, "output": path, "format": format, "rows": rows, "bytes": bytes });
        writeln!(output::out(), "{told}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `--json` says how standard output is written: the table itself, or a report where the table goes to a file.
fn format(args: &ExportArgs) -> Result<Format, UsageError> {
    let asked = match (args.json && args.output.is_none(), args.format) {
        (false, asked) => asked,
        (true, None | Some(Format::Json)) => Some(Format::Json),
        (true, Some(_)) => {
            let remedy =
                "leave one of them out, or give --output FILE for another format and a report as JSON";
            return Err(UsageError(format!(
                "--json and --format say two formats for standard output: {remedy}"
            )));
        }
    };
    Format::choose(asked, args.output.as_deref(), Format::Csv)
}

/// What to export, as a query's FROM has it.
fn rows(args: &ExportArgs, session: &Session) -> anyhow::Result<String> {
    let name = &args.table;
    let of_day = |day: &dyn std::fmt::Display| format!("\"{name}\" WHERE processing_date = DATE '{day}'");
    let Some(table) = session.table(name)? else {
        let lake = session.lake()?;
        if !lake.views().any(|view| view == *name) {
            let names = lake.names();
            return Err(UsageError(query::no_table(name, names.iter().map(String::as_str))).into());
        }
        if args.as_of.is_some() || args.all {
            let reason = "is a view, which has its days already";
            let told = format!("{name} {reason}: leave --as-of and --all out, or name the table");
            return Err(UsageError(told).into());
        }
        return Ok(format!("\"{name}\""));
    };
    Ok(match (args.as_of, args.all || table.layer == Layer::Raw, table.latest(), table.newest_date()) {
        // Its rows have no day of processing: theirs is that of the record.
        (Some(day), ..) if table.layer == Layer::Raw => {
            let next = day.succ_opt().ok_or_else(|| UsageError(format!("there is no day behind {day}")))?;
            format!(
                "\"{name}\" WHERE _timestamp >= TIMESTAMP '{day} 00:00:00' AND _timestamp < TIMESTAMP '{next} 00:00:00'"
            )
        }
        (Some(day), ..) => of_day(&day),
        (None, false, Some(latest), _) => format!("\"{latest}\""),
        (None, false, None, Some(newest)) => of_day(&newest),
        (None, ..) => format!("\"{name}\""),
    })
}
