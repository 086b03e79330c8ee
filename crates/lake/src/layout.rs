//! Where the lake keeps what is not raw: the partitions of tables, the records of runs, the dead letters.

use std::fmt;

use chrono::{Datelike, NaiveDate};

use crate::generation::Generation;
use crate::key::{BadKey, Key};
use crate::raw_name;

/// A layer of published tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    Curated,
    Analytics,
    Timeseries,
}

impl Layer {
    /// The layer's folder.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Curated => "curated",
            Self::Analytics => "analytics",
            Self::Timeseries => "timeseries",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What cannot be a place in the lake.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error("{0:?} is no table or job: give the characters a-z, 0-9, '_' and, for a job, '-'")]
    Name(String),
    #[error("the day {0} lies outside the years 0 to 9999")]
    Day(NaiveDate),
    #[error(transparent)]
    Topic(#[from] raw_name::RawNameError),
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// The folder of a table, ending in `/`: the prefix under which its partitions are listed.
pub fn table_prefix(layer: Layer, table: &str) -> Result<String, LayoutError> {
    if is_table(table) { Ok(format!("{layer}/{table}/")) } else { Err(LayoutError::Name(table.to_owned())) }
}

/// The one file of a table's partition: `<layer>/<table>/processing_date=YYYY-MM-DD/part-00000.parquet`.
pub fn partition_key(layer: Layer, table: &str, day: NaiveDate) -> Result<Key, LayoutError> {
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
    Ok(Key::new(format!("_runs/{job}/{}.json", checked_day(as_of)?))?)
}

/// The dead letters of one life of a topic: `_dead_letters/<topic>/<generation>.jsonl`.
pub fn dead_letters_key(topic: &str, generation: &Generation) -> Result<Key, LayoutError> {
    let topic = raw_name::checked_topic(topic.to_owned())?;
    Ok(Key::new(format!("{DEAD_LETTERS}/{topic}/{generation}.jsonl"))?)
}

/// One run's dead letters of a topic where files cannot grow: `_dead_letters/<topic>/<generation>-<first offset, 20
/// digits>.jsonl`, named by its first letter's offset in the dead-letter topic.
pub fn dead_letters_part_key(
    topic: &str,
    generation: &Generation,
    first_offset: i64,
) -> Result<Key, LayoutError> {
    let topic = raw_name::checked_topic(topic.to_owned())?;
    Ok(Key::new(format!("{DEAD_LETTERS}/{topic}/{generation}-{first_offset:020}.jsonl"))?)
}

/// The folder of a raw table, ending in `/`.
pub fn raw_prefix(table: &str) -> Result<String, LayoutError> {
    if is_table(table) { Ok(format!("raw/{table}/")) } else { Err(LayoutError::Name(table.to_owned())) }
}

/// The lock of whoever replaces objects of a raw table: of compactions and erasures there is one at a time.
pub fn raw_lock(table: &str) -> Result<Key, LayoutError> {
    let prefix = raw_prefix(table)?;
    Ok(Key::new(format!("_locks/{}", prefix.trim_end_matches('/')))?)
}

/// Changes before objects of a raw table are removed: see [`crate::raw_listing`].
pub fn removal_mark_key(table: &str) -> Result<Key, LayoutError> {
    if !is_table(table) {
        return Err(LayoutError::Name(table.to_owned()));
    }
    Ok(Key::new(format!("{REMOVAL_MARKS}/{table}.json"))?)
}

/// The folder of the marks of [`removal_mark_key`].
pub const REMOVAL_MARKS: &str = "_compactions";

/// A claim of offsets: `_lives/<number, 20 digits>.json`. See [`crate::lives`].
pub(crate) fn claim_key(number: u64) -> Result<Key, LayoutError> {
    Ok(Key::new(format!("{LIVES}{number:020}.json"))?)
}

/// The number of the claim `key`; `None` for any other object.
pub(crate) fn claim_number(key: &Key) -> Option<u64> {
    let digits = key.as_str().strip_prefix(LIVES)?.strip_suffix(".json")?;
    let number = digits.parse().ok()?;
    (claim_key(number).ok()? == *key).then_some(number)
}

/// The lock of whoever claims offsets.
pub(crate) fn lives_lock() -> Result<Key, LayoutError> {
    Ok(Key::new("_locks/lives")?)
}

/// The folder of the claims, ending in `/`.
pub(crate) const LIVES: &str = "_lives/";

/// The folder of all dead letters.
pub(crate) const DEAD_LETTERS: &str = "_dead_letters";

/// Whether `text` can name a table: `[a-z0-9_]+`.
pub(crate) fn is_table(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
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
        let generation = Generation::new("0001").unwrap();
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
    fn names_that_would_leave_their_folder_are_refused() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 9).unwrap();
        let far = NaiveDate::from_ymd_opt(12_026, 1, 9).unwrap();
        assert!(partition_key(Layer::Curated, "../x", day).is_err());
        assert!(partition_key(Layer::Curated, "t", far).is_err());
        assert!(run_record_key("a/b", day).is_err());
        assert!(dead_letters_key("..", &Generation::new("1").unwrap()).is_err());
    }
}
