//! The member's side of the group's protocol: what comes and goes, and where each partition is read from.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use crate::StreamError;
use crate::client::ClientSettings;
use crate::handshake::Handshake;

/// What the group decided, in its order.
pub(super) enum News {
    Assigned(BTreeMap<(String, i32), i64>),
    Revoked(BTreeSet<(String, i32)>),
}

/// librdkafka calls it within a poll, on the caller's thread.
pub(super) struct Membership {
    pub(super) handshake: Handshake,
    group: String,
    patience: Duration,
    turns: Mutex<VecDeque<Result<News, StreamError>>>,
}

impl ClientContext for Membership {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Handshake::ENABLE_REFRESH_OAUTH_TOKEN;

    fn error(&self, error: KafkaError, said: &str) {
        self.handshake.error(error, said);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.handshake.generate_oauth_token(config)
    }
}

impl ConsumerContext for Membership {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let news = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(consumer, partitions).map(News::Assigned)
        } else {
            let failed = |source| StreamError::Consume { topic: self.group.clone(), source };
            let given_up = consumer.incremental_unassign(partitions).map_err(failed);
            given_up.map(|()| News::Revoked(places(partitions).collect()))
        };
        self.turns().push_back(news);
    }
}

impl Membership {
    pub(super) fn new(settings: &ClientSettings, group: &str) -> Self {
        Self {
            handshake: Handshake::new(settings),
            group: group.to_owned(),
            patience: settings.reach_timeout,
            turns: Mutex::default(),
        }
    }

    pub(super) fn turns(&self) -> MutexGuard<'_, VecDeque<Result<News, StreamError>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assign(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &TopicPartitionList,
    ) -> Result<BTreeMap<(String, i32), i64>, StreamError> {
        let starts = self.starts(consumer, partitions);
        let mut assignment = TopicPartitionList::new();
        let consume = |source| StreamError::Consume { topic: self.group.clone(), source };
        for ((topic, partition), offset) in starts.iter().flatten() {
            assignment.add_partition_offset(topic, *partition, Offset::Offset(*offset)).map_err(consume)?;
        }
        // Answered even where the starts are not known: the group waits for an answer, and nothing is read without a start.
        consumer.incremental_assign(&assignment).map_err(consume)?;
        starts
    }

    /// Where each partition goes on: stated, as librdkafka's own choice would jump where an offset is not there.
    fn starts(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &TopicPartitionList,
    ) -> Result<BTreeMap<(String, i32), i64>, StreamError> {
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in places(partitions) {
            asked.add_partition(&topic, partition);
        }
        let group = |source| StreamError::Consume { topic: format!("what {} committed", self.group), source };
        let committed = consumer.committed_offsets(asked, self.patience).map_err(group)?;
        let mut starts = BTreeMap::new();
        for element in committed.elements() {
            let (topic, partition) = (element.topic().to_owned(), element.partition());
            let consume = |source| StreamError::Consume { topic: topic.clone(), source };
            let (begin, end) =
                consumer.fetch_watermarks(&topic, partition, self.patience).map_err(consume)?;
            let start = match element.offset() {
                Offset::Offset(offset) => offset,
                _ => begin,
            };
            if start > end || start < begin {
                let reason = format!(
                    "the group {} goes on at offset {start} of partition {partition}, which has {begin} to {end}: its \
                     records aged away unread, or the topic was made anew; read it as another group, under a generation \
                     of its own",
                    self.group
                );
                return Err(StreamError::Unread { topic, reason });
            }
            starts.insert((topic, partition), start);
        }
        Ok(starts)
    }
}

fn places(partitions: &TopicPartitionList) -> impl Iterator<Item = (String, i32)> {
    partitions.elements().into_iter().map(|element| (element.topic().to_owned(), element.partition()))
}
