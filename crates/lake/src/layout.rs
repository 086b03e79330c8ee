//! Where the lake keeps what is not raw: the partitions of tables, the records of runs, the dead letters.

use chrono::{Datelike, NaiveDate};
pub use millrace_events::layer::Layer;
use millrace_events::position::Offset;

use crate::object_key::{BadKey, Key};
use crate::raw_object_name::{self, RawObjectName};
use crate::root_names::{CLAIMS, DEAD_LETTERS, LOCKS, RAW, REMOVAL_MARKS, RUNS};
use crate::table_name::is_table;
use crate::topic_generation::TopicGeneration;

/// What cannot be a place in the lake.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The name of a table or a job has other characters.
    #[error("{0:?} is no table or job: give the characters a-z, 0-9, '_' and, for a job, '-'")]
    Name(String),
    /// A day that `YYYY-MM-DD` cannot write.
    #[error("the day {0} lies outside the years 0 to 9999")]
    Day(NaiveDate),
    /// A raw table, by name, where a table of a job is meant.
    #[error("raw tables have no partition a day: {0:?}")]
    RawPartition(String),
    /// The topic or table cannot be part of a raw object's place.
    #[error(transparent)]
    Topic(#[from] raw_object_name::RawNameError),
    /// The parts do not make a key.
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// The folder of a table, ending in `/`: the prefix under which its objects are listed.
pub fn table_prefix(layer: Layer, table: &str) -> Result<String, LayoutError> {
    if is_table(table) { Ok(format!("{layer}/{table}/")) } else { Err(LayoutError::Name(table.to_owned())) }
}

/// The one file of a table's partition: `<layer>/<table>/processing_date=YYYY-MM-DD/part-00000.parquet`.
pub fn partition_key(layer: Layer, table: &str, day: NaiveDate) -> Result<Key, LayoutError> {
    if layer == Layer::Raw {
        return Err(LayoutError::RawPartition(table.to_owned()));
    }
    let day = checked_day(day)?;
    Ok(Key::new(format!("{}processing_date={day}/part-00000.parquet", table_prefix(layer, table)?))?)
}

/// The record of a job's run for a day: `_runs/<job>/<as_of>.json`.
pub fn run_record_key(job: &str, as_of: NaiveDate) -> Result<Key, LayoutError> {
    let fits = !job.is_empty()
        && job
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'));
    if !fits {
        return Err(LayoutError::Name(job.to_owned()));
    }
    Ok(Key::new(format!("{RUNS}/{job}/{}.json", checked_day(as_of)?))?)
}

/// The dead letters of one generation of a topic: `_dead_letters/<topic>/<generation>.jsonl`.
pub(crate) fn dead_letters_key(topic: &str, generation: &TopicGeneration) -> Result<Key, LayoutError> {
    let topic = raw_object_name::checked_topic(topic.to_owned())?;
    Ok(Key::new(format!("{DEAD_LETTERS}/{topic}/{generation}.jsonl"))?)
}

/// One run's dead letters of a topic where files cannot grow: `_dead_letters/<topic>/<generation>-<first offset, 20
/// digits>.jsonl`, named by its first letter's offset in the dead-letter topic.
pub(crate) fn dead_letters_part_key(
    topic: &str,
    generation: &TopicGeneration,
    first_offset: Offset,
) -> Result<Key, LayoutError> {
    let topic = raw_object_name::checked_topic(topic.to_owned())?;
    Ok(Key::new(format!("{DEAD_LETTERS}/{topic}/{generation}-{first_offset:020}.jsonl"))?)
}

/// The folder of a raw table, ending in `/`.
pub(crate) fn raw_prefix(table: &str) -> Result<String, LayoutError> {
    if is_table(table) { Ok(format!("{RAW}/{table}/")) } else { Err(LayoutError::Name(table.to_owned())) }
}

/// The folder of a day of a raw table, ending in `/`.
pub(crate) fn raw_day_prefix(table: &str, day: NaiveDate) -> Result<String, LayoutError> {
    Ok(format!("{}date={}/", raw_prefix(table)?, checked_day(day)?))
}

/// The day and the hour in whose folder an object of a raw table is; `None` for an object elsewhere.
pub(crate) fn raw_hour(key: &Key) -> Option<(NaiveDate, u8)> {
    let [_, day, hour, _] = within(key, RAW)?.split('/').collect::<Vec<_>>()[..] else { return None };
    let hour = hour.strip_prefix("hour=").filter(|digits| is_hour(digits))?;
    Some((day.strip_prefix("date=")?.parse().ok()?, hour.parse().ok()?))
}

/// The lock of whoever replaces objects of a raw table: of compactions and erasures there is one at a time.
pub fn raw_lock(table: &str) -> Result<Key, LayoutError> {
    let prefix = raw_prefix(table)?;
    Ok(Key::new(format!("{LOCKS}/{}", prefix.trim_end_matches('/')))?)
}

/// Changes before objects of a raw table are removed: see [`crate::raw_listing`].
pub fn removal_mark_key(table: &str) -> Result<Key, LayoutError> {
    if !is_table(table) {
        return Err(LayoutError::Name(table.to_owned()));
    }
    Ok(Key::new(format!("{REMOVAL_MARKS}/{table}.json"))?)
}

/// The day of a table's partition; `None` for what is no partition by its key, whoever put it there.
pub fn partition_day(key: &Key) -> Option<NaiveDate> {
    let [layer, table, folder, "part-00000.parquet"] = key.as_str().split('/').collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_ours = Layer::OF_JOBS.into_iter().any(|known| known.as_str() == layer) && is_table(table);
    let day: NaiveDate = folder.strip_prefix("processing_date=").filter(|_| is_ours)?.parse().ok()?;
    // Days are written in one way only.
    (folder == format!("processing_date={day}")).then_some(day)
}

/// The raw table whose object `key` is: by its name, or by its place in a day and an hour, where people put restored objects under
/// names of their own. `None` for anything else; what engines leave under names that begin with `_` is no restored object.
pub fn raw_table_of(key: &Key) -> Option<&str> {
    let (table, place) = within(key, RAW)?.split_once('/')?;
    let by_name = !place.split('/').any(|part| part.starts_with('_')) && RawObjectName::of_key(key).is_ok();
    let by_place = match place.split('/').collect::<Vec<_>>()[..] {
        [day, hour, name] => {
            day.strip_prefix("date=").is_some_and(|day| day.parse::<NaiveDate>().is_ok())
                && hour.strip_prefix("hour=").is_some_and(is_hour)
                && name.ends_with(".parquet")
                && !name.starts_with('_')
        }
        _ => false,
    };
    (is_table(table) && (by_name || by_place)).then_some(table)
}

fn is_hour(digits: &str) -> bool {
    digits.len() == 2 && digits.parse::<u8>().is_ok_and(|hour| hour < 24)
}

/// The day and the job of a run's record; `None` for what is none by its key.
pub fn run_of_record(key: &Key) -> Option<(&str, NaiveDate)> {
    let (job, day) = within(key, RUNS)?.strip_suffix(".json")?.split_once('/')?;
    let day: NaiveDate = day.parse().ok()?;
    (run_record_key(job, day).ok()? == *key).then_some((job, day))
}

/// Whether `key` is one of those files of dead letters that runs put in place.
pub fn is_dead_letters(key: &Key) -> bool {
    let Some(rest) = within(key, DEAD_LETTERS) else { return false };
    let Some((topic, generation)) = rest.strip_suffix(".jsonl").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    // One run's are named by their first offset too.
    let generation = generation.split_once('-').map_or(generation, |(generation, _)| generation);
    raw_object_name::checked_topic(topic.to_owned()).is_ok() && TopicGeneration::new(generation).is_ok()
}

/// Whether a folder right below the root is one that lakes have.
pub(crate) fn is_folder_of_lakes(name: &str) -> bool {
    name.starts_with('_') || Layer::ALL.into_iter().any(|layer| layer.as_str() == name)
}

/// A claim of offsets: `_lives/<number, 20 digits>.json`. See [`crate::topic_claims`].
pub(crate) fn claim_key(number: u64) -> Result<Key, LayoutError> {
    Ok(Key::new(format!("{CLAIMS}/{number:020}.json"))?)
}

/// The number of the claim `key`; `None` for any other object.
pub(crate) fn claim_number(key: &Key) -> Option<u64> {
    let digits = within(key, CLAIMS)?.strip_suffix(".json")?;
    let number = digits.parse().ok()?;
    (claim_key(number).ok()? == *key).then_some(number)
}

/// The lock of whoever claims offsets.
pub(crate) fn lives_lock() -> Result<Key, LayoutError> {
    Ok(Key::new(format!("{LOCKS}/lives"))?)
}

/// What follows the folder in a key.
fn within<'a>(key: &'a Key, folder: &str) -> Option<&'a str> {
    key.as_str().strip_prefix(folder)?.strip_prefix('/')
}

