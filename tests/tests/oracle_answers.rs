//! `millrace run` against an independent reading of its contracts: `tests/oracle/answers.py` computes raw/users, the
//! dead letters, users_transformed and data_quality_summary from the API's answers alone and compares every cell.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use millrace_skips::skipped;
use millrace_sources::{Share, Simulation};
use millrace_tests::program::{Ended, run_command};

fn python(test: &str) -> Option<PathBuf> {
    let python = std::env::var_os("MILLRACE_PYTHON").map(PathBuf::from);
    if python.is_none() {
        skipped(test, "MILLRACE_PYTHON names no Python with pyarrow");
    }
    python
}

fn oracle(python: &Path, script: &str, arguments: &[&Path]) -> Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle");
    let output = Command::new(python).arg("-B").arg(folder.join(script)).args(arguments).output()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let failure = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{script} {arguments:?}:\n{told}{failure}");
    Ok(told)
}

/// Carries the answers into a fresh lake and holds it against them; gives how many cells agree.
fn check(python: &Path, answers: &Path, as_of: &str) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    let source = format!("recorded:{}", answers.to_str().context("a path of UTF-8")?);
    let ended = Ended::of(run_command(&lake, &["--source", &source, "--as-of", as_of])?)?;
    ended.summary(0)?;
    let summary = folder.path().join("summary.json");
    std::fs::write(&summary, &ended.stdout)?;
    let told = oracle(python, "answers.py", &[answers, &lake, Path::new(as_of), &summary])?;
    println!("{}", told.trim());
    let cells = told.split_whitespace().next().and_then(|cells| cells.parse().ok());
    cells.with_context(|| format!("no count in {told:?}"))
}

#[test]
fn every_cell_of_nasty_users_agrees() -> Result<()> {
    let Some(python) = python("every cell of nasty users") else { return Ok(()) };
    let answers = tempfile::tempdir()?;
    let users: u64 = oracle(&python, "nasty_answers.py", &[answers.path()])?.trim().parse()?;
    ensure!(users > 2_500, "only {users} users");
    // A leap day, a day after all recorded ones, a day before most births and one of a February without the 29th.
    for as_of in ["2024-02-29", "2026-11-28", "1990-06-15", "2023-02-28"] {
        let cells = check(&python, answers.path(), as_of)?;
        ensure!(cells > 150_000, "the oracle had next to nothing to compare at {as_of}: {cells} cells");
    }
    Ok(())
}

#[test]
fn every_cell_of_simulated_users_agrees() -> Result<()> {
    let Some(python) = python("every cell of simulated users") else { return Ok(()) };
    let tidy = Simulation::new(12, "2%".parse::<Share>()?, "10%".parse::<Share>()?);
    for simulation in [tidy, tidy.untidy()] {
        let answers = tempfile::tempdir()?;
        for page in 1..=3 {
            let mut answer = Vec::new();
            simulation.write_answer((page - 1) * 700, 700, page, &mut answer);
            std::fs::write(answers.path().join(format!("page-{page}.json")), answer)?;
        }
        let cells = check(&python, answers.path(), "2026-01-31")?;
        ensure!(cells > 150_000, "the oracle had next to nothing to compare: {cells} cells");
    }
    Ok(())
}

#[test]
fn every_cell_of_recorded_users_agrees() -> Result<()> {
    let test = "every cell of recorded users";
    let Some(python) = python(test) else { return Ok(()) };
    let Some(recorded) = std::env::var_os("MILLRACE_TEST_RECORDED").map(PathBuf::from) else {
        skipped(test, "no recorded answers (MILLRACE_TEST_RECORDED names no folder)");
        return Ok(());
    };
    let cells = check(&python, &recorded.join("pages"), "2026-11-28")?;
    ensure!(cells > 300_000, "the oracle had next to nothing to compare: {cells} cells");
    Ok(())
}
