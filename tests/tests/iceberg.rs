//! The lake's Iceberg tables, as commands make, list, roll back and clean them, and as other engines read them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use millrace_skips::skipped;
use millrace_tests::program::{DAY, Ended, millrace, simulate};
use serde_json::Value;

const DAY_BEFORE: &str = "2026-01-30";
const NOT_ASKED: &str = "not asked for: cargo xtask test --with iceberg";

fn command(lake: &Path, arguments: &[&str]) -> Result<Ended> {
    let mut command = millrace(arguments)?;
    command.arg("--lake").arg(lake);
    let ended = Ended::of(command)?;
    ensure!(ended.code == Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    Ok(ended)
}

fn json(lake: &Path, arguments: &[&str]) -> Result<Value> {
    let ended = command(lake, &[arguments, &["--json"]].concat())?;
    serde_json::from_str(&ended.stdout).with_context(|| ended.stdout.clone())
}

/// A lake whose tables were adopted between two days, and of which one day was made again.
fn with_history(lake: &Path) -> Result<()> {
    Ended::of(simulate(lake, 800, 5, &["--streams", "all", "--events", "2000"])?)?.summary(0)?;
    command(lake, &["adopt"])?;
    for _ in 0..2 {
        command(lake, &["backfill", "--from", DAY_BEFORE, "--to", DAY])?;
    }
    Ok(())
}

fn snapshots(lake: &Path, table: &str) -> Result<Vec<Value>> {
    let told = json(lake, &["tables", "--history", table])?;
    Ok(told["snapshots"].as_array().context("no snapshots")?.clone())
}

fn files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path())
            } else {
                found.insert(entry.path()).then_some(()).context("twice")?
            }
        }
    }
    Ok(found)
}

#[test]
fn a_lake_is_adopted_and_its_history_listed_rolled_back_and_ended() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    with_history(&lake)?;

    // The day that was adopted, then each day twice, by run.
    let told = snapshots(&lake, "users_transformed")?;
    let days: Vec<_> = told.iter().map(|one| one["day"].as_str()).collect();
    let (before, day) = (Some(DAY_BEFORE), Some(DAY));
    ensure!(days == [None, before, day, before, day], "{told:?}");
    ensure!(
        told.iter().filter(|one| one["is_current"] == true).count() == 1 && told[4]["is_current"] == true
    );
    // The record of a run names what it committed.
    let record = std::fs::read(lake.join(format!("_runs/raw-transformation/{DAY}.json")))?;
    let record: Value = serde_json::from_slice(&record)?;
    ensure!(record["tables"][0]["iceberg_snapshot"] == told[4]["snapshot"], "{record}");

    // Adopted again, nothing is to be done.
    let again = json(&lake, &["adopt"])?;
    let adopted = again["tables"].as_array().context("no tables")?;
    ensure!(adopted.len() == 17 && adopted.iter().all(|one| one["days"] == 0), "{again}");

    // A day that somebody published without the tables is made whole.
    let day_file = format!("curated/users_transformed/processing_date={DAY}/part-00000.parquet");
    let other = format!("curated/users_transformed/processing_date={DAY_BEFORE}/part-00000.parquet");
    std::fs::remove_dir_all(lake.join("iceberg/users_transformed"))?;
    let one_table = json(&lake, &["adopt"])?;
    ensure!(one_table["tables"][0]["days"] == 2, "{one_table}");
    ensure!(files(&lake.join("iceberg/users_transformed/data"))?.len() == 2);
    for key in [&day_file, &other] {
        ensure!(lake.join(key).exists(), "{key} is gone");
    }

    // Back and forth: the published files stay as they are.
    let published = std::fs::read(
        lake.join("curated/data_quality_summary").join(format!("processing_date={DAY}/part-00000.parquet")),
    )?;
    let told = snapshots(&lake, "data_quality_summary")?;
    let first = told[1]["snapshot"].as_i64().context("no id")?.to_string();
    command(&lake, &["rollback", "Data_Quality_Summary", &first])?;
    let rolled = snapshots(&lake, "data_quality_summary")?;
    ensure!(rolled[1]["is_current"] == true && rolled[4]["is_in_line"] == false, "{rolled:?}");
    let now = std::fs::read(
        lake.join("curated/data_quality_summary").join(format!("processing_date={DAY}/part-00000.parquet")),
    )?;
    ensure!(now == published);
    let newest = told[4]["snapshot"].as_i64().context("no id")?.to_string();
    let forth = json(&lake, &["rollback", "data_quality_summary", &newest])?;
    ensure!(forth["snapshot"] == told[4]["snapshot"] && forth["committed_at"] == told[4]["committed_at"]);

    // What would end is told first, and a dry run leaves all as it is.
    let before = files(&lake)?;
    let dry = command(&lake, &["vacuum", "--older-than", "0s", "--dry-run", "--json"])?;
    ensure!(files(&lake)? == before, "a dry run changed the lake");
    let lines: Vec<Value> = dry.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let summary = lines.iter().find(|one| one["table"] == "data_quality_summary").context("not told")?;
    ensure!(summary["snapshots"] == 4, "{summary}");
    let done = command(&lake, &["vacuum", "--older-than", "0s", "--orphans-older-than", "0s", "--json"])?;
    let wet: Vec<Value> = done.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    for (dry, wet) in lines.iter().zip(&wet) {
        ensure!(dry["snapshots"] == wet["snapshots"] && dry["files"] == wet["files"], "{dry} became {wet}");
    }
    let left = snapshots(&lake, "data_quality_summary")?;
    ensure!(left.len() == 1 && left[0]["rows"] == told[4]["rows"], "{left:?}");
    // One data file a day is left, and nothing of the plain layout is gone.
    ensure!(files(&lake.join("iceberg/data_quality_summary/data"))?.len() == 2);
    let plain = |of: &BTreeSet<PathBuf>| {
        of.iter().filter(|path| !path.starts_with(lake.join("iceberg"))).cloned().collect::<BTreeSet<_>>()
    };
    ensure!(plain(&files(&lake)?) == plain(&before));
    Ok(())
}

