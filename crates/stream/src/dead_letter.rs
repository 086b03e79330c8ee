//! Dead letters: a record's bytes untouched, with the context of its failure in headers.
//!
//! A letter is larger than its record by the failure context, and its queue may take less than the record's topic did. One that any side
//! refuses for its size, this client or a broker, goes without its value, whose size the header [`VALUE_OMITTED`] tells: the value
//! lies at the failure context's position in the source as long as the source keeps it. Where that is still too large, it goes without the
//! record's own headers, too, and in the end without its key. Held up by it, its partition would never go on.

mod size_limit;

use chrono::{DateTime, SecondsFormat};
use millrace_events::decode_error::DecodeError;
use millrace_events::failure::{Class, Classified};

use crate::StreamError;
use crate::producer::Publisher;
use crate::record::{OutgoingRecord, Record};
use crate::topics::dead_letters_of;
pub(crate) use size_limit::Letter;

/// The headers of a dead letter's failure context, in their order.
pub const FAILURE_HEADERS: [&str; 8] = [
    "error-kind",
    "error-message",
    "source-topic",
    "source-partition",
    "source-offset",
    "source-timestamp",
    "failed-at",
    "attempts",
];

/// The header of a letter that travels without its value: the value's size in bytes.
pub const VALUE_OMITTED: &str = "value-omitted";

/// The header of a letter that travels without its record's own headers: their size in bytes.
pub const HEADERS_OMITTED: &str = "headers-omitted";

/// The header of a letter that travels without its key: the key's size in bytes.
pub const KEY_OMITTED: &str = "key-omitted";

/// Whether a header is told by the letter, and not by the record that failed.
pub fn is_told(header: &str) -> bool {
    FAILURE_HEADERS.contains(&header) || [VALUE_OMITTED, HEADERS_OMITTED, KEY_OMITTED].contains(&header)
}

/// Where a dead letter came from, why it failed and when.
#[derive(Debug, Clone)]
pub struct FailureContext<'a> {
    pub reason: &'a DecodeError,
    /// The topic, or the source of a user that never became a record.
    pub source_topic: &'a str,
    /// The partition, or the page.
    pub source_partition: i32,
    /// The offset, or the index in the page.
    pub source_offset: i64,
    /// Milliseconds since 1970, UTC.
    pub source_timestamp: Option<i64>,
    /// Milliseconds since 1970, UTC.
    pub failed_at: i64,
    /// How often it has failed, this time included.
    pub attempts: u32,
}

impl FailureContext<'_> {
    fn headers(&self) -> Vec<(&'static str, Option<Vec<u8>>)> {
        let instant = |millis: i64| {
            let instant = DateTime::from_timestamp_millis(millis);
            instant.map(|instant| instant.to_rfc3339_opts(SecondsFormat::Millis, true).into_bytes())
        };
        let values = [
            Some(self.reason.kind().into()),
            Some(self.reason.to_string().into_bytes()),
            Some(self.source_topic.into()),
            Some(self.source_partition.to_string().into_bytes()),
            Some(self.source_offset.to_string().into_bytes()),
            self.source_timestamp.and_then(instant),
            instant(self.failed_at),
            Some(self.attempts.to_string().into_bytes()),
        ];
        FAILURE_HEADERS.into_iter().zip(values).collect()
    }
}

/// Sends a value that never was a record of `topic` to its dead-letter topic.
pub fn publish(
    publisher: &dyn Publisher,
    topic: &str,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    kept_headers: &[(&str, Option<&[u8]>)],
    context: &FailureContext<'_>,
) -> Result<(), StreamError> {
    let told = context.headers();
    let kept = kept_headers.iter().filter(|(name, _)| !is_told(name)).copied();
    let headers: Vec<_> = kept.chain(told.iter().map(|(name, value)| (*name, value.as_deref()))).collect();
    let queue = dead_letters_of(topic);
    // Its own instant, not the record's: an old record would be past the queue's retention at once.
    let timestamp = context.failed_at;
    let record = OutgoingRecord { topic: &queue, key, value, timestamp, headers: &headers };
    match publisher.publish(&record) {
        Err(error) if error.class() == Class::DeadLetter => {
            let mut letter = Letter::of(&record);
            loop {
                letter.shrink()?;
                match letter.with_record(|record| publisher.publish(record)) {
                    Err(error) if error.class() == Class::DeadLetter => {}
                    sent => return sent,
                }
            }
        }
        sent => sent,
    }
}

/// Sends a record that failed to its topic's dead-letter topic: key and value as they were, its headers kept.
pub fn publish_record(
    publisher: &dyn Publisher,
    record: &Record<'_>,
    reason: &DecodeError,
    failed_at: i64,
) -> Result<(), StreamError> {
    let before = record.header("attempts").and_then(|attempts| attempts.parse().ok()).unwrap_or(0_u32);
    let context = FailureContext {
        reason,
        source_topic: record.topic,
        source_partition: record.partition,
        source_offset: record.offset,
        source_timestamp: record.timestamp,
        failed_at,
        attempts: before.saturating_add(1),
    };
    publish(publisher, record.topic, record.key, record.value, &record.headers, &context)
}
