//! All runs into a lake are one generation of its topics: their objects compact, and no source position is given away twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use millrace_events::position::Offset;
use millrace_lake::RawObjectName;
use millrace_tests::program::{DAY, Ended, Summary, millrace, query_count, simulate};
use millrace_tests::{letters, tables, whole_lake};
use serde_json::Value;

const USERS: u64 = 400;
const RUNS: u64 = 6;
const FAULTY: [&str; 4] = ["--broken", "3%", "--repeat", "5%"];

fn run(lake: &Path, seed: u64, more: &[&str]) -> Result<Summary> {
    let summary = Ended::of(simulate(lake, USERS, seed, more)?)?.summary(0)?;
    summary.check_hops()?;
    summary.check_tables()?;
    Ok(summary)
}

/// Each partition's offsets in the names of a raw table's objects, by generation.
fn ranges(lake: &Path, table: &str) -> Result<BTreeMap<(String, i32), Vec<(i64, i64)>>> {
    let mut ranges = BTreeMap::<_, Vec<_>>::new();
    for path in whole_lake::raw_objects_of(lake, table)? {
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
        let name: RawObjectName = name.parse()?;
        let place = (name.generation().to_string(), name.partition());
        ranges.entry(place).or_default().push((name.first_offset().get(), name.last_offset().get()));
    }
    ranges.values_mut().for_each(|ranges| ranges.sort_unstable());
    Ok(ranges)
}

fn compact(lake: &Path) -> Result<Vec<Value>> {
    let mut command = millrace(&["compact", "--json", "--lake"])?;
    command.arg(lake);
    let ended = Ended::of(command)?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    ended.stdout.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// The day's tables made anew, of what raw holds now: whom users_transformed holds, and of which rows.
fn users(lake: &Path) -> Result<tables::Users> {
    let mut command = millrace(&["backfill", "--from", DAY, "--to", DAY, "--lake"])?;
    command.arg(lake);
    let ended = Ended::of(command)?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    tables::users_transformed(lake, DAY)
}

#[test]
fn many_runs_are_one_life_and_compact() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let lake = lake.path();
    let (mut landed, mut rejected, mut objects) = (0, 0, 0);
    for seed in 0..RUNS {
        let summary = run(lake, seed, &FAULTY)?;
        landed += summary.count("landed")?;
        rejected += summary.count("rejected")? + summary.count("dead_lettered")?;
        objects += summary.count("objects")?;
    }
    ensure!(whole_lake::raw_objects(lake)?.len() as u64 == objects);
    let ranges = ranges(lake, "users")?;
    ensure!(whole_lake::generations(lake, "users")?.len() == 1 && ranges.len() == 6, "{ranges:?}");
    for ((_, partition), ranges) in &ranges {
        ensure!(ranges.first().is_some_and(|(first, _)| *first == 0), "{partition}: {ranges:?}");
        // Every record is a row here, so each run goes on right behind the one before.
        ensure!(ranges.windows(2).all(|pair| pair[1].0 == pair[0].1 + 1), "{partition}: {ranges:?}");
    }
    whole_lake::check_positions(lake)?;
    whole_lake::check(lake, DAY)?;
    ensure!(
        letters::all(lake)?.len() as u64 == rejected && rejected > 0,
        "dead letters of a run are missing"
    );

    let positions =
        "SELECT COUNT(*) FROM (SELECT DISTINCT _topic, _generation, _partition, _offset FROM raw_users) AS p";
    let before = (users(lake)?, tables::raw_rows(whole_lake::raw_objects(lake)?)?);
    ensure!(query_count(lake, positions)? == landed);
    let told = compact(lake)?;
    let told = told.iter().find(|told| told["table"] == "users").context("users")?;
    ensure!(told["removed"].as_u64() == Some(objects), "{told}");
    // One for each partition and hour.
    let left = whole_lake::raw_objects(lake)?.len();
    ensure!(left as u64 == objects / RUNS, "{left} objects are left of {objects}");
    ensure!(before == (users(lake)?, tables::raw_rows(whole_lake::raw_objects(lake)?)?));
    ensure!(query_count(lake, positions)? == landed);
    whole_lake::check(lake, DAY)?;

    // The next run goes on behind what was compacted, and its job covers it.
    let next = run(lake, RUNS, &FAULTY)?;
    ensure!(next.count("raw_rows")? == landed + next.count("landed")?, "{}", next.0);
    whole_lake::check_positions(lake)?;
    whole_lake::check(lake, DAY)
}

