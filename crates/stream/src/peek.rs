//! A look into a topic: its records in the order of their arrival here, without a group, without a commit.

use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use crate::StreamError;
use crate::call_trace;
use crate::client::ClientSettings;
use crate::consumer::passes;
use crate::handshake::Handshake;
use crate::record::Record;
use crate::topics::{Topics, Watermarks};

/// librdkafka wants a name before it reads; nothing is ever committed under it.
const GROUP: &str = "millrace-peek";

/// How long a new partition goes unseen by a look without an end.
const NEW_PARTITIONS: Duration = Duration::from_secs(5);

/// Where a look begins, in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The first record kept.
    Beginning,
    /// Behind the last record.
    End,
    /// This offset, or the nearest that the partition has.
    Offset(Offset),
    /// The first record of this instant or later, in milliseconds since 1970, UTC; records before it are passed over.
    Timestamp(Millis),
}

/// Where a look ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At the ends that the partitions had when it began.
    End,
    /// Nowhere: what is produced later comes too.
    Followed,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peeked<T> {
    /// What the caller made of the record that came.
    Record(T),
    /// Nothing within the patience; more may come.
    Nothing,
    /// Everything was given.
    End,
}

/// A reader of all partitions of one topic. It holds about 8 MiB of records at most, whatever the topic's size.
pub struct Peek {
    inner: BaseConsumer<Handshake>,
    topic: String,
    /// The offset where each partition that is still read ends; `None` where the look has no end.
    ends: Option<BTreeMap<i32, Offset>>,
    /// How many partitions are read, and when it was last looked whether there are more: for a look without an end.
    partitions: i32,
    looked: Instant,
    brokers: Topics,
    not_before: Option<Millis>,
}

impl std::fmt::Debug for Peek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peek").field("topic", &self.topic).field("ends", &self.ends).finish_non_exhaustive()
    }
}

impl Peek {
    /// Finds the places to begin and to end. Blocks.
    ///
    /// # Errors
    /// There is no such topic (`Stop`), or no broker that answers (`Retry`).
    pub fn open(
        settings: &ClientSettings,
        topic: &str,
        start: Start,
        until: Until,
    ) -> Result<Self, StreamError> {
        let consume = |source| StreamError::Consume { topic: topic.to_owned(), source };
        let brokers = Topics::connect(settings)?;
        let partitions = brokers.watermarks(topic)?;
        if partitions.is_empty() {
            let reason = "it does not exist; check its name".to_owned();
            return Err(StreamError::Unread { topic: topic.to_owned(), reason });
        }
        let mut config = settings.config("peek")?;
        config
            .set("group.id", GROUP)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // What a broker drops between the two questions is not worth an error: it is a look.
            .set("auto.offset.reset", "earliest")
            // What waits in the client is memory too: about this much for all partitions together.
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.message.max.bytes", "1048576")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "10");
        let inner = settings.consumer(&config)?;
        let starts = starts(&inner, topic, start, &partitions, settings.reach_timeout).map_err(consume)?;
        let ends = (until == Until::End).then(|| {
            let left = partitions.iter().filter(|(partition, watermarks)| starts[partition] < watermarks.end);
            left.map(|(partition, watermarks)| (*partition, watermarks.end)).collect::<BTreeMap<_, _>>()
        });
        let mut assignment = TopicPartitionList::new();
        for (&partition, &offset) in &starts {
            if ends.as_ref().is_none_or(|ends| ends.contains_key(&partition)) {
                assignment
                    .add_partition_offset(topic, partition, KafkaOffset::Offset(offset.get()))
                    .map_err(consume)?;
            }
        }
        inner.assign(&assignment).map_err(consume)?;
        call_trace::tell("Fetch", topic);
        let not_before = match start {
            Start::Timestamp(instant) => Some(instant),
            _ => None,
        };
        let count = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
        let (topic, looked) = (topic.to_owned(), Instant::now());
        Ok(Self { inner, topic, ends, partitions: count, looked, brokers, not_before })
    }

