//! What land-events tells of its work: each a log event and its metrics in one call.

use millrace_events::instant::Micros;
use millrace_lake::Key;
use millrace_runtime::Meter;
use millrace_runtime::metrics::{
    BATCH_AGE, BYTES_IN, BYTES_OUT, FRESHNESS, OBJECT_SIZE, RECORDS_DEAD, RECORDS_ERASED, RECORDS_IN,
    RECORDS_OUT, RETRIES,
};

/// An object is in the lake.
pub(crate) struct ObjectLanded<'a> {
    pub(crate) key: &'a Key,
    pub(crate) table: &'a str,
    pub(crate) bytes: u64,
}

impl ObjectLanded<'_> {
    pub(crate) fn tell(&self, meter: &Meter) {
        let Self { key, table, bytes } = *self;
        tracing::debug!(%key, bytes, "object landed");
        meter.add(BYTES_OUT, table, bytes);
        meter.observe(OBJECT_SIZE, table, bytes as f64);
    }
}

/// All that was taken of a partition is durable.
pub(crate) struct PartitionLanded<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    /// Rows, dead letters and those about erased persons together.
    pub(crate) records: u64,
    pub(crate) rows: u64,
    /// About persons who were erased from the lake.
    pub(crate) erased: u64,
    /// Of the records, as Kafka held them.
    pub(crate) bytes: u64,
    /// The earliest and the latest of the records' timestamps, in µs since 1970.
    pub(crate) stamped: Option<(Micros, Micros)>,
    /// µs since 1970.
    pub(crate) now: Micros,
}

impl PartitionLanded<'_> {
    pub(crate) fn tell(&self, meter: &Meter) {
        let Self { topic, partition, records, rows, erased, bytes, stamped, now } = *self;
        let dead = records.saturating_sub(rows + erased);
        tracing::debug!(topic, partition, records, rows, dead, erased, bytes, "partition_landed");
        meter.add(RECORDS_IN, topic, records);
        meter.add(RECORDS_OUT, topic, rows);
        meter.add(RECORDS_DEAD, topic, dead);
        meter.add(RECORDS_ERASED, topic, erased);
        meter.add(BYTES_IN, topic, bytes);
        if let Some((earliest, latest)) = stamped {
            meter.observe(BATCH_AGE, topic, seconds_since(earliest, now));
            meter.set(FRESHNESS, topic, seconds_since(latest, now));
        }
    }
}

/// Records of a partition have to come again.
pub(crate) struct RecordsLeft<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) records: u64,
}

impl RecordsLeft<'_> {
    pub(crate) fn tell(&self, meter: &Meter) {
        let Self { topic, partition, records } = *self;
        tracing::warn!(topic, partition, records, "records_come_again");
        meter.add(RETRIES, topic, records);
    }
}

/// A producer's clock may be ahead of ours: then nothing has passed.
fn seconds_since(earlier: Micros, now: Micros) -> f64 {
    now.since(earlier).as_secs_f64()
}
