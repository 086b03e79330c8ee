//! How old a file is, by its name: a store's listing doesn't tell it.

use chrono::{DateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use crate::data_placing;

/// A name that nobody has, with `now` in it.
pub(crate) fn name(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// When a file was written that this crate named, or when the run began that made it; `None` for names of others.
pub(crate) fn written(name: &str) -> Option<DateTime<Utc>> {
    data_placing::started(name).or_else(|| {
        // The name's end: what follows it is a manifest's number.
        let stem = name.strip_suffix(".avro").or_else(|| name.strip_suffix(".metadata.json"))?;
        let stem = stem.rsplit_once("-m").map_or(stem, |(stem, _)| stem);
        let uuid = Uuid::try_parse(stem.get(stem.len().checked_sub(36)?..)?).ok()?;
        let (seconds, nanos) = uuid.get_timestamp().filter(|_| uuid.get_version_num() == 7)?.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_metadata_tells_its_time() {
        let now: DateTime<Utc> = "2026-02-01T03:04:05.678Z".parse().unwrap();
        let uuid = name(now);
        for text in [
            format!("{uuid}-m0.avro"),
            format!("{uuid}-m12.avro"),
            format!("snap-77-{uuid}.avro"),
            format!("00001-{uuid}.metadata.json"),
        ] {
            assert_eq!(written(&text), Some(now), "{text}");
        }
        let random = "snap-77-1-0b0b1e5c-6d4f-4d5e-9a59-2f2a3b6f1c11.avro";
        for text in [random, "", ".avro", "é-m0.avro", "ééééééééééééééééééé.avro", "v1.metadata.json"]
        {
            assert_eq!(written(text), None, "{text}");
        }
    }
}
