//! A dead letter with its failure context, read back.

use chrono::DateTime;
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_stream::dead_letter::{HEADERS_OMITTED, KEY_OMITTED, VALUE_OMITTED, is_told};
use millrace_stream::record::Record;

/// The header of a record that was sent back: where its letter lies.
pub(crate) const REPLAYED_FROM: &str = "replayed-from";

/// A dead letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// `<queue>/<partition>/<offset>`, and for one of the lake `<queue>/<generation>/<partition>/<offset>`.
    pub position: String,
    /// Its partition and offset in the queue.
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// All of them, the failure context's too.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Row values never reach a log.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({}, {})", self.position, self.kind())
    }
}

impl Letter {
    pub(crate) fn of_record(record: &Record<'_>) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        let headers = record.headers.iter();
        Self {
            position: format!("{}/{}/{}", record.topic, record.partition, record.offset),
            partition: record.partition,
            offset: record.offset,
            key: owned(record.key),
            value: owned(record.value),
            headers: headers.map(|(name, value)| ((*name).to_owned(), owned(*value))).collect(),
        }
    }

    /// `file` is `<queue>/<generation>`.
    pub(crate) fn of_lake(file: &str, letter: DeadLetter) -> Self {
        Self {
            position: format!("{file}/{}/{}", letter.partition, letter.offset),
            partition: letter.partition,
            offset: letter.offset,
            key: letter.key,
            value: letter.value,
            headers: letter.headers,
        }
    }

    /// The last header of that name, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().rev().find(|(header, _)| header == name);
        found.and_then(|(_, value)| std::str::from_utf8(value.as_deref()?).ok())
    }

    pub(crate) fn kind(&self) -> &str {
        self.header("error-kind").unwrap_or_default()
    }

    /// The place that the reason begins with, such as `$.name.first` or a field's name.
    pub(crate) fn path(&self) -> &str {
        self.header("error-message").and_then(|message| message.split(' ').next()).unwrap_or_default()
    }

    pub(crate) fn source_topic(&self) -> &str {
        self.header("source-topic").unwrap_or_default()
    }

    /// How often it has failed.
    pub(crate) fn attempts(&self) -> u32 {
        self.header("attempts").and_then(|attempts| attempts.parse().ok()).unwrap_or(1)
    }

    /// Milliseconds since 1970, UTC.
    pub(crate) fn failed_at(&self) -> Option<i64> {
        self.instant("failed-at")
    }

    /// When it was a record, or failed where it never was one.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        self.instant("source-timestamp").or_else(|| self.failed_at())
    }

    fn instant(&self, header: &str) -> Option<i64> {
        let instant = DateTime::parse_from_rfc3339(self.header(header)?).ok()?;
        Some(instant.timestamp_millis())
    }

    /// The record that failed: a batch that is delivered again leaves one letter for each delivery.
    pub(crate) fn failed_record(&self) -> Option<String> {
        let part = |name| self.header(name);
        let (topic, partition, offset) =
            (part("source-topic")?, part("source-partition")?, part("source-offset")?);
        // Pages and indexes of an API come again with each fetch, and are other users then.
        let time = part("source-timestamp").unwrap_or_default();
        Some(format!("{topic}/{partition}/{offset}/{time}"))
    }

    /// Whether a part of its record was too large for the queue.
    pub(crate) fn is_incomplete(&self) -> bool {
        let omitted = [VALUE_OMITTED, HEADERS_OMITTED, KEY_OMITTED];
        self.headers.iter().any(|(name, _)| omitted.contains(&name.as_str()))
    }

    /// The headers that it had as a record.
    pub(crate) fn kept_headers(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let told = |name: &str| is_told(name) || name == REPLAYED_FROM;
        self.headers.iter().filter(|(name, _)| !told(name)).cloned().collect()
    }
}
