//! The prompt: statements end with a semicolon, commands begin with a dot.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use millrace_jobs::query::{Column, LakeTable, Session, Statements};
use millrace_runtime::reader_has_left;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::answer::{Format, answer};
use crate::suggestion::did_you_mean;
use crate::{error_report, output};

const HELP: &str = "\
  SELECT …;        a query, over as many lines as it takes, up to its semicolon
  .tables          the lake's tables, and the views of them
  .schema TABLE    a table's or view's columns and their types
  .help            this
  .quit            leave (so does Ctrl-D); Ctrl-C drops what is typed
Nulls sort last unless NULLS FIRST is said. Names are case-sensitive. Timestamps are UTC: TIMESTAMP '2026-01-31 10:00:00'.";

/// Asks until the person leaves. A failed query is told and the prompt goes on.
pub(super) fn prompt(session: &Session, format: Format) -> anyhow::Result<()> {
    let mut editor = DefaultEditor::new().context("the terminal cannot be used for a prompt")?;
    let history = history_file();
    if let Some(history) = &history
        && history.exists()
        && let Err(error) = editor.load_history(history)
    {
        tracing::warn!(path = %history.display(), %error, "the history could not be read");
    }
    let mut out = output::out();
    writeln!(out, "SQL over the lake; .help tells what there is")?;
    let mut typed = String::new();
    loop {
        match editor.readline(if typed.is_empty() { "millrace> " } else { "     ...> " }) {
            Ok(line) if typed.is_empty() && line.trim_start().starts_with('.') => {
                let _ = editor.add_history_entry(line.trim());
                if !command(line.trim(), session)? {
                    break;
                }
            }
            Ok(line) => {
                typed.push_str(&line);
                typed.push('\n');
                let statements = Statements::split(&typed);
                for sql in &statements.complete {
                    let _ = editor.add_history_entry(format!("{sql};"));
                    if let Err(error) = answer(session, sql, format, None) {
                        if output::is_unread() {
                            return Err(error);
                        }
                        error_report::print(&error);
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
    if let Some(history) = history
        && let Err(error) = save(&mut editor, &history)
    {
        tracing::warn!(path = %history.display(), %error, "the history could not be kept");
    }
    Ok(())
}

/// Does a dot command; false when it was to leave.
fn command(line: &str, session: &Session) -> anyhow::Result<bool> {
    let mut out = output::out();
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some(".quit" | ".exit"), _) => return Ok(false),
        (Some(".help"), _) => writeln!(out, "{HELP}")?,
        (Some(".tables"), _) => {
            let lake = session.lake()?;
            for name in lake.tables.iter().map(|table| table.name.clone()).chain(lake.views()) {
                writeln!(out, "{name}")?;
            }
        }
        (Some(".schema"), Some(name)) => match columns(session, name.trim_end_matches(';'))? {
            Some(columns) => {
                for column in columns {
                    writeln!(out, "{:<28} {}", column.name, column.dtype)?;
                }
            }
            None => {
                let (name, names) = (name.trim_end_matches(';'), session.lake()?.names());
                let meant = did_you_mean(name, names.iter().map(String::as_str));
                writeln!(out, "no table {name:?}; .tables lists them{meant}")?;
            }
        },
        (Some(".schema"), None) => writeln!(out, "name a table: .schema users_transformed")?,
        _ => writeln!(out, "no command {line:?}; .help lists them")?,
    }
    Ok(true)
}

/// Of a table as they are stored, of a view as queries see them.
fn columns(session: &Session, name: &str) -> anyhow::Result<Option<Vec<Column>>> {
    let lake = session.lake()?;
    if !lake.views().any(|view| view == name) {
        return Ok(lake.table(name).map(LakeTable::columns));
    }
    Ok(Some(session.query(&format!("SELECT * FROM \"{name}\" LIMIT 0"))?.columns()))
}

/// In the user's state folder (XDG), where programs keep what may be lost.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    Some(state.join("millrace/query_history"))
}

fn save(editor: &mut DefaultEditor, history: &std::path::Path) -> rustyline::Result<()> {
    if let Some(folder) = history.parent() {
        std::fs::create_dir_all(folder)?;
    }
    editor.save_history(history)
}
