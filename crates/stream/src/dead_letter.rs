//! Dead letters: a record's bytes untouched, with the context of its failure in headers.
//!
//! A letter is larger than its record by the failure context, and its queue may take less than the record's topic did. One that any side
//! refuses for its size, this client or a broker, goes without its value, whose size the header [`VALUE_OMITTED`] tells: the value
//! lies at the failure context's position in the source as long as the source keeps it. Where that is still too large, it goes without the
//! record's own headers, too, and in the end without its key. Held up by it, its partition would never go on.

mod headers;
mod size_limit;

use chrono::SecondsFormat;
use millrace_events::decode_error::DecodeError;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Millis;
use millrace_events::position::Offset;

use crate::StreamError;
use crate::producer::Publisher;
use crate::record::{OutgoingRecord, Record};
use crate::topics::dead_letters_of;
pub use headers::{
    FAILURE_HEADERS, HEADERS_OMITTED, KEY_OMITTED, REPLAYED_FROM, VALUE_OMITTED, is_of_letter,
};
pub(crate) use size_limit::Letter;

/// Where a dead letter came from, why it failed and when.
#[derive(Debug, Clone)]
pub struct FailureContext<'a> {
    /// Its kind and its words become `error-kind` and `error-message`.
    pub reason: &'a DecodeError,
    /// The topic, or the source of a user that never became a record.
    pub source_topic: &'a str,
    /// The partition, or the page.
    pub source_partition: i32,
    /// The offset, or the index in the page.
    pub source_offset: Offset,
    /// Milliseconds since 1970, UTC.
    pub source_timestamp: Option<Millis>,
    /// Milliseconds since 1970, UTC.
    pub failed_at: Millis,
    /// How often it has failed, this time included.
    pub attempts: u32,
}

impl FailureContext<'_> {
    fn headers(&self) -> Vec<(&'static str, Option<Vec<u8>>)> {
        let instant = |instant: Millis| {
            instant
                .date_time()
                .map(|instant| instant.to_rfc3339_opts(SecondsFormat::Millis, true).into_bytes())
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
    let kept = kept_headers.iter().filter(|(name, _)| !is_of_letter(name)).copied();
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
    failed_at: Millis,
) -> Result<(), StreamError> {
    let attempts = record.header("attempts").and_then(|attempts| attempts.parse().ok());
    let before = attempts.unwrap_or(0_u32);
    let context = FailureContext {
        reason,
        source_topic: record.topic,
        source_partition: record.partition,
        source_offset: record.offset,
        source_timestamp: record.timestamp,
        failed_at,
        attempts: before.saturating_add(1),
    };
    // A replay writes both headers, and where the letter of this topic lies. Another's is dropped: it would hide the letter that it names.
    let is_replayed = |from: &str| before > 0 && names_letter_of(from, record.topic);
    let is_own = record.header(REPLAYED_FROM).is_some_and(is_replayed);
    let kept = record.headers.iter().filter(|(name, _)| *name != REPLAYED_FROM || is_own);
    publish(publisher, record.topic, record.key, record.value, &kept.copied().collect::<Vec<_>>(), &context)
}

/// Whether `place` is where a dead letter of `topic` lies, in its queue or in the lake.
fn names_letter_of(place: &str, topic: &str) -> bool {
    let mut parts = place.split('/');
    let queue = parts.next();
    (queue == Some(topic) || queue == Some(dead_letters_of(topic).as_str()))
        && (2..=3).contains(&parts.count())
}

#[cfg(test)]
mod tests {
    use super::names_letter_of;

    #[test]
    fn a_place_is_of_a_topic_or_is_none() {
        for place in ["t.dlq/0/5", "t/0001/0/5", "t.dlq/0001/0/5"] {
            assert!(names_letter_of(place, "t"), "{place}");
        }
        for place in ["", "t", "t.dlq", "other.dlq/0/5", "t.dlq/1/2/3/4", "x/t.dlq/0/5"] {
            assert!(!names_letter_of(place, "t"), "{place}");
        }
    }
}
