//! `millrace job`, `backfill` and `export`, as a scheduler and a person call them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use millrace_tests::program::{DAY, Ended, millrace, query_count, simulate};
use serde_json::Value;

const LATER: &str = "2100-01-01T00:00:00Z";

fn lake() -> Result<tempfile::TempDir> {
    lake_of(2_000)
}

fn lake_of(users: u64) -> Result<tempfile::TempDir> {
    let lake = tempfile::tempdir()?;
    let summary =
        Ended::of(simulate(lake.path(), users, 5, &["--broken", "2%", "--repeat", "10%"])?)?.summary(0)?;
    let tables = summary.0["tables"].as_object().context("no tables")?;
    ensure!(tables.len() == 17, "a run makes 17 tables, not {tables:?}");
    Ok(lake)
}

fn ended(lake: &Path, arguments: &[&str]) -> Result<Ended> {
    let mut command = millrace(arguments)?;
    command.arg("--lake").arg(lake);
    Ended::of(command)
}

/// Every published file by its path.
fn published(lake: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders: Vec<_> = ["curated", "analytics", "timeseries"].map(|layer| lake.join(layer)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(lake)?.display().to_string();
                files.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

#[test]
fn a_backfill_gives_the_same_bytes_again() -> Result<()> {
    let lake = lake_of(6_000)?;
    let backfill =
        ["backfill", "--from", "2026-01-30", "--to", "2026-02-02", "--started-at", LATER, "--json"];
    let first = ended(lake.path(), &backfill)?;
    ensure!(first.code == Some(0), "{first:?}");
    let lines: Vec<Value> = first.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(lines.len() == 4 * 3, "{}", first.stdout);
    ensure!(lines.iter().all(|line| line["published"] == true), "{}", first.stdout);
    let (empty, full) = (&lines[0]["tables"]["users_transformed"], &lines[3]["tables"]["users_transformed"]);
    ensure!(empty == 0 && full.as_u64() > Some(1_000), "the users came on {DAY}: {}", first.stdout);
    let before = published(lake.path())?;
    ensure!(before.len() == 4 * 17, "{:?}", before.keys());
    // In ranges of 2,048 rows, too: the least memory that is taken.
    let second = ended(lake.path(), &[&backfill[..], &["--memory", "8MiB"]].concat())?;
    ensure!(second.code == Some(0), "{second:?}");
    for (name, bytes) in published(lake.path())? {
        ensure!(before.get(&name) == Some(&bytes), "{name} changed");
    }
    Ok(())
}

#[test]
fn jobs_run_one_by_one_and_an_earlier_run_does_not_win() -> Result<()> {
    let lake = lake()?;
    let day = "2026-03-01";
    let missing = ended(lake.path(), &["job", "analytics-aggregation", "--as-of", day])?;
    missing.refusal(1, &["users_transformed", "millrace job raw-transformation --as-of 2026-03-01"])?;
    for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] {
        let done =
            ended(lake.path(), &["job", job, "--as-of", day, "--started-at", LATER, "--json"])?.summary(0)?;
        ensure!(done.0["job"] == job && done.0["published"] == true, "{}", done.0);
    }
    let late = ended(lake.path(), &["job", "time-series-analysis", "--as-of", day, "--json"])?.summary(0)?;
    ensure!(late.0["published"] == false, "{}", late.0);
    let unsized_memory = ["job", "raw-transformation", "--memory", "1GB"];
    ended(lake.path(), &unsized_memory)?.refusal(2, &["--memory", "such as 128MiB"])?;
    ended(lake.path(), &["job", "no-such-job"])?.refusal(2, &["raw-transformation"])?;
    ended(lake.path(), &["backfill", "--from", "2026-02-02", "--to", "2026-02-01"])?
        .refusal(2, &["--from"])?;
    Ok(())
}

#[test]
fn a_table_is_exported_in_every_format() -> Result<()> {
    let lake = lake()?;
    let table = "fact_geographic_expansion";
    let csv = ended(lake.path(), &["export", table])?;
    ensure!(csv.code == Some(0), "{csv:?}");
    let rows = csv.stdout.lines().count() - 1;
    ensure!(rows == 21 && csv.stdout.starts_with("country,user_count,"), "{}", csv.stdout);
    let json = ended(lake.path(), &["export", table, "--format", "json", "--as-of", DAY])?;
    let json: Vec<Value> = serde_json::from_str(&json.stdout)?;
    ensure!(json.len() == rows && json[0]["country"] == "Australia", "{json:?}");
    let file = lake.path().join("export.parquet");
    let parquet =
        ended(lake.path(), &["export", table, "--all", "--output", file.to_str().context("a path")?])?;
    ensure!(parquet.code == Some(0) && std::fs::read(&file)?.starts_with(b"PAR1"), "{parquet:?}");
    ended(lake.path(), &["export", "no_such_table"])?.refusal(2, &["fact_geographic_expansion"])?;
    Ok(())
}

/// What a text has between `millrace query` (or `cargo run -- query`) with whatever options, and the end of its SQL.
fn first_query(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.contains("query ") && line.contains("users_transformed"))?;
    line.split('"').nth(1)
}

