//! What a reader has not read of a topic, and why: behind an open transaction nobody gets a record before it ends.

use std::collections::BTreeMap;
use std::fmt;

use crate::StreamError;
use crate::broker_description::{TopicDescription, reader};
use crate::client::ClientSettings;
use crate::topics::{Topics, Watermarks};

/// A partition in which a producer's transaction is open. Whoever reads committed records alone, as we do, gets none from the last
/// stable offset on, those of other producers neither. Nothing of it is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTransaction {
    pub topic: String,
    pub partition: i32,
    /// Where readers of committed records stand still.
    pub last_stable: i64,
    /// The next offset to be written.
    pub high_watermark: i64,
}

impl fmt::Display for OpenTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, last_stable, high_watermark } = self;
        write!(
            f,
            "a transaction is open in {topic}/{partition}: high watermark {high_watermark}, last stable offset {last_stable}"
        )
    }
}

/// What ends an open transaction, for those who wait for it.
pub const ENDS_OF_TRANSACTIONS: &str = "its records and what follows are kept, and given once its producer commits or aborts it; the \
                                        brokers abort it after the producer's transaction.timeout.ms";

/// Offsets of a partition that a reader did not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    pub topic: String,
    pub partition: i32,
    /// The first of them.
    pub next: i64,
    /// The next offset to be written.
    pub high_watermark: i64,
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
                high_watermark - 1
            ),
        }
    }
}

/// What lies between `next`, the offset that each partition would be read from, and where the partitions end. Blocks.
///
/// # Errors
/// As [`Topics::watermarks`].
pub fn unread(brokers: &Topics, next: &BTreeMap<(String, i32), i64>) -> Result<Vec<Unread>, StreamError> {
    let mut unread = Vec::new();
    let mut topics: Vec<_> = next.keys().map(|(topic, _)| topic.as_str()).collect();
    topics.dedup();
    for topic in topics {
        let ends = brokers.watermarks(topic)?;
        let open = brokers.open_among(topic, &ends)?;
        for (&partition, &Watermarks { end, .. }) in &ends {
            let Some(&next) = next.get(&(topic.to_owned(), partition)) else { continue };
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
            next.insert(((*topic).to_owned(), partition), committed);
        }
    }
    unread(&brokers, &next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_transaction_is_told_by_its_offsets() {
        let topic = "ad_events".to_owned();
        let open =
            OpenTransaction { topic: topic.clone(), partition: 2, last_stable: 40, high_watermark: 120 };
        let words = "a transaction is open in ad_events/2: high watermark 120, last stable offset 40";
        assert_eq!(open.to_string(), words);
        let unread = Unread { topic, partition: 2, next: 40, high_watermark: 120, open: Some(open) };
        assert!(
            unread.to_string().starts_with(words) && unread.to_string().contains("transaction.timeout.ms")
        );
        let plain = Unread { open: None, ..unread };
        assert_eq!(plain.to_string(), "offsets 40 to 119 of ad_events/2 are there and did not come");
    }
}
