//! How records become objects.

use std::time::Duration;

use millrace_lake::rolling_policy::RollingPolicy;

/// Bounds of the landing, all of them in force at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LandSettings {
    /// When an object is closed and stored. A partition's objects are stored together, as soon as one of them is due.
    pub rolling: RollingPolicy,
    /// Bytes of records, as Kafka holds them, that a partition may have in open objects. The embedded broker's
    /// producer waits for them, so this has to stay below what it may have on its way.
    pub partition_bytes: usize,
    /// Memory of all open objects together, in bytes: past it the largest are finished early.
    pub memory_bytes: usize,
    /// Rows that are encoded at once: few enough that what is gathered of them stays in a processor's cache.
    pub batch_rows: usize,
}

impl Default for LandSettings {
    fn default() -> Self {
        Self {
            rolling: RollingPolicy { encoded_bytes: 64 << 20, rows: 1_000_000, age: Duration::from_secs(60) },
            partition_bytes: usize::MAX,
            memory_bytes: 256 << 20,
            batch_rows: 1_024,
        }
    }
}