#[test]
fn what_is_told_to_ask_next_counts_everybody_once_over_three_days() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let mut told = String::new();
    for (seed, day) in [("1", "2026-01-30"), ("2", "2026-01-31"), ("3", "2026-02-01")] {
        let run = ["run", "--source", "simulator", "--users", "300", "--seed", seed, "--as-of", day];
        let run = ended(lake.path(), &run)?;
        ensure!(run.code == Some(0), "{run:?}");
        told = run.stdout;
    }
    let count = |sql: &str| query_count(lake.path(), sql);
    let everybody =
        count("SELECT COUNT(*) AS n FROM users_transformed WHERE processing_date = '2026-02-01'")?;
    ensure!(everybody > 850 && count("SELECT COUNT(*) AS n FROM users_transformed")? > 2 * everybody - 300);
    let next = first_query(&told).context("no query behind the run")?;
    let readme = first_query(include_str!("../../README.md")).context("no query in the README")?;
    for sql in [next, readme] {
        let (countries, _) = sql.split_once(" ORDER BY").context("in an order")?;
        let sum = format!("SELECT SUM(users) AS n FROM ({countries}) AS countries");
        ensure!(count(&sum)? == everybody, "{sql} does not count {everybody} users once each");
    }

    let lines = |arguments: &[&str]| -> Result<Vec<String>> {
        let csv = ended(lake.path(), arguments)?;
        ensure!(csv.code == Some(0), "{csv:?}");
        Ok(csv.stdout.lines().map(str::to_owned).collect())
    };
    let latest = lines(&["export", "users_transformed_latest"])?;
    ensure!(latest.len() as u64 == everybody + 1, "{} lines", latest.len());
    ensure!(latest == lines(&["export", "users_transformed"])?);
    ensure!(latest == lines(&["export", "users_transformed", "--as-of", "2026-02-01"])?);
    ensure!(lines(&["export", "users_transformed", "--all"])?.len() > latest.len());
    let current = lines(&["export", "dim_user_demographics_current"])?;
    ensure!(current.len() > 800 && current.len() <= latest.len(), "{}", current.len());
    let day = ["export", "users_transformed_latest", "--as-of", "2026-02-01"];
    ended(lake.path(), &day)?.refusal(2, &["users_transformed_latest", "--as-of"])?;
    ended(lake.path(), &["export", "raw_users_latest"])?.refusal(2, &["no table raw_users_latest"])?;
    let tables = ended(lake.path(), &["tables", "--json"])?.summary(0)?;
    ensure!(tables.0["views"].as_array().map(Vec::len) == Some(18), "{}", tables.0["views"]);
    Ok(())
}

#[test]
fn tables_tell_what_they_are_made_of() -> Result<()> {
    let lake = lake()?;
    let told = ended(lake.path(), &["tables", "--json"])?.summary(0)?;
    let tables = told.0["tables"].as_array().context("no tables")?;
    let of = |name: &str| tables.iter().find(|table| table["name"] == name).context("no such table");
    ensure!(of("users_transformed")?["made_by"]["inputs"]["raw_users"].as_u64() > Some(0));
    let trends = &of("fact_registration_trends")?["made_by"];
    ensure!(trends["job"] == "time-series-analysis" && trends["as_of"] == DAY, "{trends}");
    ensure!(trends["inputs"]["fact_data_quality_metrics"] == 1, "{trends}");
    ensure!(trends["age_seconds"].as_i64() >= Some(0), "{trends}");
    Ok(())
}
