//! A record that was read and waits for its batch.

use std::collections::BTreeSet;

use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_events::position::TopicPartition;
use millrace_stream::record::Record;

/// Partitions, by topic and number.
pub type Places = BTreeSet<TopicPartition>;

/// A record with bytes of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    /// The topic that it lies in.
    pub topic: String,
    /// Its partition of the topic, from 0.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: Offset,
    /// `None` where the record has none.
    pub timestamp: Option<Millis>,
    /// The key's bytes; `None` for a null key, which is not an empty one.
    pub key: Option<Vec<u8>>,
    /// The value's bytes; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// Names and values in the order in which they stand; a name may come twice.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Row values never reach a log.
impl std::fmt::Debug for OwnedRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnedRecord({}/{} {})", self.topic, self.partition, self.offset)
    }
}

impl From<&Record<'_>> for OwnedRecord {
    fn from(record: &Record<'_>) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        let headers = record.headers.iter();
        Self {
            topic: record.topic.to_owned(),
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: owned(record.key),
            value: owned(record.value),
            headers: headers.map(|(name, value)| ((*name).to_owned(), owned(*value))).collect(),
        }
    }
}

impl OwnedRecord {
    /// Its topic and partition.
    pub fn place(&self) -> (&str, i32) {
        (&self.topic, self.partition)
    }

    pub(crate) fn is_of(&self, places: &Places) -> bool {
        places.iter().any(|place| place.is(&self.topic, self.partition))
    }

    /// At most what it takes in a payload: base64, a header's byte as up to four digits and a comma, and the names of
    /// its parts.
    pub fn payload_bytes(&self) -> usize {
        const NAMES: usize = 256;
        let base64 =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(4, |bytes| bytes.len().div_ceil(3) * 4 + 2);
        let headers = self.headers.iter();
        let headers =
            headers.map(|(name, value)| name.len() * 6 + 16 + 5 * value.as_ref().map_or(1, Vec::len));
        // The topic stands in the record and may open a group of its own.
        NAMES + self.topic.len() * 4 + base64(&self.key) + base64(&self.value) + headers.sum::<usize>()
    }
}
