//! What holds of every lake between runs, whatever happened to those before.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use chrono::{Days, NaiveDate, NaiveTime};
use millrace_lake::RawObjectName;
use millrace_lake::dead_letter_line::DeadLetter;
use serde_json::Value;

use crate::program::query_count;
use crate::{letters, tables};

/// Every file under `folder`, hidden ones too, sorted.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.sort();
    Ok(files)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// What a reader sees as raw objects of users.
pub fn raw_objects(lake: &Path) -> Result<Vec<PathBuf>> {
    raw_objects_of(lake, "users")
}

/// The objects of a raw table.
pub fn raw_objects_of(lake: &Path, table: &str) -> Result<Vec<PathBuf>> {
    let files = files(&lake.join(format!("raw/{table}")))?.into_iter();
    Ok(files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect())
}

/// Every object that a reader can see is whole, however the last run ended.
pub fn check_whole(lake: &Path) -> Result<()> {
    for path in files(lake)? {
        let extension = path.extension().and_then(|extension| extension.to_str());
        // What a job spills is its own.
        let scratch = path.starts_with(lake.join(".scratch"));
        match extension {
            Some("parquet") if !scratch => drop(tables::read(&path)?),
            Some("json") => {
                let text = std::fs::read(&path)?;
                let _: Value = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
            }
            _ => {}
        }
    }
    letters::all(lake).map(drop)
}

/// No source position was given to two records, nor to two dead letters: where nothing was delivered twice, as from an
/// embedded broker, each stands once.
pub fn check_positions(lake: &Path) -> Result<()> {
    for table in ["users", "user_interactions", "video_engagements", "ad_events"] {
        let (mut rows, mut positions) = (0, BTreeSet::new());
        for object in raw_objects_of(lake, table)? {
            for batch in tables::read(&object)? {
                rows += batch.num_rows();
                positions.extend(tables::positions(&batch, "_")?);
            }
        }
        ensure!(positions.len() == rows, "raw/{table} has {rows} rows of {} positions", positions.len());
    }
    let mut seen = BTreeSet::new();
    for path in files(&lake.join("_dead_letters"))? {
        for line in std::fs::read_to_string(&path)?.lines() {
            let letter = DeadLetter::from_line(line)?;
            let place = (path.clone(), letter.partition, letter.offset);
            ensure!(
                seen.insert(place),
                "two dead letters are offset {} of {}",
                letter.offset,
                path.display()
            );
        }
    }
    Ok(())
}

/// The topic generations of a raw table, as its objects' names tell.
pub fn generations(lake: &Path, table: &str) -> Result<BTreeSet<String>> {
    let names = raw_objects_of(lake, table)?;
    names.iter().map(|path| Ok(name(path).parse::<RawObjectName>()?.generation().to_string())).collect()
}

/// Nothing of a dead run is left: no temporary file, no scratch, no letters that wait for their place.
pub fn check_swept(lake: &Path) -> Result<()> {
    let left: Vec<_> = files(lake)?.into_iter().filter(|path| is_leftover(lake, path)).collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

fn is_leftover(lake: &Path, path: &Path) -> bool {
    // The gate of the scratch folder is made once and stays.
    let gate = "millrace-jobs.lock";
    let scratch = path.starts_with(lake.join(".scratch")) && name(path) != gate;
    scratch || name(path).starts_with(".millrace-") || name(path).ends_with(".tmp")
}

/// What the job's record of a day says of its run.
pub fn run_record(lake: &Path, day: &str) -> Result<Value> {
    let path = lake.join(format!("_runs/raw-transformation/{day}.json"));
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_slice(&text)?)
}

/// The objects that the job of a day read.
pub fn inputs(lake: &Path, record: &Value) -> Result<Vec<PathBuf>> {
    let objects = record["inputs"]["objects"].as_array().context("no inputs in the record")?;
    Ok(objects.iter().filter_map(|key| Some(lake.join(key.as_str()?))).collect())
}

/// The tables of `day` are exactly what `objects` make, and the job's record says so too.
pub fn check_tables(lake: &Path, day: &str, objects: Vec<PathBuf>) -> Result<()> {
    let raw = tables::raw_rows(objects)?;
    let next: NaiveDate = day.parse::<NaiveDate>()?.checked_add_days(Days::new(1)).context("a last day")?;
    let end = next.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    let expected = tables::newest_users(&raw, end);
    let users = tables::users_transformed(lake, day)?;
    let wrong = users.iter().find(|(position, id)| expected.get(position) != Some(id));
    ensure!(wrong.is_none(), "users_transformed holds {wrong:?}, which is not the newest of its id");
    ensure!(users.len() == expected.len(), "{} users instead of {}", users.len(), expected.len());

    let after = raw.values().filter(|row| row.timestamp >= end).count();
    let record = run_record(lake, day)?;
    let rows = &record["rows"];
    let duplicates = raw.len() - after - expected.len();
    for (name, count) in [
        ("raw_rows_by_position", raw.len()),
        ("users", expected.len()),
        ("duplicates", duplicates),
        ("after_as_of", after),
    ] {
        ensure!(rows[name].as_u64() == Some(count as u64), "{name} is {count}, but the record says {rows}");
    }
    Ok(())
}

/// All of it, after a run that ended well: objects whole, leftovers swept, each position answered once, tables exact.
pub fn check(lake: &Path, day: &str) -> Result<()> {
    check_whole(lake)?;
    check_swept(lake)?;
    let objects = raw_objects(lake)?;
    let positions = tables::raw_rows(objects.clone())?.len() as u64;
    let answered = query_count(lake, "SELECT COUNT(*) AS n FROM raw_users")?;
    ensure!(answered == positions, "raw_users answers {answered} rows for {positions} positions");
    check_tables(lake, day, objects)
}
