//! Which offsets went through a hop, so that hops can be held against one another.

use millrace_events::position::{Offset, TopicPartition};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use roaring::RoaringTreemap;

/// A set of positions, by topic and partition. Runs of offsets take a few bytes, however long they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OffsetSet {
    partitions: BTreeMap<TopicPartition, Offsets>,
}

/// A partition's offsets. They come one after the other but for rare gaps, so that most only lengthen the last run: a search
/// in the set for each costs as much as a field's decoding.
#[derive(Debug, Clone, Default)]
struct Offsets {
    settled: RoaringTreemap,
    /// Behind everything settled.
    run: Range<u64>,
}

impl Offsets {
    fn insert(&mut self, offset: u64) -> bool {
        if offset == self.run.end && !self.run.is_empty() {
            self.run.end += 1;
            return true;
        }
        self.settled.insert_range(std::mem::take(&mut self.run));
        if self.settled.max().is_some_and(|last| offset <= last) {
            return self.settled.insert(offset);
        }
        self.run = offset..offset + 1;
        true
    }

    fn remove(&mut self, offset: u64) -> bool {
        self.settled.insert_range(std::mem::take(&mut self.run));
        self.settled.remove(offset)
    }

    fn len(&self) -> u64 {
        self.settled.len() + (self.run.end - self.run.start)
    }

    fn max(&self) -> Option<u64> {
        if self.run.is_empty() { self.settled.max() } else { Some(self.run.end - 1) }
    }

    fn set(&self) -> Cow<'_, RoaringTreemap> {
        if self.run.is_empty() {
            return Cow::Borrowed(&self.settled);
        }
        let mut set = self.settled.clone();
        set.insert_range(self.run.clone());
        Cow::Owned(set)
    }
}

impl Offsets {
    fn merge(&mut self, other: &Self) {
        let mut settled = self.set().into_owned();
        settled |= other.set().as_ref();
        *self = Self { settled, run: 0..0 };
    }
}

/// How far the last run is settled says nothing.
impl PartialEq for Offsets {
    fn eq(&self, other: &Self) -> bool {
        self.set() == other.set()
    }
}

impl OffsetSet {
    /// Writes a position down; false where it stood there already. A negative offset is none and is left out.
    pub fn insert(&mut self, topic: &str, partition: i32, offset: Offset) -> bool {
        let Ok(offset) = u64::try_from(offset.get()) else { return false };
        // Looked up by reference first: the key is only made once for each partition.
        match self.partitions.iter_mut().find(|(known, _)| known.is(topic, partition)) {
            Some((_, offsets)) => offsets.insert(offset),
            None => self.partitions.entry(TopicPartition::new(topic, partition)).or_default().insert(offset),
        }
    }

    /// Strikes a position out; false where it did not stand there.
    pub fn remove(&mut self, topic: &str, partition: i32, offset: Offset) -> bool {
        let Ok(offset) = u64::try_from(offset.get()) else { return false };
        let ours = self.partitions.iter_mut().find(|(known, _)| known.is(topic, partition));
        ours.is_some_and(|(_, offsets)| offsets.remove(offset))
    }

    /// Writes all of another's positions down.
    pub fn merge(&mut self, other: &Self) {
        for (place, offsets) in &other.partitions {
            self.partitions.entry(place.clone()).or_default().merge(offsets);
        }
    }

    /// The positions of one topic.
    pub fn of_topic(&self, topic: &str) -> Self {
        let partitions = self.partitions.iter().filter(|(known, _)| known.topic == topic);
        Self { partitions: partitions.map(|(place, offsets)| (place.clone(), offsets.clone())).collect() }
    }

    /// Positions in all.
    pub fn len(&self) -> u64 {
        self.partitions.values().map(Offsets::len).sum()
    }

    /// Whether no position is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Positions that stand in both.
    pub fn common(&self, other: &Self) -> u64 {
        let both = |(partition, offsets): (_, &Offsets)| {
            other.partitions.get(partition).map_or(0, |others| offsets.set().intersection_len(&others.set()))
        };
        self.partitions.iter().map(both).sum()
    }

    /// Whether the position is in it; a negative offset never is.
    pub fn contains(&self, topic: &str, partition: i32, offset: Offset) -> bool {
        let Ok(offset) = u64::try_from(offset.get()) else { return false };
        let ours = self.partitions.iter().find(|(known, _)| known.is(topic, partition));
        ours.is_some_and(|(_, offsets)| offsets.run.contains(&offset) || offsets.settled.contains(offset))
    }

    /// The highest offset of each partition.
    pub fn ends(&self) -> BTreeMap<TopicPartition, Offset> {
        let end = |offsets: &Offsets| offsets.max().and_then(|end| i64::try_from(end).ok()).map(Offset);
        self.partitions.iter().filter_map(|(place, offsets)| Some((place.clone(), end(offsets)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    proptest::proptest! {
        /// In whatever order offsets come: the same answers as a plain set's.
        #[test]
        fn runs_are_a_set(steps in proptest::collection::vec((0_u64..40, 1_u64..12), 0..20)) {
            let insert = |set: &mut OffsetSet, offset: u64| set.insert("t", 0, Offset(offset as i64));
            let (mut ledger, mut plain) = (OffsetSet::default(), BTreeSet::new());
            for (start, length) in steps {
                for offset in start..start + length {
                    proptest::prop_assert_eq!(insert(&mut ledger, offset), plain.insert(offset));
                }
            }
            proptest::prop_assert_eq!(ledger.len(), plain.len() as u64);
            proptest::prop_assert_eq!(ledger.is_empty(), plain.is_empty());
            proptest::prop_assert_eq!(ledger.common(&ledger.clone()), plain.len() as u64);
            let last = plain.last().map(|&last| Offset(last as i64));
            proptest::prop_assert_eq!(ledger.ends().into_values().next(), last);
            let mut sorted = OffsetSet::default();
            for offset in &plain {
                insert(&mut sorted, *offset);
            }
            proptest::prop_assert!(sorted == ledger);
            for offset in 0..64_u64 {
                let contains = ledger.contains("t", 0, Offset(offset as i64));
                proptest::prop_assert_eq!(contains, plain.contains(&offset));
            }
            let mut without = ledger.clone();
            for offset in (0..64_u64).step_by(3) {
                let there = without.remove("t", 0, Offset(offset as i64));
                proptest::prop_assert_eq!(there, plain.contains(&offset));
            }
            let left = plain.iter().filter(|offset| *offset % 3 != 0).count();
            proptest::prop_assert_eq!(without.len(), left as u64);
            proptest::prop_assert!(insert(&mut without, 64) && without.contains("t", 0, Offset(64)));
            let mut merged = OffsetSet::default();
            insert(&mut merged, 7);
            merged.merge(&ledger);
            insert(&mut sorted, 7);
            proptest::prop_assert!(merged == sorted);
        }
    }
}
