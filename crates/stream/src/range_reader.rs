//! Reads one range of offsets of one partition, for who lands exactly that range again: no group is joined, nothing is committed.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use millrace_events::position::{Offset, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use crate::StreamError;
use crate::client::ClientSettings;
use crate::consumer::passes;
use crate::handshake::Handshake;
use crate::open_transaction::OpenTransaction;
use crate::record::Record;
use crate::topics::{Topics, Watermarks};

/// librdkafka wants a name before it reads, and brokers with ACLs want the right to describe it; nothing is ever committed under it.
pub const GROUP: &str = "millrace-land-range";

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ranged<T> {
    /// What the caller made of the record that came.
    Record(T),
    /// Nothing within the patience; more may come.
    Nothing,
    /// A transaction is open in front of what is left of the range: nobody gets it before that one ends.
    Held(OpenTransaction),
    /// All that Kafka has of the range was given.
    End,
}

/// A reader of the committed records of one range. It holds about 8 MiB of records at most.
pub struct RangeReader {
    inner: BaseConsumer<Handshake>,
    brokers: Topics,
    place: TopicPartition,
    /// What is looked at next: all of the range before it was given, is gone, or has no record.
    next: Offset,
    /// The last offset of the range.
    to: Offset,
    gone: Vec<RangeInclusive<i64>>,
}

impl std::fmt::Debug for RangeReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { place, next, to, gone, .. } = self;
        let mut shown = f.debug_struct("RangeReader");
        shown.field("place", place).field("next", next).field("to", to).field("gone", gone);
        shown.finish_non_exhaustive()
    }
}

impl RangeReader {
    /// Begins at the first offset from `from` on that the partition still has, and ends with `to`, inclusive. Blocks.
    ///
    /// # Errors
    /// There is no such topic or partition, or `to` was never written (`Stop`); no broker answers (`Retry`).
    pub fn open(
        settings: &ClientSettings,
        place: TopicPartition,
        from: Offset,
        to: Offset,
    ) -> Result<Self, StreamError> {
        let brokers = Topics::connect(settings)?;
        let kept = kept(&brokers, &place)?;
        if to >= kept.end {
            let reason = never_written(place.partition, from, to, kept);
            return Err(StreamError::Unread { topic: place.topic, reason });
        }
        let mut config = settings.config("land-range")?;
        config
            .set("group.id", GROUP)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // An offset that is kept no more has to be told, and not passed over.
            .set("auto.offset.reset", "error")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.message.max.bytes", "1048576")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "10");
        let inner = settings.consumer(&config)?;
        let mut reader = Self { inner, brokers, place, next: from, to, gone: Vec::new() };
        reader.pass_what_is_gone(kept.begin);
        reader.assign()?;
        Ok(reader)
    }

