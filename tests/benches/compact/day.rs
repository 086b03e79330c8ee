//! A day of small objects, as a land-events without a window leaves it: 24 hours, partitions and two lives of the topic.

use std::path::Path;

use anyhow::Context;
use millrace_events::batch::{SourcePartition, UserBatchBuilder};
use millrace_events::decode::Value;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_events::raw_schema;
use millrace_lake::raw_object_writer::RawObject;
use millrace_lake::{RawObjectName, TopicGeneration};

pub(crate) const DAY: &str = "2026-02-03";
/// 2026-02-03T00:00:00Z.
const START: i64 = 1_770_076_800_000_000;
const HOUR: i64 = 3_600_000_000;

pub(crate) const HOURS: usize = 24;
pub(crate) const PARTITIONS: usize = 12;
const LIVES: [&str; 2] = ["g0001", "g0002"];
const ROWS: i64 = 10;

/// Objects of one hour, life and partition.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) hour: usize,
    pub(crate) life: &'static str,
    pub(crate) partition: usize,
}

pub(crate) fn groups() -> impl Iterator<Item = Group> {
    (0..HOURS).flat_map(|hour| {
        LIVES
            .into_iter()
            .flat_map(move |life| (0..PARTITIONS).map(move |partition| Group { hour, life, partition }))
    })
}

/// Writes `objects` or a few more below `lake`, as many in each group; answers how many.
pub(crate) fn make(lake: &Path, objects: usize) -> anyhow::Result<usize> {
    let groups: Vec<_> = groups().collect();
    let each = objects.div_ceil(groups.len());
    let halves = groups.split_at(groups.len() / 2);
    std::thread::scope(|scope| {
        let half = |groups: &[Group]| groups.iter().try_for_each(|group| make_group(lake, group, each));
        let other = scope.spawn(move || half(halves.1));
        let half = |groups: &[Group]| groups.iter().try_for_each(|group| make_group(lake, group, each));
        half(halves.0)?;
        other.join().map_err(|_| anyhow::anyhow!("a thread of the day's makers panicked"))?
    })?;
    Ok(each * groups.len())
}

fn make_group(lake: &Path, group: &Group, objects: usize) -> anyhow::Result<()> {
    let Group { hour, life, partition } = *group;
    let schema = raw_schema::users();
    let per_hour = i64::try_from(objects)? * ROWS;
    let begin = i64::try_from(hour)? * per_hour;
    for object in 0..i64::try_from(objects)? {
        let first = begin + object * ROWS;
        let source = SourcePartition {
            topic: "users_created".into(),
            generation: life.into(),
            partition: i32::try_from(partition)?,
        };
        let mut rows = UserBatchBuilder::new(source, usize::try_from(ROWS)?);
        let at = |offset: i64| {
            START + i64::try_from(hour).unwrap_or(0) * HOUR + (offset - begin) * (HOUR / per_hour)
        };
        for offset in first..first + ROWS {
            let json = user(life, partition, offset);
            let value = Value { bytes: Some(json.as_bytes()), ..Value::default() };
            rows.push(&value, Offset(offset), Micros(at(offset)))?;
        }
        let mut body = RawObject::new(schema.clone())?;
        body.write(&rows.finish(Micros(at(first) + 60_000_000))?)?;
        let generation = TopicGeneration::new(life)?;
        let (from, to) = (Offset(first), Offset(first + ROWS - 1));
        let name = RawObjectName::new("users_created", generation, i32::try_from(partition)?, from, to)?;
        let path = lake.join(name.key("users", Micros(at(first)))?.as_str());
        if object == 0 {
            std::fs::create_dir_all(path.parent().context("an object is in a folder")?)?;
        }
        std::fs::write(&path, body.finish()?)
            .with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

/// A user whom nobody else is.
fn user(life: &str, partition: usize, offset: i64) -> String {
    let number = offset * 31 + i64::try_from(partition).unwrap_or(0);
    let (city, country) =
        [("Aarhus", "Denmark"), ("Bergen", "Norway"), ("Cork", "Ireland"), ("Dijon", "France")]
            [usize::try_from(number % 4).unwrap_or(0)];
    let first = ["Ada", "Björn", "Chloé", "Dara", "Émile"][usize::try_from(number % 5).unwrap_or(0)];
    format!(
        r#"{{"id":"{life}-{partition}-{offset}","gender":"female","first_name":"{first}","last_name":"Nr{number}","email":"{first}.{number}@example.com","username":"user{number}","nationality":"DK","city":"{city}","country":"{country}","postcode":"{}","phone":"{}","cell":"{}","latitude":"{}.{}","longitude":"-{}.5","date_of_birth":"19{:02}-0{}-1{}T08:00:00Z","picture":"https://example.com/{}.jpg"}}"#,
        number % 90_000,
        number * 7 % 99_999_999,
        number * 13 % 99_999_999,
        number % 80,
        number % 10_000,
        number % 170,
        number % 100,
        number % 9 + 1,
        number % 10,
        number % 99,
    )
}
