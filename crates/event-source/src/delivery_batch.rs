//! Records that are delivered together, and what an answer leaves of them.

use std::collections::BTreeMap;

use millrace_events::position::Offset;
use millrace_stream::batch_response::{BatchResponse, partition_key};

use crate::record::OwnedRecord;

/// Records of a batch, those of a partition in their order, and how often they were delivered together in vain.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryBatch {
    pub(crate) records: Vec<OwnedRecord>,
    pub(crate) attempts: u32,
    /// How often nothing took them.
    pub(crate) not_invoked: u32,
}

impl DeliveryBatch {
    pub(crate) fn new(records: Vec<OwnedRecord>) -> Self {
        Self { records, attempts: 0, not_invoked: 0 }
    }

    /// Two halves; the first has to be settled before the second is delivered.
    pub(crate) fn bisect(mut self) -> [Self; 2] {
        let second = self.records.split_off(self.records.len().div_ceil(2));
        [Self::new(self.records), Self::new(second)]
    }

    /// What is done by `answer`, and what has to come again: of each partition everything from its lowest failed record
    /// on. `None` where the answer names a record that was not delivered, which makes it worth nothing.
    pub(crate) fn split(self, answer: &BatchResponse) -> Option<(Vec<OwnedRecord>, Self)> {
        let mut lowest: BTreeMap<&str, Offset> = BTreeMap::new();
        for failure in &answer.batch_item_failures {
            let item = &failure.item_identifier;
            let delivered = self.records.iter().any(|record| {
                record.offset == item.offset
                    && item.partition == partition_key(&record.topic, record.partition)
            });
            if !delivered {
                return None;
            }
            let lowest = lowest.entry(&item.partition).or_insert(item.offset);
            *lowest = item.offset.min(*lowest);
        }
        let Self { records, attempts, not_invoked } = self;
        let (done, rest) = records.into_iter().partition(|record| {
            let lowest = lowest.get(partition_key(&record.topic, record.partition).as_str());
            lowest.is_none_or(|lowest| record.offset < *lowest)
        });
        Some((done, Self { records: rest, attempts, not_invoked }))
    }
}
