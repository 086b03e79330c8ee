//! A query's answer, in the format that is asked for, to a file or to standard output.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use millrace_sql::{Cancel, QueryError, Session};

use super::{format, grid};
use crate::run::UsageError;
use crate::{interrupt, output};
use millrace_sql::suggestion::nearest;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: types under names, wide values cut to the terminal
    Table,
    /// For people: a line a value, for rows that are wide
    Vertical,
    /// For documents: a table in Markdown
    Markdown,
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
            (None, Some("md")) => Ok(Self::Markdown),
            (None, Some(other)) => Err(UsageError(format!(
                "--output {}: the format {other} is not written; end it with .csv, .json, .md, .parquet or .txt, or name a \
                 format with --format",
                output.unwrap_or(Path::new("")).display()
            ))),
            (None, None) => Ok(default),
        }
    }
}

/// How answers are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) format: Format,
    /// Of a table; the rest is counted.
    pub(crate) max_rows: usize,
}

impl From<Format> for Style {
    fn from(format: Format) -> Self {
        Self { format, max_rows: grid::SHOWN_ROWS }
    }
}

/// Asks `sql` and writes its answer to `output`, or to standard output. Returns its rows.
pub(crate) fn answer(
    session: &Session,
    sql: &str,
    style: impl Into<Style>,
    output: Option<&Path>,
) -> anyhow::Result<u64> {
    let style = style.into();
    let Some(path) = output else {
        if style.format == Format::Parquet && std::io::stdout().is_terminal() {
            bail!("a terminal cannot show Parquet: give --output FILE, or pipe it");
        }
        return answer_until(session, sql, style, &Cancel::default(), BufWriter::new(output::out()));
    };
    // A reader sees the whole file or the one before.
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let _left_out = interrupt::partial_file(partial.clone());
    let file = File::create(&partial).with_context(|| format!("could not create {}", partial.display()))?;
    let written =
        answer_until(session, sql, style, &Cancel::default(), BufWriter::new(file)).and_then(|rows| {
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
        QueryError::NoTable { name, known, place } => {
            anyhow!("{}{place}", no_table(name, known.iter().map(String::as_str)))
        }
        _ => error.into(),
    }
}

/// Asks `sql`, unless `cancel` ends it, and writes its answer to `out`. Returns its rows.
pub(super) fn answer_until(
    session: &Session,
    sql: &str,
    style: Style,
    cancel: &Cancel,
    mut out: impl Write + Send,
) -> anyhow::Result<u64> {
    let started = Instant::now();
    let answer = session.query_until(sql, cancel).map_err(with_suggestion)?;
    let rows = match style.format {
        Format::Table => grid::write(answer, started, style.max_rows, &mut out)?,
        Format::Vertical => format::write_vertical(answer, &mut out)?,
        Format::Markdown => format::write_markdown(answer, &mut out)?,
        Format::Json => format::write_json(answer, &mut out)?,
        Format::Csv => format::write_csv(answer, &mut out)?,
        Format::Parquet => answer.write_parquet(&mut out)?,
    };
    out.flush().map_err(QueryError::Write)?;
    Ok(rows)
}
