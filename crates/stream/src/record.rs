//! A Kafka record, as read and as written.

use millrace_events::frame::SchemaId;
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};

/// A header's name and value; `None` is Kafka's null.
pub(crate) type Header<'a> = (&'a str, Option<&'a [u8]>);

/// A record as it came from Kafka, borrowed from the client's buffer.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// As the broker spells it.
    pub topic: &'a str,
    /// From 0.
    pub partition: i32,
    /// As the broker counts; a consumer with [`BaseOffsets`](crate::base_offsets::BaseOffsets) hands it on translated.
    pub offset: Offset,
    /// `None` where the record has none.
    pub timestamp: Option<Millis>,
    /// `None` is Kafka's null.
    pub key: Option<&'a [u8]>,
    /// `None` is Kafka's null.
    pub value: Option<&'a [u8]>,
    /// In their order, names repeated where the record repeats them; a value of `None` is Kafka's null.
    pub headers: Vec<(&'a str, Option<&'a [u8]>)>,
}

impl<'a> Record<'a> {
    pub(crate) fn of(message: &'a BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(|headers| {
            let header = |index| headers.get(index);
            (0..headers.count()).map(header).map(|header| (header.key, header.value)).collect()
        });
        Self {
            topic: message.topic(),
            partition: message.partition(),
            offset: Offset(message.offset()),
            timestamp: message.timestamp().to_millis().map(Millis),
            key: message.key(),
            value: message.payload(),
            headers: headers.unwrap_or_default(),
        }
    }

    /// The last header of that name, as Kafka reads repeated ones, where it is text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().rev().find(|(header, _)| *header == name);
        found.and_then(|(_, value)| std::str::from_utf8((*value)?).ok())
    }

    /// The schema that has to be known before its value is decoded: see [`SchemaId::needed_by`].
    pub fn schema_needed(&self) -> Option<SchemaId> {
        SchemaId::needed_by(self.value?, self.header("content-type"))
    }

    /// The room it takes in a producer's queue, in bytes.
    pub fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len));
        size(self.key.map_or(0, <[u8]>::len), self.value.map_or(0, <[u8]>::len), headers)
    }
}

/// A record to be written.
#[derive(Debug, Clone)]
pub struct OutgoingRecord<'a> {
    /// Where it goes; the partition is computed from the key.
    pub topic: &'a str,
    /// `None` is Kafka's null, which goes to partition 0.
    pub key: Option<&'a [u8]>,
    /// `None` is Kafka's null.
    pub value: Option<&'a [u8]>,
    /// When what it says happened; brokers keep it by this.
    pub timestamp: Millis,
    /// In their order; a value of `None` is Kafka's null.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

impl OutgoingRecord<'_> {
    /// The room it takes in a producer's queue, in bytes.
    pub fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len));
        size(self.key.map_or(0, <[u8]>::len), self.value.map_or(0, <[u8]>::len), headers)
    }
}

/// At most what a record takes in a broker: its parts and the lengths between them, and the head of a batch, as if
/// each record travelled alone. Too small a number here would let the embedded broker drop records.
fn size(key: usize, value: usize, headers: impl Iterator<Item = usize>) -> usize {
    const BATCH_HEAD: usize = 61;
    const LENGTHS: usize = 30;
    const HEADER_LENGTHS: usize = 10;
    key + value + headers.map(|header| header + HEADER_LENGTHS).sum::<usize>() + BATCH_HEAD + LENGTHS
}
