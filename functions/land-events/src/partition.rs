//! What one partition has in open objects, and what may be committed of it.

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_events::batch::SourcePartition;
use millrace_events::event::Event;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_lake::raw_sink::RawSink;

use crate::open_object::OpenObject;

/// A partition's open objects, one for each hour that its records' timestamps fall in.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) event: Event,
    pub(crate) source: SourcePartition,
    pub(crate) sink: RawSink,
    /// By hours since 1970, UTC.
    pub(crate) open_objects: BTreeMap<i64, OpenObject>,
    /// The offset behind the last record taken: what may be committed once all open_objects are stored. Records that a
    /// re-read brings again lie before it.
    pub(crate) next_offset: Offset,
    /// Since the last roll; `None` without a record.
    pub(crate) taken: Option<Taken>,
}

/// Records taken and not yet durable, dead letters among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) records: u64,
    /// Of these, the ones about persons who were erased.
    pub(crate) erased: u64,
    pub(crate) bytes: usize,
    /// When the first came.
    since: Micros,
    /// The earliest and the latest of the records' own timestamps; `None` where none has one.
    pub(crate) stamped: Option<(Micros, Micros)>,
}

impl Partition {
    pub(crate) fn new(event: Event, source: SourcePartition, sink: RawSink) -> Self {
        Self { event, source, sink, open_objects: BTreeMap::new(), next_offset: Offset::ZERO, taken: None }
    }

    pub(crate) fn is(&self, topic: &str, partition: i32) -> bool {
        self.source.partition == partition && self.source.topic == topic
    }

    /// Counts a record that became a row or a dead letter, or is about a person who was `erased`.
    pub(crate) fn took(
        &mut self,
        offset: Offset,
        bytes: usize,
        stamp: Option<Micros>,
        erased: bool,
        now: Micros,
    ) {
        self.next_offset = offset.next();
        let taken =
            self.taken.get_or_insert(Taken { records: 0, erased: 0, bytes: 0, since: now, stamped: None });
        taken.records += 1;
        taken.erased += u64::from(erased);
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
    pub(crate) fn is_older_than(&self, age: Duration, now: Micros) -> bool {
        self.taken.is_some_and(|taken| now.since(taken.since) >= age)
    }

    /// Memory held by the open objects, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.open_objects.values().map(OpenObject::memory_bytes).sum()
    }
}
