//! analytics-aggregation and time-series-analysis against an independent reading of their contract:
//! `tests/oracle/analytics_and_time_series.py` computes all fifteen tables anew and compares every cell.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_jobs::job_settings::RunContext;
use millrace_jobs::{analytics_aggregation, time_series_analysis};
use millrace_lake::{FolderStore, Store};
use millrace_skips::skipped;
use millrace_tests::program::{DAY, Ended, TIDY, millrace, simulate};

const STARTED_AT: i64 = 1_709_300_000_123_456;

fn python(test: &str) -> Result<Option<PathBuf>> {
    let python = std::env::var_os("MILLRACE_PYTHON").map(PathBuf::from);
    if python.is_none() {
        skipped(test, "MILLRACE_PYTHON names no Python with duckdb");
    }
    Ok(python)
}

fn oracle(python: &Path, script: &str, arguments: &[&str]) -> Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle");
    let output = Command::new(python).arg(folder.join(script)).args(arguments).output()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let failure = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{script} {arguments:?}:\n{told}{failure}");
    Ok(told)
}

fn check(python: &Path, lake: &Path, as_of: &str, started_at: i64) -> Result<u64> {
    let lake = lake.to_str().context("a path of UTF-8")?;
    let told =
        oracle(python, "analytics_and_time_series.py", &["check", lake, as_of, &started_at.to_string()])?;
    let last = told.lines().last().unwrap_or_default();
    let cells = last.split_whitespace().nth(1).and_then(|cells| cells.replace(',', "").parse().ok());
    cells.with_context(|| format!("no total in {last:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_the_nasty_lakes_agrees() -> Result<()> {
    let Some(python) = python("every cell of the nasty lakes")? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let days = oracle(&python, "nasty_users.py", &[folder.path().to_str().context("a path of UTF-8")?])?;
    let (mut cells, mut failures) = (0, Vec::new());
    for line in days.lines() {
        let (case, day) = line.split_once(' ').with_context(|| format!("no case and day in {line:?}"))?;
        let lake = folder.path().join(case);
        let store: Arc<dyn Store> = Arc::new(FolderStore::new(&lake));
        let run = RunContext { as_of: day.parse::<NaiveDate>()?, started_at: Micros(STARTED_AT) };
        analytics_aggregation::run(Arc::clone(&store), &run, &|_| {}).await?;
        time_series_analysis::run(store, &run, &|_| {}).await?;
        match check(&python, &lake, day, STARTED_AT) {
            Ok(agreed) => cells += agreed,
            Err(error) => failures.push(format!("{case} {day}: {error:#}")),
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    println!("{cells} cells agree");
    ensure!(cells > 10_000, "the oracle had next to nothing to compare");
    Ok(())
}

#[test]
fn every_cell_of_simulated_users_agrees() -> Result<()> {
    let Some(python) = python("every cell of the tables of simulated users")? else { return Ok(()) };
    for (seed, manner) in [(3, &[][..]), (8, &[TIDY])] {
        let lake = tempfile::tempdir()?;
        // Later than the run itself: of two runs for one day the later-started wins.
        let started = "2100-02-01T03:00:00Z";
        let faulty = [&["--broken", "2%", "--repeat", "20%"], manner].concat();
        Ended::of(simulate(lake.path(), 4_000, seed, &faulty)?)?.summary(0)?;
        let lake_path = lake.path().to_str().context("a path of UTF-8")?;
        // Days before, of and after the users' own: ages, tenures and versions move.
        let last = DAY.parse::<NaiveDate>()? + chrono::Days::new(40);
        for (from, to) in [(DAY, DAY.to_owned()), (&last.to_string()[..], last.to_string())] {
            let arguments = [
                "backfill",
                "--from",
                from,
                "--to",
                &to,
                "--lake",
                lake_path,
                "--started-at",
                started,
                "--json",
            ];
            let ended = Ended::of(millrace(&arguments)?)?;
            ensure!(ended.code == Some(0), "{ended:?}");
            check(
                &python,
                lake.path(),
                &to,
                started.parse::<chrono::DateTime<chrono::Utc>>()?.timestamp_micros(),
            )?;
        }
    }
    Ok(())
}