fn checked_day(day: NaiveDate) -> Result<NaiveDate, LayoutError> {
    // Further years are written with a sign, which neither sorts nor is read as a date by others.
    if (0..=9_999).contains(&day.year()) { Ok(day) } else { Err(LayoutError::Day(day)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_the_contract_says() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 9).unwrap();
        let generation = TopicGeneration::new("0001").unwrap();
        assert_eq!(
            partition_key(Layer::Curated, "users_transformed", day).unwrap().as_str(),
            "curated/users_transformed/processing_date=2026-01-09/part-00000.parquet"
        );
        assert_eq!(
            run_record_key("raw-transformation", day).unwrap().as_str(),
            "_runs/raw-transformation/2026-01-09.json"
        );
        assert_eq!(
            dead_letters_key("users_created.dlq", &generation).unwrap().as_str(),
            "_dead_letters/users_created.dlq/0001.jsonl"
        );
    }

    #[test]
    fn what_is_ours_is_told_by_its_key() {
        let key = |text: &str| Key::new(text).unwrap();
        let object = "users_created-0001-00003-00000000000000000017-00000000000000004096.parquet";
        for (ours, foreign) in [
            (
                format!("raw/users/date=2026-11-21/hour=13/{object}"),
                "raw/users/_temporary/0/copy.parquet".to_owned(),
            ),
            (format!("raw/ad_events/{object}"), format!("raw/users_$folder$/{object}")),
            (format!("raw/users/{object}"), format!("raw/users/_temporary/0/{object}")),
            (format!("raw/users/{object}"), format!("raw/{object}")),
            (format!("raw/users/{object}"), "raw/users/notes (old).txt".to_owned()),
            (
                "raw/users/date=2026-11-21/hour=13/restored.parquet".to_owned(),
                "raw/users/restored.parquet".to_owned(),
            ),
            (
                "raw/users/date=2026-11-21/hour=00/restored.parquet".to_owned(),
                "raw/users/date=2026-11-21/hour=13/_committed.parquet".to_owned(),
            ),
            (
                "raw/users/date=2026-11-21/hour=23/restored.parquet".to_owned(),
                "raw/users/date=2026-11-21/hour=24/restored.parquet".to_owned(),
            ),
        ] {
            assert!(raw_table_of(&key(&ours)).is_some(), "{ours}");
            assert_eq!(raw_table_of(&key(&foreign)), None, "{foreign}");
        }
        let partition = "analytics/fact_x/processing_date=2026-01-09/part-00000.parquet";
        assert_eq!(partition_day(&key(partition)), NaiveDate::from_ymd_opt(2026, 1, 9));
        for foreign in [
            "analytics/fact_x/processing_date=2026-1-9/part-00000.parquet",
            "analytics/fact_x/processing_date=2026-01-09/part-00000.parquet.crc",
            "analytics/fact_x/processing_date=2026-01-09/_temporary/part-00000.parquet",
            "curated/_temporary/0/x",
            "elsewhere/fact_x/processing_date=2026-01-09/part-00000.parquet",
        ] {
            assert_eq!(partition_day(&key(foreign)), None, "{foreign}");
        }
        assert!(run_of_record(&key("_runs/raw-transformation/2026-01-09.json")).is_some());
        for foreign in
            ["_runs/notes.json", "_runs/raw-transformation/2026-1-9.json", "_runs/a/b/2026-01-09.json"]
        {
            assert_eq!(run_of_record(&key(foreign)), None, "{foreign}");
        }
        assert!(is_dead_letters(&key("_dead_letters/users_created.dlq/0001.jsonl")));
        assert!(is_dead_letters(
            &dead_letters_part_key("users_created", &TopicGeneration::new("g1").unwrap(), Offset(7)).unwrap()
        ));
        for foreign in ["_dead_letters/README.md", "_dead_letters/a.dlq/b/c.jsonl", "_dead_letters/a/G.jsonl"]
        {
            assert!(!is_dead_letters(&key(foreign)), "{foreign}");
        }
    }

    #[test]
    fn names_that_would_leave_their_folder_are_refused() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 9).unwrap();
        let far = NaiveDate::from_ymd_opt(12_026, 1, 9).unwrap();
        assert!(partition_key(Layer::Curated, "../x", day).is_err());
        assert!(partition_key(Layer::Curated, "t", far).is_err());
        assert!(run_record_key("a/b", day).is_err());
        assert!(dead_letters_key("..", &TopicGeneration::new("1").unwrap()).is_err());
    }
}
