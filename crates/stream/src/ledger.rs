//! Which offsets went through a hop, so that hops can be held against one another.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;

/// A set of positions, by topic and partition. Runs of offsets take a few bytes, however long they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    partitions: BTreeMap<(String, i32), RoaringTreemap>,
}

impl Ledger {
    /// Writes a position down; false where it stood there already. A negative offset is none and is left out.
    pub fn insert(&mut self, topic: &str, partition: i32, offset: i64) -> bool {
        let Ok(offset) = u64::try_from(offset) else { return false };
        // Looked up by reference first: the key is only made once for each partition.
        match self.partitions.iter_mut().find(|((name, number), _)| *number == partition && name == topic) {
            Some((_, offsets)) => offsets.insert(offset),
            None => self.partitions.entry((topic.to_owned(), partition)).or_default().insert(offset),
        }
    }

    /// The positions of one topic.
    pub fn of_topic(&self, topic: &str) -> Self {
        let partitions = self.partitions.iter().filter(|((name, _), _)| name == topic);
        Self { partitions: partitions.map(|(place, offsets)| (place.clone(), offsets.clone())).collect() }
    }

    /// Positions in all.
    pub fn len(&self) -> u64 {
        self.partitions.values().map(RoaringTreemap::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.partitions.values().all(RoaringTreemap::is_empty)
    }

    /// Positions that stand in both.
    pub fn common(&self, other: &Self) -> u64 {
        let both = |(partition, offsets): (_, &RoaringTreemap)| {
            other.partitions.get(partition).map_or(0, |others| offsets.intersection_len(others))
        };
        self.partitions.iter().map(both).sum()
    }

    /// The highest offset of each partition.
    pub fn ends(&self) -> BTreeMap<(String, i32), i64> {
        let end = |offsets: &RoaringTreemap| offsets.max().and_then(|end| i64::try_from(end).ok());
        self.partitions.iter().filter_map(|(place, offsets)| Some((place.clone(), end(offsets)?))).collect()
    }
}
