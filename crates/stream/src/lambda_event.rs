//! What AWS hands a Lambda function from Kafka, as records.
//!
//! The payload's type is our own: aws_lambda_events' takes a timestamp through a float of seconds and cuts it, so that
//! about every other one comes out a millisecond early, and panics on one with a fraction. A test shows it.

use std::collections::HashMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use serde::Deserialize;

use crate::record::Record;

/// An invocation's payload, as AWS writes it for MSK and for a cluster of one's own alike: they differ in names and
/// addresses around the records, which nothing here needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaEvent {
    #[serde(default)]
    event_source: Option<String>,
    #[serde(default)]
    records: Option<HashMap<String, Vec<KafkaRecord>>>,
}

/// Row values never reach a log.
impl std::fmt::Debug for KafkaEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaEvent").field("event_source", &self.event_source).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KafkaRecord {
    topic: String,
    partition: i32,
    offset: Offset,
    /// Milliseconds since 1970, UTC; -1 beside `NO_TIMESTAMP_TYPE`.
    timestamp: Option<Millis>,
    #[serde(default)]
    timestamp_type: Option<String>,
    key: Option<String>,
    value: Option<String>,
    #[serde(default)]
    headers: Option<Vec<HashMap<String, Option<Vec<HeaderByte>>>>>,
}

/// Java's bytes are signed; a tool that imitates AWS may well write them unsigned.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "i16")]
struct HeaderByte(u8);

impl TryFrom<i16> for HeaderByte {
    type Error = &'static str;

    fn try_from(byte: i16) -> Result<Self, Self::Error> {
        match byte {
            // Two's complement: -1 is 255.
            -128..=255 => Ok(Self(byte.rem_euclid(256) as u8)),
            _ => Err("a header's byte is not within -128 and 255"),
        }
    }
}

/// Why an invocation's payload is no batch of records. None of its records has been looked at.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The payload is some other service's, or a test's.
    #[error(
        "the payload is no Kafka event: it has no eventSource; invoke the function from a Kafka event source"
    )]
    NoSource,
    /// `records` is missing or empty.
    #[error("the payload is a Kafka event without records")]
    NoRecords,
    /// A key or a value cannot be decoded.
    #[error("the {part} of {topic}/{partition} offset {offset} is no base64")]
    Base64 {
        /// `key` or `value`.
        part: &'static str,
        /// The record's topic.
        topic: String,
        /// The record's partition.
        partition: i32,
        /// The record's offset.
        offset: Offset,
        /// Where the text stops being base64.
        source: base64::DecodeError,
    },
}

impl Classified for EventError {
    fn class(&self) -> Class {
        Class::Stop
    }
}

/// A record of a payload, its parts decoded.
#[derive(Clone)]
pub struct EventRecord {
    topic: String,
    partition: i32,
    offset: Offset,
    timestamp: Option<Millis>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Row values never reach a log.
impl std::fmt::Debug for EventRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EventRecord({}/{} {})", self.topic, self.partition, self.offset)
    }
}

impl EventRecord {
    /// As the payload says.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// As the payload says, from 0.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// As the payload says.
    pub fn offset(&self) -> Offset {
        self.offset
    }

    /// The same, borrowed, in the shape that a consumer gives.
    pub fn as_record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect(),
        }
    }
}

/// The records of a payload, by topic, partition and offset: the order in which they may be landed.
pub fn records(event: &KafkaEvent) -> Result<Vec<EventRecord>, EventError> {
    if event.event_source.is_none() {
        return Err(EventError::NoSource);
    }
    let mut records = Vec::new();
    // AWS groups them under `<topic>-<partition>`; each record says both itself.
    for record in event.records.iter().flat_map(HashMap::values).flatten() {
        records.push(decode(record)?);
    }
    if records.is_empty() {
        return Err(EventError::NoRecords);
    }
    records.sort_by(|a, b| (&a.topic, a.partition, a.offset).cmp(&(&b.topic, b.partition, b.offset)));
    Ok(records)
}

