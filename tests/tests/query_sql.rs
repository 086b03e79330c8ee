//! `millrace query` against DuckDB: what is answered is answered alike, what would be answered otherwise is refused.
//!
//! The queries are `queries/same/*.sql`, `queries/refused.sql` and `queries/unknown_to_polars.sql`. DuckDB is asked through
//! Python's package, whose interpreter the environment's MILLRACE_PYTHON names.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use millrace_jobs::query::{Session, Statements};
use millrace_skips::skipped;
use serde_json::Value;

fn queries() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")
}

/// What was asked and what came back: rows of values.
type Rows = Vec<Vec<Value>>;

fn ours(session: &Session, sql: &str) -> Result<Rows> {
    let mut rows = Rows::new();
    for batch in session.query(sql)? {
        rows.extend(batch?.rows().map(|row| row.iter().map(|cell| cell.to_json()).collect::<Vec<_>>()));
    }
    Ok(rows)
}

/// DuckDB's answers, in the order of the queries; the lake is made by it too.
fn duckdb(python: &str, lake: &Path, sql: &[String]) -> Result<Vec<Result<Rows, String>>> {
    let mut child = Command::new(python)
        .arg(queries().join("answer.py"))
        .arg(lake)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {python}"))?;
    child.stdin.take().context("no standard input")?.write_all(serde_json::to_string(sql)?.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "answer.py failed: its words stand above");
    let lines = String::from_utf8(output.stdout)?;
    lines
        .lines()
        .map(|line| {
            let mut answer: Value = serde_json::from_str(line)?;
            Ok(match answer["error"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(serde_json::from_value(answer["rows"].take())?),
            })
        })
        .collect()
}

/// Numbers may differ in the last digits: sums of floats depend on their order.
fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap_or(f64::NAN), theirs.as_f64().unwrap_or(f64::NAN));
            ours == theirs || (ours - theirs).abs() <= 1e-9 * ours.abs().max(theirs.abs()).max(1.0)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| alike(ours, theirs))
        }
        // Python writes six digits of a second, we the shortest of 0, 3, 6 and 9.
        (Value::String(ours), Value::String(theirs)) if ours.ends_with('Z') && theirs.ends_with('Z') => {
            instant(ours) == instant(theirs)
        }
        _ => ours == theirs,
    }
}

fn instant(text: &str) -> String {
    let text = text.trim_end_matches('Z');
    match text.split_once('.') {
        Some((seconds, fraction)) if !fraction.trim_end_matches('0').is_empty() => {
            format!("{seconds}.{}", fraction.trim_end_matches('0'))
        }
        Some((seconds, _)) => seconds.to_owned(),
        None => text.to_owned(),
    }
}

/// Rows without an order are compared in one.
fn in_some_order(sql: &str, mut rows: Rows) -> Vec<Value> {
    if !sql.to_uppercase().contains("ORDER BY") {
        rows.sort_by_key(|row| Value::from(row.clone()).to_string());
    }
    rows.into_iter().map(Value::from).collect()
}

#[test]
fn queries_are_answered_as_duckdb_answers_them() -> Result<()> {
    let Ok(python) = std::env::var("MILLRACE_PYTHON") else {
        skipped("query_sql", "MILLRACE_PYTHON names no Python with the package duckdb");
        return Ok(());
    };
    let mut sql = Vec::new();
    for file in std::fs::read_dir(queries().join("same"))? {
        sql.extend(
            Statements::split(&std::fs::read_to_string(file?.path())?)
                .complete
                .iter()
                .map(|sql| without_comments(sql)),
        );
    }
    ensure!(sql.len() > 300, "only {} queries were found", sql.len());

    let lake = tempfile::tempdir()?;
    let theirs = duckdb(&python, lake.path(), &sql)?;
    ensure!(theirs.len() == sql.len(), "DuckDB answered {} of {} queries", theirs.len(), sql.len());
    let session = Session::open(lake.path())?;
    let mut wrong = Vec::new();
    for (sql, theirs) in sql.iter().zip(theirs) {
        let (ours, theirs) = match (ours(&session, sql), theirs) {
            (Ok(ours), Ok(theirs)) => (in_some_order(sql, ours), in_some_order(sql, theirs)),
            (Err(error), _) => {
                wrong.push(format!("{sql}\n  is not answered: {error:#}"));
                continue;
            }
            (_, Err(error)) => {
                wrong.push(format!("{sql}\n  is not answered by DuckDB: {error}"));
                continue;
            }
        };
        if !alike(&Value::from(ours.clone()), &Value::from(theirs.clone())) {
            wrong.push(format!("{sql}\n  ours:   {}\n  DuckDB: {}", Value::from(ours), Value::from(theirs)));
        }
    }
    ensure!(wrong.is_empty(), "{} of {} queries:\n{}", wrong.len(), sql.len(), wrong.join("\n"));
    Ok(())
}

/// The comment over a query belongs to no statement that is sent.
fn without_comments(sql: &str) -> String {
    sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_would_be_answered_otherwise_is_refused_with_the_form_that_works() -> Result<()> {
    check_refusals("refused.sql", 80)
}

#[test]
fn what_polars_cannot_read_is_told_clearly() -> Result<()> {
    check_refusals("unknown_to_polars.sql", 30)
}

fn check_refusals(file: &str, at_least: usize) -> Result<()> {
    // No table has a row: what is refused is refused by its words alone.
    let lake = tempfile::tempdir()?;
    let session = Session::open(lake.path())?;
    let text = std::fs::read_to_string(queries().join(file))?;
    let mut says = None;
    let mut asked = 0;
    let mut wrong = Vec::new();
    for line in text.lines() {
        if let Some(part) = line.strip_prefix("-- says: ") {
            says = Some(part);
        }
        if line.starts_with("--") || line.is_empty() {
            continue;
        }
        asked += 1;
        let says = says.with_context(|| format!("no `-- says:` stands before {line}"))?;
        match ours(&session, line.trim_end_matches(';')) {
            Ok(_) => wrong.push(format!("{line}\n  is answered")),
            Err(error) => {
                let message = error.to_string();
                let told = message.contains(says)
                    && !message.contains("Span(")
                    && !message.contains("engine gave up");
                if !told {
                    wrong.push(format!("{line}\n  says: {message}\n  not:  {says}"));
                }
            }
        }
    }
    ensure!(asked >= at_least, "only {asked} queries were found in {file}");
    ensure!(wrong.is_empty(), "{} of {asked} queries of {file}:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}
