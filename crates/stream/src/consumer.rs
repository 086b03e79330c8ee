//! Reads records of given partitions from given offsets; an offset is committed only when it is told to be.

use millrace_events::position::{Offset, TopicPartition};
use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use crate::StreamError;
use crate::base_offsets::BaseOffsets;
use crate::call_trace;
use crate::client::ClientSettings;
use crate::handshake::Handshake;
use crate::record::Record;

/// A consumer of assigned partitions, in a group of its own.
pub struct Consumer {
    inner: BaseConsumer<Handshake>,
    topics: String,
    base_offsets: BaseOffsets,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Consumer {
    /// Reads each `(topic, partition)` from the offset beside it; here as everywhere, offsets are those in the generation of
    /// the topic ([`BaseOffsets`]).
    ///
    /// An offset that the broker does not have (any more) is an error and never a jump to another.
    pub fn assign(
        settings: &ClientSettings,
        group: &str,
        starts: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<Self, StreamError> {
        let mut config = settings.config("consumer")?;
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            // What waits in the client is memory too: about this much for all partitions together.
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.message.max.bytes", "1048576")
            .set("fetch.wait.max.ms", "20")
            .set("fetch.queue.backoff.ms", "10");
        let inner = settings.consumer(&config)?;
        let topics = starts
            .keys()
            .map(|partition| partition.topic.as_str())
            .collect::<std::collections::BTreeSet<_>>();
        let topics = topics.into_iter().collect::<Vec<_>>().join(", ");
        let consume = |source| StreamError::Consume { topic: topics.clone(), source };
        let base_offsets = settings.base_offsets.clone();
        let mut assignment = TopicPartitionList::with_capacity(starts.len());
        for (TopicPartition { topic, partition }, offset) in starts {
            let offset = KafkaOffset::Offset(offset.get() - base_offsets.of(topic, *partition));
            assignment.add_partition_offset(topic, *partition, offset).map_err(consume)?;
        }
        inner.assign(&assignment).map_err(consume)?;
        for topic in topics.split(", ") {
            call_trace::tell("Fetch", topic);
        }
        Ok(Self { inner, topics, base_offsets })
    }

    /// Waits at most `patience` for the next record and hands it to `take`. Answers `None` where none came.
    ///
    /// # Errors
    /// Of class `Stop`, a refused login among them; a broker that is away is waited for.
    pub fn next<T>(
        &self,
        patience: Duration,
        take: impl FnOnce(&Record<'_>) -> T,
    ) -> Result<Option<T>, StreamError> {
        match self.inner.poll(patience) {
            None => Ok(None),
            Some(Ok(message)) => {
                let mut record = Record::of(&message);
                record.offset =
                    self.base_offsets.in_generation(record.topic, record.partition, record.offset);
                Ok(Some(take(&record)))
            }
            Some(Err(source)) => {
                self.inner.context().check()?;
                if !passes(&source) {
                    return Err(StreamError::Consume { topic: self.topics.clone(), source });
                }
                tracing::debug!(error = %source, topics = self.topics, "the broker is away, waiting for it");
                Ok(None)
            }
        }
    }

    /// Commits that everything before `next_offset` is durable elsewhere. Blocks until the broker has it.
    pub fn commit(&self, topic: &str, partition: i32, next_offset: Offset) -> Result<(), StreamError> {
        let failed =
            |source| StreamError::Commit { topic: topic.to_owned(), partition, offset: next_offset, source };
        let mut offsets = TopicPartitionList::with_capacity(1);
        let offset = KafkaOffset::Offset(next_offset.get() - self.base_offsets.of(topic, partition));
        offsets.add_partition_offset(topic, partition, offset).map_err(failed)?;
        self.inner.commit(&offsets, CommitMode::Sync).map_err(failed)
    }
}

impl Consumer {
    /// Says where each partition begins, so that what lies before it counts as behind nobody. Blocks.
    pub fn commit_starts(&self, starts: &BTreeMap<TopicPartition, Offset>) -> Result<(), StreamError> {
        let consume = |source| StreamError::Consume { topic: self.topics.clone(), source };
        let mut offsets = TopicPartitionList::with_capacity(starts.len());
        for (TopicPartition { topic, partition }, offset) in starts {
            let offset = KafkaOffset::Offset(offset.get() - self.base_offsets.of(topic, *partition));
            offsets.add_partition_offset(topic, *partition, offset).map_err(consume)?;
        }
        self.inner.commit(&offsets, CommitMode::Sync).map_err(consume)
    }
}

/// Errors after which librdkafka goes on by itself.
pub(crate) fn passes(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::PartitionEOF
                // A connection that broke in the middle of a login; one that was refused is told by the handshake.
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SSL
        )
    )
}