    /// Waits at most about `patience` for the next record and hands it to `take`.
    ///
    /// # Errors
    /// As [`Consumer::next`](crate::consumer::Consumer::next). A broker that is away for a while is waited for.
    pub fn next<T>(
        &mut self,
        patience: Duration,
        take: impl FnOnce(&Record<'_>) -> T,
    ) -> Result<Peeked<T>, StreamError> {
        let begin = Instant::now();
        let mut left = patience;
        if self.ends.is_none() && self.looked.elapsed() >= NEW_PARTITIONS {
            self.take_new_partitions()?;
        }
        loop {
            if self.ends.as_ref().is_some_and(BTreeMap::is_empty) {
                return Ok(Peeked::End);
            }
            // What is passed over takes time as well; the first question is asked whatever the patience.
            if left.is_zero() && !patience.is_zero() {
                return Ok(Peeked::Nothing);
            }
            let message = self.inner.poll(left);
            left = patience.saturating_sub(begin.elapsed());
            let message = match message {
                None => return Ok(Peeked::Nothing),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    // Behind the last record there may be marks of transactions, which are never given.
                    finish(&mut self.ends, partition);
                    continue;
                }
                Some(Err(source)) => {
                    self.inner.context().check()?;
                    if !passes(&source) {
                        return Err(StreamError::Consume { topic: self.topic.clone(), source });
                    }
                    tracing::debug!(error = %source, topic = self.topic, "the broker is away, waiting for it");
                    continue;
                }
                Some(Ok(message)) => message,
            };
            let record = Record::of(&message);
            let mut wanted = self
                .not_before
                .zip(record.timestamp)
                .is_none_or(|(not_before, timestamp)| timestamp >= not_before);
            if let Some(ends) = &mut self.ends {
                // Produced after the look began, or given once more.
                wanted &= ends.get(&record.partition).is_some_and(|end| record.offset < *end);
                if ends.get(&record.partition).is_some_and(|end| record.offset.next() >= *end) {
                    finish(&mut self.ends, record.partition);
                }
            }
            if wanted {
                return Ok(Peeked::Record(take(&record)));
            }
        }
    }
}

impl Peek {
    /// A partition that was made since is read from its beginning: all of it came later.
    fn take_new_partitions(&mut self) -> Result<(), StreamError> {
        self.looked = Instant::now();
        // Brokers that are away are waited for, here as well.
        let Ok(Some(partitions)) = self.brokers.partitions(&self.topic) else { return Ok(()) };
        let consume = |source| StreamError::Consume { topic: self.topic.clone(), source };
        let mut new = TopicPartitionList::new();
        for partition in self.partitions..partitions {
            new.add_partition_offset(&self.topic, partition, KafkaOffset::Beginning).map_err(consume)?;
        }
        if new.count() > 0 {
            self.inner.incremental_assign(&new).map_err(consume)?;
            self.partitions = partitions;
        }
        Ok(())
    }
}

fn finish(ends: &mut Option<BTreeMap<i32, Offset>>, partition: i32) {
    if let Some(ends) = ends {
        ends.remove(&partition);
    }
}

/// The offset at which to begin in each partition, within what it keeps.
fn starts(
    client: &BaseConsumer<Handshake>,
    topic: &str,
    start: Start,
    partitions: &BTreeMap<i32, Watermarks>,
    patience: Duration,
) -> Result<BTreeMap<i32, Offset>, KafkaError> {
    let (looked_up, by_time) = match start {
        Start::Timestamp(instant) => {
            let found = offsets_at(client, topic, instant, partitions, patience)?;
            // A broker that finds no instant at all, not even the first, does not look: the embedded one.
            let missing: BTreeSet<_> =
                partitions.keys().filter(|p| !found.contains_key(p)).copied().collect();
            let any = if missing.is_empty() {
                BTreeMap::new()
            } else {
                offsets_at(client, topic, Millis(0), partitions, patience)?
            };
            (found, any)
        }
        _ => (BTreeMap::new(), BTreeMap::new()),
    };
    let begin = |(&partition, &Watermarks { begin, end }): (&i32, &Watermarks)| {
        let offset = match start {
            Start::Beginning => begin,
            Start::End => end,
            Start::Offset(offset) => offset,
            Start::Timestamp(_) => match looked_up.get(&partition) {
                Some(offset) => *offset,
                None if by_time.contains_key(&partition) => end,
                // Read from its beginning: what is too early is passed over one by one.
                None => begin,
            },
        };
        (partition, offset.clamp(begin, end.max(begin)))
    };
    Ok(partitions.iter().map(begin).collect())
}

/// The first offset of an instant or later; a partition without one is missing.
fn offsets_at(
    client: &BaseConsumer<Handshake>,
    topic: &str,
    instant: Millis,
    partitions: &BTreeMap<i32, Watermarks>,
    patience: Duration,
) -> Result<BTreeMap<i32, Offset>, KafkaError> {
    let mut asked = TopicPartitionList::new();
    for &partition in partitions.keys() {
        // The instant travels in the offset's place.
        asked.add_partition_offset(topic, partition, KafkaOffset::Offset(instant.get().max(0)))?;
    }
    let answered = client.offsets_for_times(asked, patience)?;
    let found = answered.elements_for_topic(topic);
    let found = found.iter().filter_map(|element| match element.offset() {
        KafkaOffset::Offset(offset) if offset >= 0 => Some((element.partition(), Offset(offset))),
        _ => None,
    });
    Ok(found.collect())
}
