//! The names of raw objects, which say what is in them: the topic's generation, the partition and the offsets.

use std::fmt;
use std::str::FromStr;

use chrono::Datelike;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_events::position::Offset;

use crate::object_key::Key;
use crate::root_names::RAW;
use crate::topic_generation::{BadTopicGeneration, TopicGeneration};

/// `<topic>-<generation>-<partition, 5 digits>-<first offset, 20 digits>-<last, 20 digits>.parquet`.
///
/// The same batch delivered twice has the same name, so it writes the same object. Within one generation of a topic names
/// sort bytewise as `(partition, first offset, last offset)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawObjectName {
    topic: String,
    generation: TopicGeneration,
    partition: i32,
    first_offset: Offset,
    last_offset: Offset,
}

/// Why there is no such raw object name.
#[derive(Debug, thiserror::Error)]
pub enum RawNameError {
    /// This text is no topic's name.
    #[error(
        "{0:?} is no topic of raw objects: give 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', not beginning with '.'"
    )]
    Topic(String),
    /// This partition does not fit into five digits.
    #[error("partition {0} of a raw object lies outside 0 to 99999")]
    Partition(i32),
    /// The last offset is before the first, or the first is negative.
    #[error("offsets {first} to {last} of a raw object are no range from 0 upward")]
    Offsets {
        /// As asked for.
        first: Offset,
        /// As asked for, inclusive.
        last: Offset,
    },
    /// This text is no raw table's name.
    #[error("{0:?} is no table: give the characters a-z, 0-9 and '_'")]
    Table(String),
    /// The record becomes a dead letter.
    #[error("the timestamp {0} µs of an object's first row lies outside the years 0 to 9999")]
    Timestamp(Micros),
    /// A file's name is not of the form.
    #[error(
        "{name:?} is no raw object's name: {reason}; expected <topic>-<generation>-<partition, 5 digits>-<first offset, 20 digits>-<last offset, 20 digits>.parquet"
    )]
    Name {
        /// The file's name.
        name: String,
        /// Which part does not fit.
        reason: &'static str,
    },
    /// A file's name has the form, with a generation that is none.
    #[error("{name:?} is no raw object's name")]
    TopicGeneration {
        /// The file's name.
        name: String,
        /// Why it is none.
        source: BadTopicGeneration,
    },
}

impl Classified for RawNameError {
    fn class(&self) -> Class {
        match self {
            Self::Timestamp(_) => Class::DeadLetter,
            _ => Class::Stop,
        }
    }
}

impl RawObjectName {
    /// `first_offset` and `last_offset` are inclusive.
    pub fn new(
        topic: impl Into<String>,
        generation: TopicGeneration,
        partition: i32,
        first_offset: Offset,
        last_offset: Offset,
    ) -> Result<Self, RawNameError> {
        let topic = checked_topic(topic.into())?;
        if !(0..=99_999).contains(&partition) {
            return Err(RawNameError::Partition(partition));
        }
        if first_offset < Offset::ZERO || last_offset < first_offset {
            return Err(RawNameError::Offsets { first: first_offset, last: last_offset });
        }
        Ok(Self { topic, generation, partition, first_offset, last_offset })
    }

    /// The topic of its records.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The topic generation of its records.
    pub fn generation(&self) -> &TopicGeneration {
        &self.generation
    }

    /// The partition of its records, 0 to 99,999.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The offset of the first record in the object.
    pub fn first_offset(&self) -> Offset {
        self.first_offset
    }

    /// The offset of the last record in the object, inclusive.
    pub fn last_offset(&self) -> Offset {
        self.last_offset
    }

    /// The object's key: `raw/<table>/date=YYYY-MM-DD/hour=HH/<name>`, date and hour (UTC) of the first row's
    /// timestamp.
    pub fn key(&self, table: &str, first_timestamp: Micros) -> Result<Key, RawNameError> {
        let hour = first_timestamp
            .date_time()
            .filter(|instant| (0..=9_999).contains(&instant.year()))
            .ok_or(RawNameError::Timestamp(first_timestamp))?;
        Key::new(format!("{RAW}/{table}/{}/{self}", hour.format("date=%Y-%m-%d/hour=%H")))
            .ok()
            .filter(|_| crate::table_name::is_table(table))
            .ok_or_else(|| RawNameError::Table(table.to_owned()))
    }

    /// The name in the last part of `key`.
    pub fn of_key(key: &Key) -> Result<Self, RawNameError> {
        key.name().parse()
    }
}

/// Topics become parts of file names: Kafka's own rule, less names that would be hidden files.
pub(crate) fn checked_topic(topic: String) -> Result<String, RawNameError> {
    let fits = (1..=249).contains(&topic.len())
        && !topic.starts_with('.')
        && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if fits { Ok(topic) } else { Err(RawNameError::Topic(topic)) }
}

impl fmt::Display for RawObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, generation, partition, first_offset, last_offset } = self;
        let (first, last) = (first_offset.get(), last_offset.get());
        write!(f, "{topic}-{generation}-{partition:05}-{first:020}-{last:020}.parquet")
    }
}

impl FromStr for RawObjectName {
    type Err = RawNameError;

