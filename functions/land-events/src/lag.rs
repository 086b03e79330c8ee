//! How far the lake is behind Kafka, for processes that stay. Lambda's event source mapping tells its own.

use std::collections::{BTreeMap, BTreeSet};

use millrace_events::position::{Offset, TopicPartition};
use millrace_runtime::Meter;
use millrace_runtime::metrics::LAG;
use millrace_stream::topics::Watermarks;

use crate::raw_writer::CommitPoint;

/// The partitions that this process reads, and the first offset of each that is not in the lake. Of a group each member tells its own
/// part: the group's lag is their sum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LagWatch {
    next: BTreeMap<TopicPartition, Offset>,
    /// How many partitions each topic had when the group last shared them: later ones are nobody's yet.
    shared: BTreeMap<String, i32>,
}

impl LagWatch {
    /// These partitions are read from now on, each from the offset beside it.
    pub fn assigned(&mut self, starts: &BTreeMap<TopicPartition, Offset>) {
        self.next.extend(starts.iter().map(|(place, start)| (place.clone(), *start)));
    }

    /// The group has shared its topics, which have so many partitions.
    pub fn shared(&mut self, topics: &BTreeMap<String, i32>) {
        self.shared.clone_from(topics);
    }

    /// These are another's to tell of.
    pub fn revoked(&mut self, places: &BTreeSet<TopicPartition>) {
        self.next.retain(|place, _| !places.contains(place));
    }

    /// These are durable; a partition that has moved meanwhile is not looked at.
    pub fn landed(&mut self, landed: &[CommitPoint]) {
        for part in landed {
            if let Some(next) = self.next.get_mut(&TopicPartition::new(&part.topic, part.partition)) {
                *next = part.next_offset;
            }
        }
    }

    /// The first offset of each partition that is not in the lake.
    pub fn next(&self) -> &BTreeMap<TopicPartition, Offset> {
        &self.next
    }

    /// The same of a topic's partitions, with those that nobody reads yet: new ones, which whoever has the topic's first partition
    /// tells of.
    pub fn next_of(&self, topic: &str, ends: &BTreeMap<i32, Watermarks>) -> BTreeMap<i32, Offset> {
        let ours = self.next.iter().filter(|(place, _)| place.topic == topic);
        let mut next: BTreeMap<_, _> = ours.map(|(place, next)| (place.partition, *next)).collect();
        if let (true, Some(shared)) = (next.contains_key(&0), self.shared.get(topic)) {
            let new = ends.range(*shared..).map(|(partition, ends)| (*partition, ends.begin));
            for (partition, begin) in new {
                next.entry(partition).or_insert(begin);
            }
        }
        next
    }

    /// Holds a topic's partitions against where they end, and tells `meter` what lies between.
    pub fn tell(&self, topic: &str, ends: &BTreeMap<i32, Watermarks>, meter: &Meter) {
        let behind = self.next_of(topic, ends).into_iter().filter_map(|(partition, next)| {
            // What retention removed before it was read is not to come.
            ends.get(&partition).map(|ends| (ends.end - next.max(ends.begin)).max(0))
        });
        let lag: i64 = behind.sum();
        tracing::debug!(topic, lag, "lag");
        meter.set(LAG, topic, lag as f64);
    }
}

#[cfg(test)]
mod tests {
    use millrace_runtime::metrics::Value;

    use super::*;

    fn lag(watch: &LagWatch, ends: &[(i32, i64, i64)]) -> Value {
        let meter = Meter::new();
        let watermarks = |begin, end| Watermarks { begin: Offset(begin), end: Offset(end) };
        let ends = ends.iter().map(|&(partition, begin, end)| (partition, watermarks(begin, end)));
        watch.tell("t", &ends.collect(), &meter);
        meter.take().remove(0).value
    }

    #[test]
    fn what_is_in_kafka_and_not_in_the_lake_is_behind() {
        let place = |partition| TopicPartition::new("t", partition);
        let other = TopicPartition::new("other", 0);
        let mut watch = LagWatch::default();
        watch.assigned(&BTreeMap::from([(place(0), Offset(10)), (place(1), Offset(0)), (other, Offset(0))]));
        assert_eq!(lag(&watch, &[(0, 0, 15), (1, 0, 7), (2, 0, 99)]), Value::Gauge(12.0));
        let (topic, next_offset) = ("t".into(), Offset(15));
        let landed =
            CommitPoint { topic, partition: 0, next_offset, records: 5, record_bytes: 1, stamped: None };
        watch.landed(&[landed.clone(), CommitPoint { partition: 2, ..landed }]);
        assert_eq!(lag(&watch, &[(0, 0, 15), (1, 5, 7), (2, 0, 99)]), Value::Gauge(2.0));
        // A third partition came after the group had shared its two.
        watch.shared(&BTreeMap::from([("t".to_owned(), 2)]));
        assert_eq!(lag(&watch, &[(0, 0, 15), (1, 5, 7), (2, 3, 99)]), Value::Gauge(98.0));
        watch.shared(&BTreeMap::from([("t".to_owned(), 3)]));
        assert_eq!(lag(&watch, &[(0, 0, 15), (1, 5, 7), (2, 3, 99)]), Value::Gauge(2.0));
        watch.revoked(&BTreeSet::from([place(1)]));
        assert_eq!(lag(&watch, &[(0, 0, 15), (1, 0, 7)]), Value::Gauge(0.0));
    }
}
