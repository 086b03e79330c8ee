//! `millrace query`.

mod format;
mod grid;
mod prompt;

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use millrace_jobs::query::{QueryError, Session, Statements};

use crate::lake::{LakeAddress, Missing};
use crate::run::UsageError;
use crate::suggestion::nearest;
use crate::{interrupt, output};

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

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: types under names, wide values cut to the terminal
    Table,
    /// An array of objects, a line each
    Json,
    /// With a header; nulls are empty
    Csv,
    /// Zstandard-compressed; to a file or a pipe
    Parquet,
}

impl Format {
    /// As it is asked for, else by the file's ending, else `default`: a file that says another format would not be read
    /// by what it is named for.
    pub(crate) fn choose(
        asked: Option<Self>,
        output: Option<&Path>,
        default: Self,
    ) -> Result<Self, UsageError> {
        let ending = output.and_then(Path::extension).map(|ending| ending.to_string_lossy().to_lowercase());
        match (asked, ending.as_deref()) {
            (Some(asked), _) => Ok(asked),
            (None, Some("json")) => Ok(Self::Json),
            (None, Some("csv")) => Ok(Self::Csv),
            (None, Some("parquet")) => Ok(Self::Parquet),
            (None, Some("txt")) => Ok(Self::Table),
            (None, Some(other)) => Err(UsageError(format!(
                "--output {}: the format {other} is not written; end it with .csv, .json, .parquet or .txt, or name one of the \
                 formats csv, json, parquet and table with --format",
                output.unwrap_or(Path::new("")).display()
            ))),
            (None, None) => Ok(default),
        }
    }
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

/// Asks `sql` and writes its answer to `output`, or to standard output. Returns its rows.
pub(crate) fn answer(
    session: &Session,
    sql: &str,
    format: Format,
    output: Option<&Path>,
) -> anyhow::Result<u64> {
    let Some(path) = output else {
        if format == Format::Parquet && std::io::stdout().is_terminal() {
            bail!("a terminal cannot show Parquet: give --output FILE, or pipe it");
        }
        return write(session, sql, format, BufWriter::new(output::out()));
    };
    // A reader sees the whole file or the one before.
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let _left_out = interrupt::partial_file(partial.clone());
    let file = File::create(&partial).with_context(|| format!("could not create {}", partial.display()))?;
    let written = write(session, sql, format, BufWriter::new(file)).and_then(|rows| {
        std::fs::rename(&partial, path).with_context(|| format!("could not write {}", path.display()))?;
        Ok(rows)
    });
    if written.is_err() {
        // The first failure is the one to tell.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

/// Says that there is no table `name`, and which one was meant, or all there are.
pub(crate) fn no_table<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => {
            format!("there is no table {name}; did you mean {near}? `millrace tables` lists them all")
        }
        None => format!("there is no table {name}: take one of {}", known.join(", ")),
    }
}

/// Names the table that was meant, where there is one like it.
fn with_suggestion(error: QueryError) -> anyhow::Error {
    match &error {
        QueryError::NoTable { name, known } => anyhow!(no_table(name, known.iter().map(String::as_str))),
        _ => error.into(),
    }
}

fn write(session: &Session, sql: &str, format: Format, mut out: impl Write + Send) -> anyhow::Result<u64> {
    let started = Instant::now();
    let answer = session.query(sql).map_err(with_suggestion)?;
    let rows = match format {
        Format::Table => grid::write(answer, started, &mut out)?,
        Format::Json => format::write_json(answer, &mut out)?,
        Format::Csv => format::write_csv(answer, &mut out)?,
        Format::Parquet => answer.write_parquet(&mut out)?,
    };
    out.flush().map_err(QueryError::Write)?;
    Ok(rows)
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
