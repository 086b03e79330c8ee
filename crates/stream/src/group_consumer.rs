//! Reads topics together with others: a group shares the partitions, and shares them anew when members come and go.
//!
//! # Contract
//! - **Delivery**: at least once. A partition is read from what its group committed (where it committed nothing, from its
//!   first record), so whatever was taken and not committed comes again, here or to another member.
//! - **Order**: records of one partition come in the order of their offsets, without a gap, from its [`Turn::Assigned`] to
//!   its [`Turn::Revoked`]. Nothing of a partition comes outside of these two.
//! - **A revoked partition is somebody else's** from the moment that [`next`](GroupConsumer::next) says so. What its reader
//!   holds of it and has not committed is to be dropped: the next owner reads it again. Whoever writes it all the same
//!   writes rows a second time, which only their positions tell apart.
//! - **Commits** follow durability: [`commit`](GroupConsumer::commit) says that everything before an offset is safe
//!   elsewhere. It never commits for a partition that has moved; see [`Commit`].
//! - **An offset that the brokers do not have** (aged away, or the topic was made anew) is an error and never a jump.
//! - One thread calls it, and calls `next` or `rest` at least every five minutes; a member that stays away longer loses its partitions.
//! - After an error, drop it and join again, or stop: the class of the [`StreamError`] says which.

mod membership;

use millrace_events::position::{Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use crate::StreamError;
use crate::batch_consumer::BatchConsumer;
use crate::client::ClientSettings;
use crate::consumer::passes;
use crate::record::{Header, Record};
use membership::{Membership, News};

/// What became of a wait for the next record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn<T> {
    /// What the caller made of the record that came.
    Record(T),
    /// Nothing within the patience; more may come.
    Nothing,
    /// These partitions are this member's from now on, each from the offset beside it. The place to hold them against the
    /// lake ([`check_generation`](crate::topics::check_generation)) before a record is taken.
    Assigned(BTreeMap<TopicPartition, Offset>),
    /// These are another's: drop what was not committed.
    Revoked(BTreeSet<TopicPartition>),
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// The brokers have it.
    Done,
    /// The group is sharing its partitions anew, and took nothing: go on with `next`. Where the partition stays, commit it
    /// once more, or later with what follows.
    Later,
    /// The partition is not this member's: nothing was committed.
    Moved,
}

/// A member of a consumer group. It leaves the group where it is dropped.
pub struct GroupConsumer {
    inner: BatchConsumer<Membership>,
    topics: String,
    owned: BTreeSet<TopicPartition>,
    /// The one of these that the last record was of: records of one partition come together.
    last: Option<TopicPartition>,
    /// The room of the last record's headers.
    spare: Vec<Header<'static>>,
    /// Whether what is owned is paused.
    rests: bool,
}

impl std::fmt::Debug for GroupConsumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupConsumer")
            .field("topics", &self.topics)
            .field("owned", &self.owned)
            .finish_non_exhaustive()
    }
}