fn decode(record: &KafkaRecord) -> Result<EventRecord, EventError> {
    let bytes = |part, text: &Option<String>| {
        let decoded = text.as_ref().map(|text| BASE64_STANDARD.decode(text)).transpose();
        decoded.map_err(|source| EventError::Base64 {
            part,
            topic: record.topic.clone(),
            partition: record.partition,
            offset: record.offset,
            source,
        })
    };
    let headers = record.headers.iter().flatten().flatten();
    let bytes_of = |value: &Vec<HeaderByte>| value.iter().map(|byte| byte.0).collect();
    let none = record.timestamp_type.as_deref() == Some("NO_TIMESTAMP_TYPE");
    Ok(EventRecord {
        topic: record.topic.clone(),
        partition: record.partition,
        offset: record.offset,
        timestamp: record.timestamp.filter(|_| !none),
        key: bytes("key", &record.key)?,
        value: bytes("value", &record.value)?,
        headers: headers.map(|(name, value)| (name.clone(), value.as_ref().map(bytes_of))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: serde_json::Value) -> KafkaEvent {
        serde_json::from_value(json).expect("the crate's own shape")
    }

    fn record(offset: i64, value: &str) -> serde_json::Value {
        serde_json::json!({
            "topic": "users_created", "partition": 1, "offset": offset, "timestamp": 1_700_000_000_123_i64,
            "timestampType": "CREATE_TIME", "key": "dQ==", "value": value,
            "headers": [{"content-type": [97, -61, -87]}],
        })
    }

    #[test]
    fn records_come_in_order_with_their_bytes() {
        let event = event(serde_json::json!({
            "eventSource": "aws:kafka",
            "records": {"users_created-1": [record(8, "Yg=="), record(7, "YQ==")]},
        }));
        let records = records(&event).expect("records");
        let first = records[0].as_record();
        assert_eq!((first.offset, first.value, first.key), (Offset(7), Some(&b"a"[..]), Some(&b"u"[..])));
        assert_eq!(first.timestamp, Some(Millis(1_700_000_000_123)));
        assert_eq!(first.header("content-type"), Some("aé"));
        assert_eq!(records[1].as_record().offset, Offset(8));
    }

    #[test]
    fn what_a_record_may_lack_is_absent() {
        let bare = serde_json::json!({
            "topic": "t", "partition": 0, "offset": 0, "timestamp": -1, "timestampType": "NO_TIMESTAMP_TYPE",
            "headers": [{"none": null}, {"unsigned": [255]}, {"signed": [-1]}],
        });
        let event = event(serde_json::json!({"eventSource": "SelfManagedKafka", "records": {"t-0": [bare]}}));
        let records = records(&event).expect("records");
        let record = records[0].as_record();
        assert_eq!((record.timestamp, record.key, record.value), (None, None, None));
        let byte = Some([255_u8].as_slice());
        assert_eq!(record.headers, [("none", None), ("unsigned", byte), ("signed", byte)]);
    }

    #[test]
    fn the_crates_own_type_loses_a_millisecond() {
        let theirs: aws_lambda_events::event::kafka::KafkaRecord =
            serde_json::from_value(record(7, "YQ==")).expect("the crate's own shape");
        assert_eq!(
            theirs.timestamp.timestamp_millis(),
            1_700_000_000_122,
            "mended? Then use the crate's type again"
        );
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        assert!(matches!(records(&event(serde_json::json!({"bad": 1}))), Err(EventError::NoSource)));
        let empty = serde_json::json!({"eventSource": "aws:kafka", "records": {}});
        assert!(matches!(records(&event(empty)), Err(EventError::NoRecords)));
        let wrong =
            serde_json::json!({"eventSource": "aws:kafka", "records": {"t-1": [record(7, "not base64!")]}});
        let error = records(&event(wrong)).expect_err("no base64");
        assert_eq!(error.to_string(), "the value of users_created/1 offset 7 is no base64");
    }
}
