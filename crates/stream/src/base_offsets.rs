//! What stands before an embedded broker's offsets in the generation of its topics.

use millrace_events::position::{Offset, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Added to a broker's offset it makes the offset in the generation of the topic.
///
/// The embedded broker counts each topic from 0 at each start, and the generation of its topics goes on. Producer and consumer
/// translate where they meet the broker; whoever is behind them knows offsets of the generation alone. A cluster's offsets are
/// those of the generation: nothing is added to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseOffsets(Arc<[Topic]>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Topic {
    name: String,
    /// By partition.
    bases: Vec<i64>,
}

impl BaseOffsets {
    /// Of the first offset that each `(topic, partition)` has in its generation; 0 for others.
    pub fn new(bases: &BTreeMap<TopicPartition, Offset>) -> Self {
        let mut topics: Vec<Topic> = Vec::new();
        for (TopicPartition { topic: name, partition }, base) in bases {
            let Ok(partition) = usize::try_from(*partition) else { continue };
            let known = topics.iter().position(|topic| topic.name == *name);
            let place = known.unwrap_or(topics.len());
            if known.is_none() {
                topics.push(Topic { name: name.clone(), bases: Vec::new() });
            }
            let bases = &mut topics[place].bases;
            bases.resize(bases.len().max(partition + 1), 0);
            bases[partition] = base.get();
        }
        Self(topics.into())
    }

    /// A broker's offset in the generation of its topic. What is no offset (below 0: the broker told none) stays as it is.
    pub(crate) fn in_generation(&self, topic: &str, partition: i32, offset: Offset) -> Offset {
        if offset < Offset::ZERO { offset } else { offset + self.of(topic, partition) }
    }

    /// What is added to the offsets of a partition. Asked for each record: topics are few.
    pub fn of(&self, topic: &str, partition: i32) -> i64 {
        let topic = self.0.iter().find(|known| known.name == topic);
        let base = topic.zip(usize::try_from(partition).ok()).and_then(|(topic, at)| topic.bases.get(at));
        base.copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_and_others_have_none() {
        let bases = [("a", 0, 5), ("a", 2, 7), ("b", 1, 9)];
        let bases = bases
            .into_iter()
            .map(|(topic, partition, base)| (TopicPartition::new(topic, partition), Offset(base)));
        let bases = BaseOffsets::new(&bases.collect());
        let asked = [("a", 0), ("a", 1), ("a", 2), ("a", 3), ("a", -1), ("b", 0), ("b", 1), ("c", 0)];
        assert_eq!(asked.map(|(topic, partition)| bases.of(topic, partition)), [5, 0, 7, 0, 0, 0, 9, 0]);
        assert_eq!([-1, 0, 3].map(|offset| bases.in_generation("a", 2, Offset(offset)).get()), [-1, 7, 10]);
        assert_eq!(BaseOffsets::default().of("a", 0), 0);
    }
}
