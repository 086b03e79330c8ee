//! What a reader has not read of a topic, and why.

use millrace_events::position::{Offset, TopicPartition};
use std::collections::BTreeMap;
use std::fmt;

use crate::StreamError;
use crate::broker_description::{TopicDescription, reader};
use crate::client::ClientSettings;
use crate::open_transaction::{ENDS_OF_TRANSACTIONS, OpenTransaction};
use crate::topics::{Topics, Watermarks};

/// Offsets of a partition that a reader did not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first of them.
    pub next: Offset,
    /// The next offset to be written.
    pub high_watermark: Offset,
    /// The transaction that holds them back; `None` where none is open.
    pub open: Option<OpenTransaction>,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, next, high_watermark, open } = self;
        match open {
            Some(open) => write!(f, "{open}; {ENDS_OF_TRANSACTIONS}"),
            None => write!(
                f,
                "offsets {next} to {} of {topic}/{partition} are there and did not come",
                *high_watermark - 1
            ),
        }
    }
}

/// What lies between `next`, the offset that each partition would be read from, and where the partitions end. Blocks.
///
/// # Errors
/// As [`Topics::watermarks`].
pub fn unread(brokers: &Topics, next: &BTreeMap<TopicPartition, Offset>) -> Result<Vec<Unread>, StreamError> {
    let mut unread = Vec::new();
    let mut topics: Vec<_> = next.keys().map(|partition| partition.topic.as_str()).collect();
    topics.dedup();
    for topic in topics {
        let ends = brokers.watermarks(topic)?;
        let open = brokers.open_among(topic, &ends)?;
        for (&partition, &Watermarks { end, .. }) in &ends {
            let Some(&next) = next.get(&TopicPartition::new(topic, partition)) else { continue };
            if next < end {
                let open = open.iter().find(|open| open.partition == partition).cloned();
                let topic = topic.to_owned();
                unread.push(Unread { topic, partition, next, high_watermark: end, open });
            }
        }
    }
    Ok(unread)
}

/// What a group has not committed of these topics. Where it committed nothing it has read nothing. Blocks.
pub fn unread_by_group(
    settings: &ClientSettings,
    group: &str,
    topics: &[&str],
) -> Result<Vec<Unread>, StreamError> {
    let brokers = Topics::connect(settings)?;
    let mut next = BTreeMap::new();
    for topic in topics {
        let ends = brokers.watermarks(topic)?;
        let partitions = ends.clone();
        let mut described = [TopicDescription {
            topic: (*topic).to_owned(),
            partitions,
            readers: Vec::new(),
            open: Vec::new(),
        }];
        reader(settings, group, &mut described)?;
        let committed =
            described[0].readers.first().map(|reader| reader.committed.clone()).unwrap_or_default();
        for (partition, Watermarks { begin, .. }) in ends {
            let committed = committed.get(&partition).map_or(begin, |committed| begin.max(*committed));
            next.insert(TopicPartition::new(*topic, partition), committed);
        }
    }
    unread(&brokers, &next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unread_is_said_with_its_offsets_and_its_transaction() {
        let (topic, partition) = ("ad_events".to_owned(), 2);
        let (next, high_watermark) = (Offset(40), Offset(120));
        let open = OpenTransaction { topic: topic.clone(), partition, last_stable: next, high_watermark };
        let words = open.to_string();
        let unread = Unread { topic, partition, next, high_watermark, open: Some(open) };
        assert!(
            unread.to_string().starts_with(&words) && unread.to_string().contains("transaction.timeout.ms")
        );
        let plain = Unread { open: None, ..unread };
        assert_eq!(plain.to_string(), "offsets 40 to 119 of ad_events/2 are there and did not come");
    }
}
