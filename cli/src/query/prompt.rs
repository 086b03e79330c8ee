//! The prompt: statements end with a semicolon, commands begin with a dot.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;
use millrace_runtime::{Shutdown, reader_has_left};
use millrace_sql::{Cancel, Column, QueryError, Session, Statements};
use rustyline::Editor;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;

use super::answer::{Format, Style, answer_until};
use super::completion::Words;
use super::pager::Pager;
use crate::{error_report, output};
use millrace_sql::suggestion::did_you_mean;

const HELP: &str = "\
  SELECT …;        a query, over as many lines as it takes, up to its semicolon
  .tables          the lake's tables, and the views of them (also \\d)
  .schema TABLE    a table's or view's columns and their types (also \\d TABLE)
  .mode MODE       how answers are written: table, vertical, csv, json, markdown
  .rows N          how many rows a table shows; the rest is counted
  .pager on|off    whether an answer longer than the screen is shown by $PAGER, or less
  .timer on|off    whether the seconds of each answer are told
  .help            this
  .quit            leave (so do exit and Ctrl-D)
Ctrl-C drops what is typed, or ends the statement that runs; twice it leaves.
Tab completes tables, columns and keywords. Timestamps are UTC: TIMESTAMP '2026-01-31 10:00:00'. docs/sql.md has the dialect.";

const COMMANDS: [&str; 11] =
    [".exit", ".help", ".mode", ".pager", ".quit", ".rows", ".schema", ".tables", ".timer", "\\d", "\\q"];

/// How the prompt answers.
struct Manner {
    style: Style,
    timer: bool,
    pager: bool,
}

/// Asks until the person leaves. A failed query is told and the prompt goes on.
pub(super) fn prompt(session: &Session, style: Style, shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut editor =
        Editor::<Words, FileHistory>::new().context("the terminal cannot be used for a prompt")?;
    editor.set_helper(Some(Words::new(&COMMANDS)));
    let history = history_file();
    if let Some(history) = &history
        && history.exists()
        && let Err(error) = editor.load_history(history)
    {
        tracing::warn!(path = %history.display(), %error, "the history could not be read");
    }
    let mut out = output::out();
    writeln!(out, "SQL over the lake; .help tells what there is")?;
    let mut manner = Manner { style, timer: false, pager: true };
    let mut typed = String::new();
    loop {
        match editor.readline(if typed.is_empty() { "millrace> " } else { "     ...> " }) {
            Ok(line) if typed.is_empty() && is_command(line.trim()) => {
                keep(&mut editor, line.trim(), history.as_deref());
                if !command(line.trim(), session, &mut manner)? {
                    break;
                }
            }
            Ok(line) => {
                typed.push_str(&line);
                typed.push('\n');
                let statements = Statements::split(&typed);
                for sql in &statements.complete {
                    keep(&mut editor, &format!("{sql};"), history.as_deref());
                    let started = Instant::now();
                    if let Err(error) = ask(session, sql, &manner, shutdown) {
                        if output::is_unread() {
                            return Err(error);
                        }
                        error_report::print(&error);
                    }
                    if manner.timer {
                        writeln!(out, "{:.3} s", started.elapsed().as_secs_f64())?;
                    }
                }
                typed = statements.rest.unwrap_or_default();
            }
            Err(ReadlineError::Interrupted) => typed.clear(),
            Err(ReadlineError::Eof) => break,
            // The editor writes for itself.
            Err(_) if reader_has_left() => break,
            Err(error) => return Err(error).context("the prompt ended"),
        }
    }
    Ok(())
}

