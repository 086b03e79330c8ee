//! `millrace query`.

mod answer;
mod format;
mod grid;
mod prompt;

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use millrace_jobs::query::Statements;

use crate::lake::{LakeAddress, Missing};

pub(crate) use answer::{Format, answer, no_table};
pub(crate) use grid::terminal_width;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace query \"SELECT COUNT(*) AS users FROM users_transformed_latest\"
  millrace query \"SELECT * FROM raw_users LIMIT 10\" --json
  millrace query \"SELECT id, email FROM users_transformed_latest\" \\
      --output users.parquet
  millrace query < questions.sql
  A prompt, where .help tells what it takes:
  millrace query

Nulls sort last unless the query says NULLS FIRST. Timestamps are UTC. What
Polars' SQL would answer otherwise than the standard is refused, with the form
that works. A CAST of a float to an integer cuts its fraction.";

/// Arguments of `millrace query`.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The query; without one, statements are read from standard input, or asked for at a prompt
    sql: Option<String>,
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
}

pub(crate) fn query(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    silence_engine_panics();
    let asked = if args.json { Some(Format::Json) } else { args.format };
    let format = Format::choose(asked, args.output.as_deref(), Format::Table)?;
    let session = args.lake.session(Missing::unless(args.create))?;
    match &args.sql {
        Some(sql) => {
            answer(&session, sql, format, args.output.as_deref())?;
        }
        None if std::io::stdin().is_terminal() => prompt::prompt(&session, format)?,
        None => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("the statements on standard input are no UTF-8 text")?;
            let statements = Statements::split(&text);
            let all: Vec<_> = statements.complete.iter().chain(statements.rest.as_ref()).collect();
            match (all.as_slice(), args.output.as_deref()) {
                ([], _) => {
                    bail!("no statement on standard input: give one, or call `millrace query` in a terminal")
                }
                ([_, _, ..], Some(path)) => {
                    bail!("{} statements for one file {}: give one", all.len(), path.display())
                }
                (all, output) => {
                    for sql in all {
                        answer(&session, sql, format, output)?;
                    }
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A panic inside the engine comes back as the query's error: its own words would only stand above that.
pub(crate) fn silence_engine_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("main") {
            default(panic);
        } else {
            // Its message may quote values.
            tracing::debug!(location = ?panic.location(), "the engine gave up");
        }
    }));
}
