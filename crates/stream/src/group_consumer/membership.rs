//! The member's side of the group's protocol: what comes and goes, and where each partition is read from.

use millrace_events::position::{Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use crate::StreamError;
use crate::client::ClientSettings;
use crate::handshake::Handshake;
use crate::topics::Topics;

/// What the group decided, in its order.
pub(super) enum News {
    Assigned(BTreeMap<TopicPartition, Offset>),
    Revoked(BTreeSet<TopicPartition>),
}

/// librdkafka calls it within a poll, on the caller's thread.
pub(super) struct Membership {
    pub(super) handshake: Handshake,
    group: String,
    settings: ClientSettings,
    /// Where the partitions that came were begun.
    begun: Mutex<BTreeMap<TopicPartition, Offset>>,
    turns: Mutex<VecDeque<Result<News, StreamError>>>,
    /// How many turns there are: asked before each record, where a lock would cost as much as a field's decoding.
    waiting: AtomicUsize,
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
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).push_back(news);
        self.waiting.fetch_add(1, Ordering::Release);
    }
}

impl Membership {
    pub(super) fn new(settings: &ClientSettings, group: &str) -> Self {
        Self {
            handshake: settings.handshake(),
            group: group.to_owned(),
            settings: settings.clone(),
            begun: Mutex::default(),
            turns: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The first of the group's decisions that was not taken yet.
    pub(super) fn next_turn(&self) -> Option<Result<News, StreamError>> {
        if self.waiting.load(Ordering::Acquire) == 0 {
            return None;
        }
        let turn = self.turns.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        Some(turn)
    }

    fn assign(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &TopicPartitionList,
    ) -> Result<BTreeMap<TopicPartition, Offset>, StreamError> {
        let starts = self.starts(consumer, partitions);
        let mut assignment = TopicPartitionList::new();
        let consume = |source| StreamError::Consume { topic: self.group.clone(), source };
        for (TopicPartition { topic, partition }, offset) in starts.iter().flatten() {
            assignment
                .add_partition_offset(topic, *partition, KafkaOffset::Offset(offset.get()))
                .map_err(consume)?;
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
    ) -> Result<BTreeMap<TopicPartition, Offset>, StreamError> {
        let mut asked = TopicPartitionList::new();
        for TopicPartition { topic, partition } in places(partitions) {
            asked.add_partition(&topic, partition);
        }
        let group = |source| StreamError::Consume { topic: format!("what {} committed", self.group), source };
        let committed = consumer.committed_offsets(asked, self.settings.reach_timeout).map_err(group)?;
        let mut starts = BTreeMap::new();
        for element in committed.elements() {
            let (topic, partition) = (element.topic().to_owned(), element.partition());
            let consume = |source| StreamError::Consume { topic: topic.clone(), source };
            let watermarks = consumer.fetch_watermarks(&topic, partition, self.settings.reach_timeout);
            let (begin, end) =
                watermarks.map(|(begin, end)| (Offset(begin), Offset(end))).map_err(consume)?;
            let start = match element.offset() {
                KafkaOffset::Offset(offset) => Offset(offset),
                _ => begin,
            };
            if let Some(reason) = self.why_not(&topic, partition, start, begin, end)? {
                return Err(StreamError::Unread { topic, reason });
            }
            starts.insert(TopicPartition { topic, partition }, start);
        }
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).extend(starts.clone());
        Ok(starts)
    }

    /// Why a partition that has `begin` to `end` cannot be read from `next` on, if it cannot.
    fn why_not(
        &self,
        topic: &str,
        partition: i32,
        next: Offset,
        begin: Offset,
        end: Offset,
    ) -> Result<Option<String>, StreamError> {
        let group = &self.group;
        if next < begin {
            return Ok(Some(format!(
                "offsets {next} to {} of partition {partition} are kept no more, and the group {group} had not committed them: what \
                 records they held aged away or were deleted unread. To go on with what is kept, read it as another group under \
                 the same generation: what landed before has its positions already and is no row twice",
                begin - 1
            )));
        }
        if next <= end {
            return Ok(None);
        }
        // A reader of committed records sees an end before open transactions; who set the group's offset may have seen more.
        let ends = Topics::connect(&self.settings)?.watermarks(topic)?;
        let end = ends.get(&partition).map_or(end, |ends| ends.end);
        Ok((next > end).then(|| {
            format!(
                "the group {group} goes on at offset {next} of partition {partition}, which has {begin} to {end}: the topic was made anew; \
                 read it as another group, under a generation of its own"
            )
        }))
    }

    /// Where each partition would be read next: behind all that was given, and behind what is never given, as marks of
    /// transactions and aborted records are.
    pub(super) fn positions(
        &self,
        consumer: &BaseConsumer<Self>,
    ) -> Result<BTreeMap<TopicPartition, Offset>, KafkaError> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let position = |element: &TopicPartitionListElem<'_>| {
            let place = TopicPartition::new(element.topic(), element.partition());
            let position = match element.offset() {
                KafkaOffset::Offset(offset) => Offset(offset),
                _ => *begun.get(&place)?,
            };
            Some((place, position))
        };
        Ok(consumer.position()?.elements().iter().filter_map(position).collect())
    }

    /// Which partition it is that cannot be read on, and why.
    pub(super) fn out_of_range(&self, consumer: &BaseConsumer<Self>) -> Option<StreamError> {
        for (TopicPartition { topic, partition }, next) in self.positions(consumer).ok()? {
            let (begin, end) =
                consumer.fetch_watermarks(&topic, partition, self.settings.reach_timeout).ok()?;
            let (begin, end) = (Offset(begin), Offset(end));
            if let Some(reason) = self.why_not(&topic, partition, next, begin, end).ok()? {
                return Some(StreamError::Unread { topic, reason });
            }
        }
        None
    }
}

fn places(partitions: &TopicPartitionList) -> impl Iterator<Item = TopicPartition> {
    partitions.elements().into_iter().map(|element| TopicPartition::new(element.topic(), element.partition()))
}