/// Ctrl-C ends the statement alone; while a pager shows its answer, it is the pager's.
fn ask(session: &Session, sql: &str, manner: &Manner, shutdown: &Shutdown) -> anyhow::Result<()> {
    let cancel = Cancel::default();
    let mut out = if manner.pager { Pager::new(&cancel) } else { Pager::never(&cancel) };
    let (ends, pages, mut asked) = (cancel.clone(), out.is_shown(), false);
    let _caught = shutdown.catch(move || {
        let again = std::mem::replace(&mut asked, true);
        ends.cancel();
        !again || pages.get()
    });
    let answered = answer_until(session, sql, manner.style, &cancel, BufWriter::new(&mut out));
    out.wait()?;
    if out.has_left() { Ok(()) } else { answered.map(drop) }
}

fn is_command(line: &str) -> bool {
    let word = line.trim_end_matches(';');
    line.starts_with(['.', '\\']) || word.eq_ignore_ascii_case("exit") || word.eq_ignore_ascii_case("quit")
}

/// Does a command of the prompt's own; false when it was to leave.
fn command(line: &str, session: &Session, manner: &mut Manner) -> anyhow::Result<bool> {
    let mut out = output::out();
    let mut words = line.trim_end_matches(';').split_whitespace();
    match (words.next().map(str::to_lowercase).as_deref(), words.next()) {
        (Some(".quit" | ".exit" | "\\q" | "exit" | "quit"), _) => return Ok(false),
        (Some(".help" | "\\?"), _) => writeln!(out, "{HELP}")?,
        (Some(".tables" | "\\d" | "\\dt"), None) => {
            for name in session.lake()?.names() {
                writeln!(out, "{name}")?;
            }
        }
        (Some(".schema" | "\\d"), Some(name)) => match columns(session, name)? {
            Some(columns) => {
                for column in columns {
                    writeln!(out, "{:<28} {}", column.name, column.dtype)?;
                }
            }
            None => {
                let names = session.lake()?.names();
                let meant = did_you_mean(name, names.iter().map(String::as_str));
                writeln!(out, "no table {name:?}; .tables lists them{meant}")?;
            }
        },
        (Some(".schema"), None) => writeln!(out, "name a table: .schema users_transformed")?,
        (Some(".mode"), Some(mode)) => match Format::from_str(mode, true) {
            Ok(Format::Parquet) | Err(_) => {
                writeln!(out, "no mode {mode:?}: table, vertical, csv, json and markdown are there")?;
            }
            Ok(format) => manner.style.format = format,
        },
        (Some(".rows"), Some(number)) => match number.parse() {
            Ok(number) => manner.style.max_rows = number,
            Err(_) => writeln!(out, "no number {number:?}: .rows 100")?,
        },
        (Some(".timer"), Some(word @ ("on" | "off"))) => manner.timer = word == "on",
        (Some(".pager"), Some(word @ ("on" | "off"))) => manner.pager = word == "on",
        (Some(".mode" | ".timer" | ".pager" | ".rows"), _) => {
            writeln!(out, "say which: .mode vertical, .timer on, .pager off, .rows 100")?;
        }
        _ => writeln!(out, "no command {line:?}; .help lists them")?,
    }
    Ok(true)
}

/// Of a table as they are stored, of a view as queries see them.
fn columns(session: &Session, name: &str) -> anyhow::Result<Option<Vec<Column>>> {
    if let Some(table) = session.table(name)? {
        return Ok(Some(table.columns()));
    }
    match session.query(&format!("SELECT * FROM \"{name}\" LIMIT 0")) {
        Ok(answer) => Ok(Some(answer.columns())),
        Err(QueryError::NoTable { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// In the user's state folder (XDG), where programs keep what may be lost.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    Some(state.join("millrace/query_history"))
}

/// At once, and behind what other prompts have kept meanwhile.
fn keep(editor: &mut Editor<Words, FileHistory>, entry: &str, history: Option<&Path>) {
    let _ = editor.add_history_entry(entry);
    let Some(history) = history else { return };
    let folder = history.parent().map_or(Ok(()), std::fs::create_dir_all);
    if let Err(error) = folder.map_err(ReadlineError::from).and_then(|()| editor.append_history(history)) {
        tracing::warn!(path = %history.display(), %error, "the history could not be kept");
    }
}
