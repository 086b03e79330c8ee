//! Other engines that are asked the same over the same rows, by Python, whose interpreter the environment's MILLRACE_PYTHON names.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millrace_skips::skipped;
use millrace_sql::{QueryError, Session};
use serde_json::Value;

pub(crate) fn queries() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/queries")
}

/// What was asked and what came back: rows of values.
pub(crate) type Rows = Vec<Vec<Value>>;

pub(crate) fn ours(session: &Session, sql: &str) -> Result<Rows, QueryError> {
    let mut rows = Rows::new();
    for batch in session.query(sql)? {
        rows.extend(batch?.rows().map(|row| row.iter().map(|cell| cell.to_json()).collect::<Vec<_>>()));
    }
    Ok(rows)
}

/// The answers of another engine, in the order of the statements; the lake is made by it too.
pub(crate) fn theirs(python: &str, script: &str, lake: &Path, sql: &[String]) -> Vec<Result<Rows, String>> {
    let mut child = Command::new(python)
        .arg(queries().join(script))
        .arg(lake)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let text = serde_json::to_string(sql).expect("statements are texts");
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{script} failed: its words stand above");
    let lines = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let answers = lines.lines().map(|line| {
        let mut answer: Value = serde_json::from_str(line).expect("a line is JSON");
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(serde_json::from_value(answer["rows"].take()).expect("rows are lists")),
        }
    });
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers.len(), sql.len(), "{script} left answers out");
    answers
}

/// Numbers may differ in the last digits: sums of floats depend on their order.
pub(crate) fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap_or(f64::NAN), theirs.as_f64().unwrap_or(f64::NAN));
            ours == theirs || (ours - theirs).abs() <= 1e-9 * ours.abs().max(theirs.abs()).max(1.0)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| alike(ours, theirs))
        }
        // Python writes six digits of a second, we the shortest of 0, 3, 6 and 9.
        (Value::String(ours), Value::String(theirs)) if theirs.ends_with('Z') => {
            instant(ours) == instant(theirs)
        }
        (Value::String(ours), Value::Object(length)) => {
            let theirs = length.get("microseconds").and_then(Value::as_i64);
            theirs.is_some() && microseconds(ours) == theirs
        }
        _ => ours == theirs,
    }
}

fn instant(text: &str) -> String {
    let text = text.trim_end_matches('Z');
    match text.split_once('.') {
        Some((seconds, fraction)) => {
            format!("{seconds}.{}", fraction.trim_end_matches('0')).trim_end_matches('.').to_owned()
        }
        None => text.to_owned(),
    }
}

/// Of an ISO 8601 length of time without months.
fn microseconds(text: &str) -> Option<i64> {
    let (mut total, mut number, mut in_time) = (0.0, String::new(), false);
    for letter in text.strip_prefix('P')?.chars() {
        let unit = match letter {
            'T' => {
                in_time = true;
                continue;
            }
            'D' => 86_400.0,
            'H' => 3_600.0,
            'M' if in_time => 60.0,
            'S' => 1.0,
            _ => {
                number.push(letter);
                continue;
            }
        };
        total += std::mem::take(&mut number).parse::<f64>().ok()? * unit;
    }
    Some((total * 1e6).round() as i64)
}

pub(crate) fn python(test: &str) -> Option<String> {
    let python = std::env::var("MILLRACE_PYTHON").ok();
    if python.is_none() {
        skipped(test, "MILLRACE_PYTHON names no Python with the packages duckdb and psycopg");
    }
    python
}
