//! `millrace query`.

mod answer;
mod completion;
mod format;
mod grid;
mod prompt;

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use millrace_sql::{Limits, Statements};

use crate::duration::parse_duration;
use crate::lake::{LakeAddress, Missing};
use crate::size::parse_memory;

pub(crate) use answer::{Format, answer, no_table};
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
    /// Memory for the query, such as 512MiB [default: 1GiB]; what does not fit is spilled to disk
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    memory: Option<u64>,
    /// End a query that takes longer, such as 30s or 5m [default: none]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

pub(crate) fn query(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    silence_engine_panics();
    let asked = if args.json { Some(Format::Json) } else { args.format };
    let format = Format::choose(asked, args.output.as_deref(), Format::Table)?;
    let mut limits = Limits { timeout: args.timeout, ..Limits::default() };
    if let Some(memory) = args.memory {
        limits.memory = usize::try_from(memory)?;
    }
    let session = args.lake.session_within(Missing::unless(args.create), &limits)?;
    match (&args.sql, &args.file) {
        (Some(sql), _) => {
            answer(&session, sql, format, args.output.as_deref())?;
        }
        (None, None) if std::io::stdin().is_terminal() => prompt::prompt(&session, format)?,
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
