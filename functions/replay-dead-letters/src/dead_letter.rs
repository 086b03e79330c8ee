//! A dead letter with its failure context, read back.

use chrono::DateTime;
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_lake::erasure::letter_subject::{Parts, is_about_refused};
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_stream::dead_letter::{
    HEADERS_OMITTED, KEY_OMITTED, REPLAYED_FROM, VALUE_OMITTED, is_of_letter,
};
use millrace_stream::record::Record;

/// A dead letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// `<queue>/<partition>/<offset>`, and for one of the lake `<queue>/<generation>/<partition>/<offset>`.
    pub position: String,
    /// Its partition and offset in the queue.
    pub partition: i32,
    /// Its offset in that partition.
    pub offset: Offset,
    /// The key of the record that failed; `None` where that had none or it was too large for the queue.
    pub key: Option<Vec<u8>>,
    /// The value of the record that failed, its bytes untouched; `None` where that had none or it was too large for the queue.
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

    /// When it last failed.
    pub(crate) fn failed_at(&self) -> Option<Millis> {
        self.instant("failed-at")
    }

    /// When it was a record, or failed where it never was one.
    pub(crate) fn timestamp(&self) -> Option<Millis> {
        self.instant("source-timestamp").or_else(|| self.failed_at())
    }

    fn instant(&self, header: &str) -> Option<Millis> {
        let instant = DateTime::parse_from_rfc3339(self.header(header)?).ok()?;
        Some(Millis(instant.timestamp_millis()))
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

    /// Whether it is about a person who was erased from the lake.
    pub(crate) fn is_about_refused(&self, refused: &RefusedIds) -> bool {
        if refused.is_empty() {
            return false;
        }
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let (key, value) = (self.key.as_deref(), self.value.as_deref());
        is_about_refused(Parts { key, value, headers: &headers }, refused)
    }

    /// What it holds, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let of = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + of(value)).sum();
        self.position.len() + of(&self.key) + of(&self.value) + headers
    }

    /// The headers that it had as a record.
    pub(crate) fn kept_headers(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let told = |name: &str| is_of_letter(name) || name == REPLAYED_FROM;
        self.headers.iter().filter(|(name, _)| !told(name)).cloned().collect()
    }
}
