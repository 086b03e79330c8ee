//! What one partition has in open objects, and what may be committed of it.

use std::collections::BTreeMap;

use millrace_events::batch::PartitionLife;

use crate::lane::Lane;

/// A partition's open objects, one for each hour that its records' timestamps fall in.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) life: PartitionLife,
    /// By hours since 1970, UTC.
    pub(crate) lanes: BTreeMap<i64, Lane>,
    /// The offset behind the last record taken: what may be committed once all lanes are stored. Records that a
    /// re-read brings again lie before it.
    pub(crate) next_offset: i64,
    /// Of the records taken since the last roll, dead letters included.
    pub(crate) bytes: usize,
    pub(crate) records: u64,
}

impl Partition {
    pub(crate) fn new(life: PartitionLife) -> Self {
        Self { life, lanes: BTreeMap::new(), next_offset: 0, bytes: 0, records: 0 }
    }

    /// Memory held by the open objects, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.lanes.values().map(Lane::memory_bytes).sum()
    }
}
