//! From the start of a process to its answer, over a small lake: `millrace query` and DuckDB in Python.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::ensure;
use millrace_bench_report::{Measure, Report, median};

use crate::questions::AT_START;

/// How often each is started, in turn.
const STARTS: usize = 11;

pub(crate) fn measure(report: &mut Report, lake: &Path, python: &Path) -> anyhow::Result<()> {
    let Some(millrace) = std::env::var_os("MILLRACE_BIN") else {
        report.note("skipped: starts: MILLRACE_BIN names no millrace; cargo xtask bench builds and sets it");
        return Ok(());
    };
    let files = lake.join("curated/users_transformed/*/*.parquet");
    let theirs =
        AT_START.replace("users_transformed_latest", &format!("read_parquet('{}')", files.display()));
    let theirs = format!("import duckdb; print(duckdb.sql(\"{theirs}\"))");
    let (mut our_seconds, mut their_seconds) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let mut command = Command::new(&millrace);
        our_seconds.push(seconds(command.args(["query", AT_START, "--lake"]).arg(lake))?);
        their_seconds.push(seconds(Command::new(python).args(["-B", "-c", &theirs]))?);
    }
    let (ours, peer) = (median(our_seconds) * 1e3, median(their_seconds) * 1e3);
    report.add(Measure {
        name: "start of the process to the answer".to_owned(),
        ours,
        peer,
        peer_name: "python -c 'import duckdb; …'".to_owned(),
        unit: "ms",
        ratio: peer / ours,
        goal: 1.0,
    });
    Ok(())
}

fn seconds(command: &mut Command) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let output = command.output()?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(output.stdout.len() > 100, "{command:?} answered little");
    Ok(seconds)
}