#[test]
fn what_is_asked_of_tables_that_are_not_there_is_refused_in_words() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    Ended::of(simulate(&lake, 50, 5, &[])?)?.summary(0)?;
    let refused = |arguments: &[&str], words: &[&str]| -> Result<()> {
        let mut command = millrace(arguments)?;
        command.arg("--lake").arg(&lake);
        Ended::of(command)?.refusal(1, words).map(drop)
    };
    for arguments in [&["tables", "--history"][..], &["vacuum"], &["rollback", "users_transformed", "1"]] {
        refused(arguments, &["no Iceberg tables", "millrace adopt"])?;
    }
    command(&lake, &["adopt"])?;
    refused(&["rollback", "users_transformed", "1"], &["users_transformed", "no snapshot 1"])?;
    refused(&["tables", "--history", "user_transformed"], &["did you mean users_transformed"])?;
    refused(&["vacuum", "nonsense"], &["no table nonsense"])?;
    // Metadata names files by where they are.
    let moved = folder.path().join("moved");
    std::fs::rename(&lake, &moved)?;
    let mut job = millrace(&["job", "raw-transformation", "--as-of", DAY])?;
    job.arg("--lake").arg(&moved);
    Ended::of(job)?.refusal(1, &["/lake", "/moved", "millrace adopt"])?;
    Ok(())
}

/// What a script of iceberg/ tells of the lake.
fn read_by(script: &str, python: &OsString, lake: &Path, more: &[&Path]) -> Result<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/iceberg").join(script);
    let history = lake.with_extension("history.json");
    std::fs::write(&history, command(lake, &["tables", "--history", "--json"])?.stdout)?;
    let mut python = Command::new(python);
    python.arg("-P").arg(script).arg(lake).arg(&history).args(more);
    let ended = Ended::of(python)?;
    ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
    let told = ended.stdout.lines().last().context("nothing was told")?;
    Ok(serde_json::from_str(told.trim_start_matches("TOLD "))?)
}

/// Every cell of every table is what is published, and every snapshot has the rows that it had.
#[test]
fn other_engines_read_every_table_now_and_as_it_was() -> Result<()> {
    let Some(python) = std::env::var_os("MILLRACE_PYICEBERG_PYTHON") else {
        skipped("Iceberg tables by pyiceberg, DuckDB and Spark", NOT_ASKED);
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let lake = folder.path().canonicalize()?.join("lake");
    with_history(&lake)?;
    let mut told = BTreeMap::new();
    for script in ["by_pyiceberg.py", "by_duckdb.py"] {
        told.insert(script, read_by(script, &python, &lake, &[])?);
    }
    match (std::env::var_os("MILLRACE_SPARK_PYTHON"), std::env::var_os("MILLRACE_ICEBERG_SPARK_JAR")) {
        (Some(spark), Some(jar)) => {
            let script = "by_spark.py";
            told.insert(script, read_by(script, &spark, &lake, &[Path::new(&jar)])?);
        }
        _ => skipped("Iceberg tables by Spark", NOT_ASKED),
    }
    let counts: BTreeSet<String> = told.values().map(ToString::to_string).collect();
    ensure!(counts.len() == 1, "{told:?}");
    let one = told.values().next().context("nobody read")?;
    ensure!(one["tables"].as_array().is_some_and(|tables| tables.len() == 17), "{one}");
    println!("{} engines read {} rows of 17 tables", told.len(), one["rows"]);
    Ok(())
}