    /// Waits at most about `patience` for the next record and hands it to `take`.
    ///
    /// # Errors
    /// A refused login or a topic that was removed meanwhile: `Stop`. A broker that is away is waited for.
    pub fn next<T>(
        &mut self,
        patience: Duration,
        take: impl FnOnce(&Record<'_>) -> T,
    ) -> Result<Ranged<T>, StreamError> {
        if self.next > self.to {
            return Ok(Ranged::End);
        }
        match self.inner.poll(patience) {
            Some(Ok(message)) => {
                let record = Record::of(&message);
                if record.offset > self.to {
                    self.next = self.to.next();
                    return Ok(Ranged::End);
                }
                // Before `next` lies what was given already, should a broker give it once more.
                if record.offset < self.next {
                    return Ok(Ranged::Nothing);
                }
                self.next = record.offset.next();
                Ok(Ranged::Record(take(&record)))
            }
            Some(Err(KafkaError::PartitionEOF(_))) => self.at_the_end(),
            Some(Err(source)) => {
                self.inner.context().check()?;
                let code = source.rdkafka_error_code();
                let out_of_range = matches!(
                    code,
                    Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
                );
                let begin = if out_of_range { kept(&self.brokers, &self.place)?.begin } else { Offset::ZERO };
                if begin > self.next {
                    // Retention removed it while it was being read.
                    self.pass_what_is_gone(begin);
                    self.assign()?;
                } else if !passes(&source) {
                    return Err(StreamError::Consume { topic: self.place.topic.clone(), source });
                }
                Ok(Ranged::Nothing)
            }
            None => {
                self.next = self.next.max(self.position()?).min(self.to.next());
                Ok(if self.next > self.to { Ranged::End } else { Ranged::Nothing })
            }
        }
    }

    /// All of the range before it was given, is gone, or has no record.
    pub fn reached(&self) -> Offset {
        self.next
    }

    /// The offsets of the range that lie before the partition's first: their records aged away, or were deleted.
    pub fn gone(&self) -> &[RangeInclusive<i64>] {
        &self.gone
    }

    fn pass_what_is_gone(&mut self, begin: Offset) {
        let begin = begin.min(self.to.next());
        if self.next < begin {
            self.gone.push(self.next.get()..=begin.get() - 1);
            self.next = begin;
        }
    }

    fn assign(&self) -> Result<(), StreamError> {
        let consume = |source| StreamError::Consume { topic: self.place.topic.clone(), source };
        if self.next > self.to {
            return Ok(());
        }
        let mut assignment = TopicPartitionList::with_capacity(1);
        let TopicPartition { topic, partition } = &self.place;
        assignment
            .add_partition_offset(topic, *partition, KafkaOffset::Offset(self.next.get()))
            .map_err(consume)?;
        self.inner.assign(&assignment).map_err(consume)
    }

    /// Behind the last record that a reader of committed ones gets. The range ends before the partition does: what was not given of it
    /// are marks of transactions and aborted or compacted records, unless an open transaction holds it back.
    fn at_the_end<T>(&mut self) -> Result<Ranged<T>, StreamError> {
        let kept = kept(&self.brokers, &self.place)?;
        let ends = BTreeMap::from([(self.place.partition, kept)]);
        let open = self.brokers.open_among(&self.place.topic, &ends)?;
        match open.into_iter().find(|open| open.last_stable <= self.to) {
            Some(open) => Ok(Ranged::Held(open)),
            None => {
                self.next = self.to.next();
                Ok(Ranged::End)
            }
        }
    }

    /// Where the client would read next: it moves over what is never given, too.
    fn position(&self) -> Result<Offset, StreamError> {
        let consume = |source| StreamError::Consume { topic: self.place.topic.clone(), source };
        let position = self.inner.position().map_err(consume)?;
        let of = position.elements().first().map(|element| element.offset());
        Ok(match of {
            Some(KafkaOffset::Offset(offset)) => Offset(offset),
            _ => self.next,
        })
    }
}

/// What the partition has.
fn kept(brokers: &Topics, place: &TopicPartition) -> Result<Watermarks, StreamError> {
    let all = brokers.watermarks(&place.topic)?;
    let kept = all.get(&place.partition).copied();
    kept.ok_or_else(|| StreamError::Unread {
        topic: place.topic.clone(),
        reason: no_partition(place.partition, all.len()),
    })
}

fn no_partition(partition: i32, partitions: usize) -> String {
    match partitions {
        0 => "it does not exist; check its name".to_owned(),
        1 => format!("it has no partition {partition}, only partition 0"),
        more => format!("it has no partition {partition}: give one of 0 to {}", more - 1),
    }
}

/// Why a range that ends behind the partition is refused whole: it is a slip of the keyboard, or of another topic's.
fn never_written(partition: i32, from: Offset, to: Offset, Watermarks { begin, end }: Watermarks) -> String {
    let first = from.max(end);
    let has = if begin < end {
        format!("partition {partition} has offsets {begin} to {}", end - 1)
    } else {
        format!("partition {partition} has no record, and its next offset is {end}")
    };
    format!(
        "offsets {first} to {to} were never written: {has}. Give a range within it, both ends included; if the range was told by a \
         failed batch, the topic was made anew since, and its former records are gone"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_with_what_can() {
        assert_eq!(no_partition(9, 6), "it has no partition 9: give one of 0 to 5");
        assert!(no_partition(9, 1).ends_with("only partition 0"));
        let kept = |begin, end| Watermarks { begin: Offset(begin), end: Offset(end) };
        let words = never_written(3, Offset(90), Offset(120), kept(5, 100));
        assert!(
            words.starts_with("offsets 100 to 120 were never written: partition 3 has offsets 5 to 99"),
            "{words}"
        );
        let words = never_written(3, Offset(90), Offset(120), kept(7, 7));
        assert!(words.contains("offsets 90 to 120") && words.contains("its next offset is 7"), "{words}");
    }
}