#[test]
fn runs_of_other_streams_go_on_in_the_same_life() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let lake = lake.path();
    let all = ["--streams", "all", "--broken", "2%", "--late", "5%"];
    let few = ["--streams", "ads", "--events", "300"];
    let mut generations = BTreeSet::new();
    for (seed, more) in [(1, &[][..]), (2, &all), (3, &few), (4, &[]), (5, &all)] {
        generations.insert(run(lake, seed, more)?.generation()?.to_owned());
        whole_lake::check_positions(lake)?;
    }
    ensure!(generations.len() == 1, "{generations:?}");
    whole_lake::check(lake, DAY)?;
    let counts = || -> Result<Vec<u64>> {
        let tables = ["users", "user_interactions", "video_engagements", "ad_events"];
        tables.iter().map(|table| query_count(lake, &format!("SELECT COUNT(*) FROM raw_{table}"))).collect()
    };
    let before = counts()?;
    for told in compact(lake)? {
        ensure!(told["removed"].as_u64() > Some(0), "{told}");
    }
    ensure!(counts()? == before);
    whole_lake::check(lake, DAY)
}

#[test]
fn what_was_erased_or_removed_is_not_given_away_again() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let lake = lake.path();
    run(lake, 1, &FAULTY)?;
    let before = ranges(lake, "users")?;
    for folder in ["raw", "curated", "analytics", "timeseries", "_state", "_runs", "_dead_letters"] {
        std::fs::remove_dir_all(lake.join(folder)).with_context(|| folder.to_owned())?;
    }
    run(lake, 2, &FAULTY)?;
    for (place, ranges) in ranges(lake, "users")? {
        let last = before.get(&place).and_then(|ranges| ranges.last()).context("another generation")?.1;
        ensure!(
            ranges.first().is_some_and(|(first, _)| *first == last + 1),
            "{place:?}: {ranges:?} behind {last}"
        );
    }
    let offsets: BTreeSet<_> = letters::all(lake)?.iter().map(|letter| letter.offset).collect();
    ensure!(offsets.first() > Some(&Offset::ZERO), "dead letters have offsets again: {offsets:?}");
    // Whoever removes the claims too has a new generation.
    std::fs::remove_dir_all(lake.join("_lives"))?;
    run(lake, 3, &FAULTY)?;
    ensure!(whole_lake::generations(lake, "users")?.len() == 2);
    whole_lake::check_positions(lake)?;
    whole_lake::check(lake, DAY)
}

#[test]
fn lakes_of_many_lives_stay_as_they_are_and_go_on_in_one() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let lake = lake.path();
    // What an earlier version left: each run a generation of its own, and no claims.
    for seed in 0..3 {
        run(lake, seed, &FAULTY)?;
        std::fs::remove_dir_all(lake.join("_lives"))?;
    }
    ensure!(whole_lake::generations(lake, "users")?.len() == 3);
    let letters_before = letters::all(lake)?.len();
    for seed in 3..6 {
        run(lake, seed, &FAULTY)?;
    }
    ensure!(whole_lake::generations(lake, "users")?.len() == 4);
    ensure!(letters::all(lake)?.len() > letters_before);
    let rows = tables::raw_rows(whole_lake::raw_objects(lake)?)?;
    compact(lake)?;
    ensure!(rows == tables::raw_rows(whole_lake::raw_objects(lake)?)?);
    let objects = ranges(lake, "users")?.values().map(Vec::len).collect::<BTreeSet<_>>();
    ensure!(objects.len() == 1, "some generation was not compacted: {objects:?}");
    whole_lake::check(lake, DAY)
}
