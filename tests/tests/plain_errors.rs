//! What a person mistypes or a disk damages is told with the place and with what works.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use millrace_tests::program::{DAY, Ended, millrace, query_count, simulate};
use millrace_tests::whole_lake;

/// `millrace` over `lake`.
fn over(lake: &Path, arguments: &[&str]) -> Result<Ended> {
    let mut command = millrace(arguments)?;
    command.arg("--lake").arg(lake);
    Ended::of(command)
}

#[test]
fn values_say_the_form_that_they_want() -> Result<()> {
    for (arguments, words) in [
        (&["run", "--users", "lots"][..], "5k or 1m"),
        (&["run", "--users", "0"], "at least 1"),
        (&["run", "--events=-5"], "5k or 1m"),
        (&["run", "--as-of", "31.01.2026"], "YYYY-MM-DD"),
        (&["job", "raw-transformation", "--as-of", "2026-02-30"], "no such day"),
        (&["job", "raw-transformation", "--started-at", "noon"], "2026-01-31T12:00:00Z"),
        (&["job", "raw-transformation", "--memory", "1KiB"], "at least 8MiB"),
        (&["backfill", "--from", "today", "--to", "soon"], "YYYY-MM-DD"),
        (&["export", "raw_users", "--as-of", "never"], "YYYY-MM-DD"),
        (&["compact", "--min-objects", "1"], "at least 2"),
        (&["vacuum", "--older-than", "1w"], "7d"),
        (&["vacuum", "--keep-last", "0"], "at least 1"),
        (&["simulate", "--events", "1.5"], "5k or 1m"),
        (&["simulate", "--rate", "fast"], "500/s"),
        (&["land", "--brokers", "x:1", "--generation", "g1", "--until-idle", "soon"], "90s"),
        (&["dev", "--brokers", "x:1", "--batch", "0"], "at least 1"),
        (&["peek", "t", "--brokers", "x:1", "-n", "few"], "5k or 1m"),
        (&["export", "users_transformed", "--output", "x.xlsx"], ".csv, .json, .md, .parquet"),
        (&["query", "SELECT 1 AS a", "--output", "x.xlsx"], ".csv, .json, .md, .parquet"),
    ] {
        Ended::of(millrace(arguments)?)?.refusal(2, &[words]).with_context(|| format!("{arguments:?}"))?;
    }
    Ok(())
}

#[test]
fn counts_days_and_tables_are_taken_as_they_are_meant() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("a lake's place");
    let run = ["run", "--source", "simulator", "--users", "0.2k", "--as-of", "yesterday"];
    let told = over(&lake, &run)?;
    ensure!(told.code == Some(0), "{}", told.stderr);
    ensure!(query_count(&lake, "SELECT COUNT(*) FROM raw_users")? == 200);
    // What is to be pasted is one word for a shell.
    let next = told.stdout.lines().find_map(|line| line.trim().strip_prefix("millrace tables --lake "));
    let next = next.with_context(|| told.stdout.clone())?;
    let echoed = std::process::Command::new("sh").arg("-c").arg(format!("printf %s {next}")).output()?;
    ensure!(echoed.stdout == lake.display().to_string().into_bytes(), "{next}");

    let lines = |arguments: &[&str]| -> Result<usize> {
        let ended = over(&lake, arguments)?;
        ensure!(ended.code == Some(0), "{}", ended.stderr);
        Ok(ended.stdout.lines().count())
    };
    ensure!(lines(&["export", "raw_users"])? == 201);
    ensure!(lines(&["export", "raw_users", "--as-of", "yesterday"])? == 201);
    ensure!(lines(&["export", "raw_users", "--as-of", DAY])? == 1, "rows of another day");
    ensure!(lines(&["export", "users_transformed", "--as-of", "yesterday"])? > 1);

    for (arguments, code) in
        [(&["query", "SELECT * FROM user_transformed"][..], 1), (&["export", "users_tranformed"], 2)]
    {
        over(&lake, arguments)?.refusal(code, &["did you mean users_transformed?"])?;
    }
    over(&lake, &["compact", "--table", "raw_user"])?.refusal(1, &["did you mean users?"])?;
    over(&lake, &["query", "SELECT * FROM orders"])?.refusal(1, &["no table orders", "raw_users, "])?;
    ensure!(lines(&["compact", "--table", "raw_users", "--dry-run"])? == 1);
    Ok(())
}

/// Overwrites the first columns of a file, the ids among them, or cuts its end.
fn damage(path: &Path, cut: bool) -> Result<()> {
    let mut bytes = std::fs::read(path)?;
    let length = bytes.len();
    if cut {
        bytes.truncate(length - 100);
    } else {
        bytes[4..length / 2].fill(0x5a);
    }
    Ok(std::fs::write(path, bytes)?)
}

#[test]
fn damaged_parquet_is_named_by_whoever_reads_it() -> Result<()> {
    let whole = tempfile::tempdir()?;
    Ended::of(simulate(whole.path(), 400, 1, &[])?)?.summary(0)?;
    let raw = whole_lake::raw_objects(whole.path())?;
    let raw = raw.get(raw.len() / 2).context("several objects")?.strip_prefix(whole.path())?.to_owned();
    let partition = format!("processing_date={DAY}/part-00000.parquet");
    let users = PathBuf::from(format!("curated/users_transformed/{partition}"));
    let readers_of_raw: &[&[&str]] = &[
        &["query", "SELECT * FROM raw_users", "--format", "json"],
        &["export", "raw_users"],
        &["job", "raw-transformation", "--as-of", DAY],
        &["erase", "nobody"],
    ];
    let readers_of_users: &[&[&str]] = &[
        &["query", "SELECT * FROM users_transformed", "--format", "json"],
        &["export", "users_transformed"],
        &["job", "analytics-aggregation", "--as-of", DAY],
        &["job", "time-series-analysis", "--as-of", DAY],
        &["erase", "nobody"],
    ];
    for cut in [true, false] {
        for (damaged, readers) in [(&raw, readers_of_raw), (&users, readers_of_users)] {
            let lake = tempfile::tempdir()?;
            for file in whole_lake::files(whole.path())? {
                let target = lake.path().join(file.strip_prefix(whole.path())?);
                std::fs::create_dir_all(target.parent().context("a folder")?)?;
                std::fs::copy(&file, target)?;
            }
            // The state would save the job from reading raw.
            std::fs::remove_dir_all(lake.path().join("_state"))?;
            damage(&lake.path().join(damaged), cut)?;
            let name = damaged.to_str().context("a path")?;
            for reader in readers {
                let ended = over(lake.path(), reader)?;
                ended.refusal(1, &[name]).with_context(|| format!("{reader:?}, cut: {cut}"))?;
            }
            // It reads footers alone.
            if cut {
                over(lake.path(), &["tables"])?.refusal(1, &[name])?;
            }
        }
    }
    Ok(())
}
