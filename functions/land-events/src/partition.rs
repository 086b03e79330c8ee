//! What one partition has in open objects, and what may be committed of it.

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_events::batch::SourcePartition;
use millrace_events::event::Event;

use crate::open_object::OpenObject;

/// A partition's open objects, one for each hour that its records' timestamps fall in.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) event: Event,
    pub(crate) source: SourcePartition,
    /// By hours since 1970, UTC.
    pub(crate) open_objects: BTreeMap<i64, OpenObject>,
    /// The offset behind the last record taken: what may be committed once all open_objects are stored. Records that a
    /// re-read brings again lie before it.
    pub(crate) next_offset: i64,
    /// Since the last roll; `None` without a record.
    pub(crate) taken: Option<Taken>,
}

/// Records taken and not yet durable, dead letters among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) records: u64,
    pub(crate) bytes: usize,
    /// When the first came, in µs since 1970, UTC.
    since: i64,
    /// The earliest and the latest of the records' own timestamps, in µs; `None` where none has one.
    pub(crate) stamped: Option<(i64, i64)>,
}

impl Partition {
    pub(crate) fn new(event: Event, source: SourcePartition) -> Self {
        Self { event, source, open_objects: BTreeMap::new(), next_offset: 0, taken: None }
    }

    pub(crate) fn is(&self, topic: &str, partition: i32) -> bool {
        self.source.partition == partition && self.source.topic == topic
    }

    /// Counts a record that became a row or a dead letter.
    pub(crate) fn took(&mut self, offset: i64, bytes: usize, stamp: Option<i64>, now: i64) {
        self.next_offset = offset + 1;
        let taken = self.taken.get_or_insert(Taken { records: 0, bytes: 0, since: now, stamped: None });
        taken.records += 1;
        taken.bytes += bytes;
        if let Some(stamp) = stamp {
            let (earliest, latest) = taken.stamped.unwrap_or((stamp, stamp));
            taken.stamped = Some((earliest.min(stamp), latest.max(stamp)));
        }
    }

    /// Bytes of the records taken since the last roll.
    pub(crate) fn bytes(&self) -> usize {
        self.taken.map_or(0, |taken| taken.bytes)
    }

    /// Whether a record waits longer than `age`, be it a dead letter alone.
    pub(crate) fn is_older_than(&self, age: Duration, now: i64) -> bool {
        self.taken
            .is_some_and(|taken| Duration::from_micros(u64::try_from(now - taken.since).unwrap_or(0)) >= age)
    }

    /// Memory held by the open objects, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.open_objects.values().map(OpenObject::memory_bytes).sum()
    }
}
