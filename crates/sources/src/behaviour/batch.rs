//! Records in one piece of memory that is used again and again.

use super::record_fault::RecordFault;
use super::stream::Stream;
use millrace_events::instant::Millis;

/// Records in the order in which they are to be sent, their bytes one after another.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where a record lies: its key at `start`, its value behind it up to `end`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) facts: Facts,
    start: usize,
    value: usize,
    end: usize,
}

/// What is known of a record beside its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) stream: Stream,
    pub(super) timestamp: i64,
    pub(super) fault: Option<RecordFault>,
    pub(super) is_repeat: bool,
    pub(super) is_late: bool,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Which stream it is of, and so its topic.
    pub stream: Stream,
    /// `None` is Kafka's null: a broken user without a readable id.
    pub key: Option<&'a [u8]>,
    /// When the record arrives, in milliseconds since 1970: the time of its event, but for late ones.
    pub timestamp: Millis,
    /// The Protobuf message; of a broken user, JSON.
    pub value: &'a [u8],
    /// Where it [`RecordFault::is_of_bytes`], the value is still fine.
    pub fault: Option<RecordFault>,
    /// Sent before: key, value and timestamp are those of the first time.
    pub is_repeat: bool,
    /// The event's own timestamp lies before the record's.
    pub is_late: bool,
}

impl Record<'_> {
    /// The header `content-type` for the value as it is here.
    pub fn content_type(&self) -> &'static str {
        match self.fault {
            Some(RecordFault::User(_)) => "application/json",
            _ => "application/x-protobuf",
        }
    }
}

impl Batch {
    /// Empty; its memory grows with what is put into it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes all records out and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Records, copies and broken ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Of all keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// In the order in which they are to be sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.entries.iter().map(|entry| {
            let (key, value) = (&self.bytes[entry.start..entry.value], &self.bytes[entry.value..entry.end]);
            let Facts { stream, timestamp, fault, is_repeat, is_late } = entry.facts;
            let key = (!key.is_empty()).then_some(key);
            Record { stream, key, timestamp: Millis(timestamp), value, fault, is_repeat, is_late }
        })
    }

    /// Appends a record whose value `write` appends.
    pub(super) fn push(&mut self, facts: Facts, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let value = self.bytes.len();
        write(&mut self.bytes);
        self.entries.push(Entry { facts, start, value, end: self.bytes.len() });
    }

    /// The last record's facts, key and value, if there is one.
    pub(super) fn last(&self) -> Option<(Facts, &[u8], &[u8])> {
        let Entry { facts, start, value, end } = *self.entries.last()?;
        Some((facts, &self.bytes[start..value], &self.bytes[value..end]))
    }
}