impl GroupConsumer {
    /// Asks to be let into `group`. Answers at once; that it was let in is told by [`Turn::Assigned`].
    ///
    /// # Errors
    /// The settings are wrong. A login that is refused is an error of the first `next`.
    pub fn join(settings: &ClientSettings, group: &str, topics: &[&str]) -> Result<Self, StreamError> {
        let inner: BaseConsumer<Membership> = settings
            .config("group-consumer")?
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            // Only what moves is revoked: the rest of a member's open work is kept.
            .set("partition.assignment.strategy", "cooperative-sticky")
            // How long a new partition goes unseen.
            .set("topic.metadata.refresh.interval.ms", "5000")
            // How long a killed member's partitions lie idle.
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "2000")
            // What waits in the client is memory too: about this much for all partitions together.
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.message.max.bytes", "1048576")
            .set("fetch.wait.max.ms", "100")
            // How long a full queue stays unfilled. The client's own second would be spent waiting at each 8 MiB.
            .set("fetch.queue.backoff.ms", "10")
            .create_with_context(Membership::new(settings, group))
            .map_err(StreamError::Settings)?;
        let joined = topics.join(", ");
        let consume = |source| StreamError::Consume { topic: joined.clone(), source };
        inner.subscribe(topics).map_err(consume)?;
        let inner = BatchConsumer::new(inner).map_err(consume)?;
        Ok(Self {
            inner,
            topics: joined,
            owned: BTreeSet::new(),
            last: None,
            spare: Vec::new(),
            rests: false,
        })
    }

    /// Waits at most `patience` for the next record and hands it to `take`, or says which partitions came or went. Short
    /// patience is no busy wait for a member that has other things to do.
    ///
    /// # Errors
    /// A refused login, a topic that is not there, an offset that is kept no more: `Stop`. No answer about what was
    /// committed: `Retry`. A broker that is away is waited for.
    pub fn next<T>(
        &mut self,
        patience: Duration,
        take: impl FnOnce(&Record<'_>) -> T,
    ) -> Result<Turn<T>, StreamError> {
        /// News are looked for this often where no record comes.
        const LOOK: Duration = Duration::from_millis(50);
        if let Some(turn) = self.moved() {
            return turn;
        }
        if std::mem::take(&mut self.rests) {
            self.inner.client().resume(&self.assignment()).map_err(|source| self.unread(source))?;
        }
        while self.inner.is_used_up() && self.inner.has_news() {
            match self.inner.client().poll(Duration::ZERO) {
                // One that was fetched before its partition was gathered.
                Some(Ok(message)) => {
                    let record = Record::of(&message);
                    if is_owned(&self.owned, &mut self.last, &record) {
                        return Ok(Turn::Record(take(&record)));
                    }
                }
                Some(Err(source)) => self.judge(source)?,
                None => {}
            }
            if let Some(turn) = self.moved() {
                return turn;
            }
        }
        if self.inner.is_used_up() && !self.inner.refill(patience.min(LOOK)) {
            return Ok(Turn::Nothing);
        }
        while let Some(next) = self.inner.next(std::mem::take(&mut self.spare)) {
            match next {
                Ok(record) if is_owned(&self.owned, &mut self.last, &record) => {
                    let taken = take(&record);
                    self.spare = emptied(record.headers);
                    return Ok(Turn::Record(taken));
                }
                // One that was fetched before its partition went.
                Ok(_) => {}
                Err(source) => self.judge(source)?,
            }
        }
        Ok(Turn::Nothing)
    }

    /// Stays a member for at most `patience`, and takes no record: for who is busy with what it took for longer than
    /// `next` may be away. What the client held of further records is fetched again by the `next` that follows; what is left of a
    /// batch is given by it first.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn rest(&mut self, patience: Duration) -> Result<Turn<Infallible>, StreamError> {
        if let Some(turn) = self.moved() {
            return turn;
        }
        // Each time, as partitions may have come.
        self.rests = true;
        self.inner.client().pause(&self.assignment()).map_err(|source| self.unread(source))?;
        match self.inner.client().poll(patience) {
            // Of a partition that came within this very poll. It was not taken, and so is to be read again.
            Some(Ok(message)) => {
                let offset = KafkaOffset::Offset(message.offset());
                let sought = self.inner.client().seek(message.topic(), message.partition(), offset, patience);
                sought.map_err(|source| self.unread(source))?;
            }
            Some(Err(source)) => {
                self.judge(source)?;
            }
            None => {}
        }
        self.moved().unwrap_or(Ok(Turn::Nothing))
    }

    fn assignment(&self) -> TopicPartitionList {
        let mut partitions = TopicPartitionList::with_capacity(self.owned.len());
        for TopicPartition { topic, partition } in &self.owned {
            partitions.add_partition(topic, *partition);
        }
        partitions
    }

    fn unread(&self, source: KafkaError) -> StreamError {
        StreamError::Consume { topic: self.topics.clone(), source }
    }

    /// The first news of partitions that was not told yet.
    fn moved<T>(&mut self) -> Option<Result<Turn<T>, StreamError>> {
        let turn = self.inner.client().context().next_turn()?;
        Some(turn.and_then(|turn| match turn {
            News::Assigned(starts) => {
                for TopicPartition { topic, partition } in starts.keys() {
                    let consume = |source| StreamError::Consume { topic: topic.clone(), source };
                    self.inner.gather(topic, *partition).map_err(consume)?;
                }
                self.owned.extend(starts.keys().cloned());
                Ok(Turn::Assigned(starts))
            }
            News::Revoked(partitions) => {
                self.last = None;
                for TopicPartition { topic, partition } in &partitions {
                    self.inner.release(topic, *partition);
                }
                self.owned.retain(|place| !partitions.contains(place));
                Ok(Turn::Revoked(partitions))
            }
        }))
    }

    fn judge(&self, source: KafkaError) -> Result<(), StreamError> {
        self.inner.client().context().handshake.check()?;
        let unread =
            |reason: &str| Err(StreamError::Unread { topic: self.topics.clone(), reason: reason.to_owned() });
        match source.rdkafka_error_code() {
            // It takes part again by itself, and its partitions are told as revoked.
            Some(RDKafkaErrorCode::PollExceeded) => {
                tracing::warn!(
                    topics = self.topics,
                    "the group went on without this member, which was away too long"
                );
                Ok(())
            }
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                unread("it does not exist (any more); check its name, or make it")
            }
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                match self.inner.client().context().out_of_range(self.inner.client()) {
                    Some(error) => Err(error),
                    None => unread(
                        "the brokers do not have the offset that follows what was read: its records aged away unread, or the topic \
                         was made anew",
                    ),
                }
            }
            _ if passes(&source) => {
                tracing::debug!(error = %source, topics = self.topics, "the broker is away, waiting for it");
                Ok(())
            }
            _ => Err(StreamError::Consume { topic: self.topics.clone(), source }),
        }
    }

    /// Commits that everything before `next_offset` is durable elsewhere. Blocks until the broker has it.
    pub fn commit(&self, topic: &str, partition: i32, next_offset: Offset) -> Result<Commit, StreamError> {
        let failed =
            |source| StreamError::Commit { topic: topic.to_owned(), partition, offset: next_offset, source };
        if !self.owned.contains(&TopicPartition::new(topic, partition)) {
            return Ok(Commit::Moved);
        }
        let mut offsets = TopicPartitionList::with_capacity(1);
        offsets
            .add_partition_offset(topic, partition, KafkaOffset::Offset(next_offset.get()))
            .map_err(failed)?;
        match self.inner.client().commit(&offsets, CommitMode::Sync) {
            Ok(()) => Ok(Commit::Done),
            Err(error) => match error.rdkafka_error_code() {
                // The brokers refuse a member that does not know of the newest sharing yet: nothing of it may stand.
                Some(
                    RDKafkaErrorCode::IllegalGeneration
                    | RDKafkaErrorCode::UnknownMemberId
                    | RDKafkaErrorCode::RebalanceInProgress
                    | RDKafkaErrorCode::AssignmentLost,
                ) => Ok(Commit::Later),
                _ => Err(failed(error)),
            },
        }
    }

    /// Commits as [`commit`](Self::commit) does, and again for some seconds while the group is sharing its partitions:
    /// for who goes on only when it knows. [`Commit::Later`] says that the time was not enough; what follows commits it too.
    pub fn commit_patiently(
        &self,
        topic: &str,
        partition: i32,
        next_offset: Offset,
    ) -> Result<Commit, StreamError> {
        const PAUSE: Duration = Duration::from_millis(100);
        for _ in 0..20 {
            match self.commit(topic, partition, next_offset)? {
                Commit::Later => std::thread::sleep(PAUSE),
                settled => return Ok(settled),
            }
        }
        Ok(Commit::Later)
    }

    /// The offset that each of its partitions is read from next: before it lies nothing that was not given. It passes what is never
    /// given (marks of transactions, aborted records, what a compaction removed), so that it reaches the partition's end. To be asked
    /// after [`Turn::Nothing`]: while records come, some are fetched that were not given yet.
    pub fn positions(&self) -> Result<BTreeMap<TopicPartition, Offset>, StreamError> {
        let positions = self.inner.client().context().positions(self.inner.client());
        let mut positions =
            positions.map_err(|source| StreamError::Consume { topic: self.topics.clone(), source })?;
        positions.retain(|place, _| self.owned.contains(place));
        Ok(positions)
    }

    /// The partitions that are this member's, as far as it was told.
    pub fn owned(&self) -> &BTreeSet<TopicPartition> {
        &self.owned
    }
}

fn is_owned(
    owned: &BTreeSet<TopicPartition>,
    last: &mut Option<TopicPartition>,
    record: &Record<'_>,
) -> bool {
    let is_of = |place: &TopicPartition| place.is(record.topic, record.partition);
    if !last.as_ref().is_some_and(is_of) {
        *last = owned.iter().find(|place| is_of(place)).cloned();
    }
    last.is_some()
}

/// The same memory, for headers of another record: the standard library maps vectors where they lie.
fn emptied(mut headers: Vec<Header<'_>>) -> Vec<Header<'static>> {
    headers.clear();
    headers.into_iter().map(|_| ("", None)).collect()
}