    /// Parses from the right, for a topic may contain '-'.
    fn from_str(name: &str) -> Result<Self, RawNameError> {
        let bad = |reason| RawNameError::Name { name: name.to_owned(), reason };
        let stem = name.strip_suffix(".parquet").ok_or_else(|| bad("it does not end in .parquet"))?;
        let mut parts = stem.rsplitn(5, '-');
        let mut part = |reason| parts.next().ok_or_else(|| bad(reason));
        let last =
            number(part("it has no last offset")?, 20).ok_or_else(|| bad("its last offset is none"))?;
        let first =
            number(part("it has no first offset")?, 20).ok_or_else(|| bad("its first offset is none"))?;
        let partition = number(part("it has no partition")?, 5)
            .and_then(|partition| i32::try_from(partition).ok())
            .ok_or_else(|| bad("its partition is none"))?;
        let generation = TopicGeneration::new(part("it has no generation")?)
            .map_err(|source| RawNameError::TopicGeneration { name: name.to_owned(), source })?;
        Self::new(part("it has no topic")?, generation, partition, Offset(first), Offset(last))
    }
}

/// Exactly `digits` ASCII digits: a sign or a missing zero would give an object a second name.
fn number(text: &str, digits: usize) -> Option<i64> {
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(topic: &str) -> RawObjectName {
        let generation = TopicGeneration::new("0001").unwrap();
        RawObjectName::new(topic, generation, 3, Offset(17), Offset(4_096)).unwrap()
    }

    const PLAIN: &str = "users_created-0001-00003-00000000000000000017-00000000000000004096.parquet";

    #[test]
    fn is_written_and_read_as_the_contract_says() {
        assert_eq!(name("users_created").to_string(), PLAIN);
        assert_eq!(PLAIN.parse::<RawObjectName>().unwrap(), name("users_created"));
        let key = name("users_created").key("users", Micros(1_795_269_545_000_042)).unwrap();
        assert_eq!(key.as_str(), format!("raw/users/date=2026-11-21/hour=13/{PLAIN}"));
        assert_eq!(RawObjectName::of_key(&key).unwrap(), name("users_created"));
    }

    #[test]
    fn a_topic_may_look_like_a_name() {
        let nested = name("a-0009-00001-00000000000000000001-00000000000000000002");
        assert_eq!(nested.to_string().parse::<RawObjectName>().unwrap(), nested);
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_reason() {
        for (text, reason) in [
            ("part-00000.parquet", "last offset"),
            ("users.json", ".parquet"),
            ("users_created-0001-00003-00000000000000000017-4096.parquet", "last offset"),
            ("users_created-0001-00003-00000000000000000017-+0000000000000004096.parquet", "last offset"),
            ("users_created-0001-00003-00000000000000000017-99999999999999999999.parquet", "last offset"),
            ("users_created-0001-00003-00000000000000004097-00000000000000004096.parquet", "4097 to 4096"),
            ("users_created-0001-3-00000000000000000017-00000000000000004096.parquet", "partition"),
            ("users_created-A-00003-00000000000000000017-00000000000000004096.parquet", "raw object's name"),
            ("0001-00003-00000000000000000017-00000000000000004096.parquet", "no topic"),
            ("-0001-00003-00000000000000000017-00000000000000004096.parquet", "no topic"),
        ] {
            let error = text.parse::<RawObjectName>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_first_row_outside_the_calendar_has_no_place() {
        for micros in [i64::MIN, -62_198_755_200_000_001, 253_402_300_800_000_000, i64::MAX] {
            let error = name("t").key("users", Micros(micros)).unwrap_err();
            assert_eq!(error.class(), Class::DeadLetter, "{micros}");
        }
        assert!(
            name("t")
                .key("users", Micros(-1))
                .unwrap()
                .as_str()
                .starts_with("raw/users/date=1969-12-31/hour=23/")
        );
    }

    #[test]
    fn a_table_is_one_part_of_the_path() {
        for table in ["", "a/b", "..", "users-2"] {
            assert!(name("t").key(table, Micros(0)).is_err(), "{table:?}");
        }
    }

    fn any_name() -> impl Strategy<Value = RawObjectName> {
        ("[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,40}", "[0-9a-z]{1,32}", 0..=99_999_i32, 0..=i64::MAX, 0..=i64::MAX)
            .prop_map(|(topic, generation, partition, one, other)| {
                let generation = TopicGeneration::new(generation).unwrap();
                let (first, last) = (Offset(one.min(other)), Offset(one.max(other)));
                RawObjectName::new(topic, generation, partition, first, last).unwrap()
            })
    }

    proptest! {
        #[test]
        fn parses_back(name in any_name()) {
            prop_assert_eq!(&name.to_string().parse::<RawObjectName>().unwrap(), &name);
        }

        #[test]
        fn sorts_in_bytes_as_in_numbers(one in any_name(), mut other in any_name()) {
            other.topic.clone_from(&one.topic);
            other.generation = one.generation.clone();
            prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9a-z.-]*|[a-z]{1,3}-[0-9a-z]{1,3}-[0-9]{5}-[0-9]{20}-[0-9]{20}\\.parquet") {
            // Whatever is taken is written back letter for letter: no object has two names.
            if let Ok(name) = text.parse::<RawObjectName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
