//! `millrace query`.

mod answer;
mod completion;
mod format;
mod grid;
mod pager;
mod prompt;

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use millrace_runtime::Shutdown;
use millrace_sql::Statements;

use crate::lake::{LakeAddress, Missing};
use crate::query_limits::QueryLimits;

pub(crate) use answer::{Format, Style, answer, no_table};
pub(crate) use grid::terminal_width;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace query \"SELECT COUNT(*) AS users FROM users_transformed_latest\"
  millrace query \"SELECT * FROM raw_users LIMIT 10\" --json
  millrace query \"SELECT id, email FROM users_transformed_latest\" \\
      --output users.parquet
  millrace query --file questions.sql
  A prompt, where .help tells what it takes:
  millrace query

The dialect is PostgreSQL's, and nothing but reading: docs/sql.md has what is
there and what is not. Timestamps are UTC. A query sees the lake as it was when
it began.";

/// Arguments of `millrace query`.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The query; without one, statements are read from standard input, or asked for at a prompt
    #[arg(conflicts_with = "file")]
    sql: Option<String>,
    /// Read the statements from this file, each up to its semicolon
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// Make an empty lake where there is none
    #[arg(long)]
    create: bool,
    /// How the answer is written [default: by --output's ending, else table]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write the answer to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many rows are shown as a table; the rest is counted
    #[arg(long, value_name = "N", default_value_t = grid::SHOWN_ROWS)]
    max_rows: usize,
    #[command(flatten)]
    limits: QueryLimits,
}

pub(crate) fn query(args: &QueryArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let asked = if args.json { Some(Format::Json) } else { args.format };
    let format = Format::choose(asked, args.output.as_deref(), Format::Table)?;
    let session = args.lake.session_within(Missing::unless(args.create), &args.limits.limits()?)?;
    let style = Style { format, max_rows: args.max_rows };
    match (&args.sql, &args.file) {
        (Some(sql), _) => {
            answer(&session, sql, style, args.output.as_deref())?;
        }
        (None, None) if std::io::stdin().is_terminal() => prompt::prompt(&session, style, shutdown)?,
        (None, file) => {
            let mut text = String::new();
            let (read, from) = match file {
                Some(file) => (
                    File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
                    file.display().to_string(),
                ),
                None => (std::io::stdin().read_to_string(&mut text), "standard input".to_owned()),
            };
            read.with_context(|| {
                format!("the statements in {from} could not be read: give a file of UTF-8 text")
            })?;
            let statements = Statements::split(&text);
            let all: Vec<_> = statements.complete.iter().chain(statements.rest.as_ref()).collect();
            match (all.as_slice(), args.output.as_deref()) {
                ([], _) => {
                    bail!("no statement in {from}: give one, or call `millrace query` in a terminal")
                }
                ([_, _, ..], Some(path)) => {
                    bail!("{} statements for one file {}: give one", all.len(), path.display())
                }
                (all, output) => {
                    for sql in all {
                        answer(&session, sql, style, output)?;
                    }
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
