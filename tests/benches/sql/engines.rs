//! The two engines over one lake, each with as many threads and as much memory.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use millrace_lake::FolderStore;
use millrace_sql::{Limits, Session};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An answer and the seconds from the question to its last row.
#[derive(Debug, Deserialize)]
pub(crate) struct Answered {
    pub(crate) seconds: f64,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// Ours in this process.
#[derive(Debug)]
pub(crate) struct Ours(Session);

impl Ours {
    pub(crate) fn over(lake: &Path, limits: &Limits) -> anyhow::Result<Self> {
        Ok(Self(Session::over(Arc::new(FolderStore::new(lake)), limits)?))
    }

    pub(crate) fn ask(&self, sql: &str) -> anyhow::Result<Answered> {
        let begin = Instant::now();
        let mut rows = Vec::new();
        for batch in self.0.query(sql).with_context(|| format!("ours refused {sql}"))? {
            rows.extend(batch.with_context(|| format!("ours failed at {sql}"))?.rows());
        }
        let seconds = begin.elapsed().as_secs_f64();
        let rows = rows.iter().map(|row| row.iter().map(|cell| cell.to_json()).collect()).collect();
        Ok(Answered { seconds, rows })
    }
}

/// DuckDB in a Python of its own, which tells the seconds of each answer itself.
#[derive(Debug)]
pub(crate) struct DuckDb {
    python: Child,
    asked: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
    pub(crate) version: String,
}

#[derive(Debug, Deserialize)]
struct Greeting {
    version: String,
}

impl DuckDb {
    pub(crate) fn over(lake: &Path, limits: &Limits, python: &Path) -> anyhow::Result<Self> {
        let mut python = Command::new(python)
            .arg("-B")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("duckdb_sql.py"))
            .arg(lake)
            .args([limits.threads.to_string(), limits.memory.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", python.display()))?;
        let asked = python.stdin.take();
        let told = BufReader::new(python.stdout.take().context("it is piped")?);
        let mut started = Self { python, asked, told, version: String::new() };
        let greeting: Greeting = started.read()?;
        started.version = greeting.version;
        Ok(started)
    }

    pub(crate) fn ask(&mut self, sql: &str) -> anyhow::Result<Answered> {
        let asked = self.asked.as_mut().context("it is piped")?;
        writeln!(asked, "{}", serde_json::to_string(sql)?)?;
        asked.flush()?;
        self.read().with_context(|| format!("DuckDB failed at {sql}"))
    }

    fn read<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        ensure!(self.told.read_line(&mut line)? > 0, "DuckDB ended: its words stand above");
        Ok(serde_json::from_str(&line)?)
    }
}

/// Ends the Python and waits for it.
impl Drop for DuckDb {
    fn drop(&mut self) {
        drop(self.asked.take());
        let _ = self.python.wait();
    }
}

/// Fails where two answers differ; numbers may in the last digits, as sums of floats depend on their order.
pub(crate) fn check_equal(ours: &Answered, theirs: &Answered) -> anyhow::Result<()> {
    ensure!(ours.rows.len() == theirs.rows.len(), "{} rows and {}", ours.rows.len(), theirs.rows.len());
    for (number, (ours, theirs)) in ours.rows.iter().zip(&theirs.rows).enumerate() {
        let alike =
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| alike(ours, theirs));
        ensure!(alike, "row {number} is {ours:?} and {theirs:?}");
    }
    Ok(())
}

fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= 1e-9 * ours.abs().max(theirs.abs()).max(1.0),
        _ => ours == theirs,
    }
}
