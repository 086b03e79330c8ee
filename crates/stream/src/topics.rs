//! Topics: their names, their making, and whether they are still of the generation that the lake knows.

use millrace_events::position::Offset;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use millrace_events::topic_contract::PARTITIONS;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use crate::StreamError;
use crate::admin::{self, NewTopic};
use crate::client::ClientSettings;
use crate::handshake::{Handshake, listen};
use crate::message_limits;
use crate::open_transaction::OpenTransaction;
use crate::topic_settings;

/// `users_created`.
pub const USERS_CREATED: &str = "users_created";

/// The dead-letter topic of a topic.
pub fn dead_letters_of(topic: &str) -> String {
    format!("{topic}{DEAD_LETTERS}")
}

const DEAD_LETTERS: &str = ".dlq";

/// Whether a topic is one of dead letters.
pub fn is_dead_letters(topic: &str) -> bool {
    topic.ends_with(DEAD_LETTERS)
}

/// How long it is waited for what is only good to know: the embedded broker never tells its limits.
const LOOK: Duration = Duration::from_secs(2);

/// Where a topic's partitions begin and end: `begin` is the first offset kept, `end` the next to be written (the high watermark).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset kept.
    pub begin: Offset,
    /// The next offset to be written: exclusive.
    pub end: Offset,
}

impl Watermarks {
    /// Offsets kept. Records are as many, or fewer where a topic is compacted or written in transactions.
    pub fn messages(self) -> i64 {
        (self.end - self.begin).max(0)
    }
}

/// A connection for looking at topics and making them.
pub struct Topics {
    settings: ClientSettings,
    /// Sees the records of open transactions too: where partitions end.
    client: BaseConsumer<Handshake>,
    /// Sees committed records alone. Made when it is asked.
    committed: OnceLock<BaseConsumer<Handshake>>,
    /// Whether the brokers did not tell how large a record may be: then they are not asked again.
    untold: AtomicBool,
}

impl std::fmt::Debug for Topics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topics").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Topics {
    /// Sets up the client; brokers are met when something is asked of them.
    pub fn connect(settings: &ClientSettings) -> Result<Self, StreamError> {
        let client =
            settings.consumer(settings.config("topics")?.set("isolation.level", "read_uncommitted"))?;
        Ok(Self {
            settings: settings.clone(),
            client,
            committed: OnceLock::new(),
            untold: AtomicBool::new(false),
        })
    }

    /// How many partitions a topic has; `None` where there is no such topic. Blocks.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>, StreamError> {
        Ok(self.all()?.remove(topic))
    }

    /// Every topic with its number of partitions, those of the brokers' own bookkeeping included. Blocks.
    pub fn all(&self) -> Result<BTreeMap<String, i32>, StreamError> {
        let metadata = self.metadata()?;
        let topics = metadata.topics().iter().map(|topic| {
            (topic.name().to_owned(), i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX))
        });
        Ok(topics.filter(|(_, partitions)| *partitions > 0).collect())
    }

    /// Asks in slices, as a refusal is heard only between two questions; a slice grows, so that a slow answer gets its time.
    fn metadata(&self) -> Result<Metadata, StreamError> {
        let patience = self.settings.reach_timeout;
        let begin = Instant::now();
        let mut slice = Duration::from_millis(500);
        loop {
            listen(&self.client);
            let asked = Instant::now();
            let left = patience.saturating_sub(begin.elapsed()).max(Duration::from_millis(1));
            let source = match self.client.fetch_metadata(None, slice.min(left)) {
                Ok(metadata) => return Ok(metadata),
                Err(source) => source,
            };
            listen(&self.client);
            self.client.context().check()?;
            if begin.elapsed() >= patience {
                return Err(StreamError::Unreachable {
                    brokers: self.settings.brokers.clone(),
                    seconds: patience.as_secs(),
                    said: self.client.context().last_words(),
                    source: Box::new(source),
                });
            }
            // One that fails at once is not asked again at once.
            std::thread::sleep(Duration::from_millis(100).saturating_sub(asked.elapsed()));
            slice *= 2;
        }
    }

    /// Makes `topic` with [`PARTITIONS`] partitions, and its dead-letter topic with one, where they are missing. The dead letters'
    /// takes what the topic takes, and the letter's story. What is there stays as it is, and is told where it is too small.
    pub async fn ensure(&self, topic: &str) -> Result<(), StreamError> {
        let queue = dead_letters_of(topic);
        let (there, queue_there) = (self.partitions(topic)?.is_some(), self.partitions(&queue)?.is_some());
        let admin = admin::connect(&self.settings)?;
        let patience = self.settings.reach_timeout;
        if !there {
            make(&admin, NewTopic::of_events(topic, None), patience).await?;
        }
        if queue_there {
            if self.untold.load(Ordering::Relaxed) {
                return Ok(());
            }
            let limits = topic_settings::limits(&admin, &[topic, &queue], patience.min(LOOK)).await;
            let words =
                limits.as_ref().map(|limits| message_limits::too_small(topic, limits[0], &queue, limits[1]));
            match words {
                Ok(None) => {}
                Ok(Some(words)) => tracing::warn!("{words}"),
                Err(why) => {
                    self.untold.store(true, Ordering::Relaxed);
                    tracing::debug!(topic, %why, "the brokers do not tell how large a record may be");
                }
            }
            return Ok(());
        }
        let limit = topic_settings::limits(&admin, &[topic], patience).await;
        let limit = limit.map(|limits| limits[0]);
        if let Err(why) = &limit {
            tracing::warn!("{}", message_limits::untold(topic, &queue, why));
        }
        make(&admin, NewTopic::of_dead_letters(&queue, limit.ok()), patience).await
    }

    /// The watermarks of each of a topic's partitions. Blocks.
    pub fn watermarks(&self, topic: &str) -> Result<BTreeMap<i32, Watermarks>, StreamError> {
        self.watermarks_of(topic, self.partitions(topic)?.unwrap_or(0))
    }

    pub(crate) fn watermarks_of(
        &self,
        topic: &str,
        partitions: i32,
    ) -> Result<BTreeMap<i32, Watermarks>, StreamError> {
        let consume = |source| StreamError::Consume { topic: topic.to_owned(), source };
        let timeout = self.settings.reach_timeout;
        listen(&self.client);
        (0..partitions)
            .map(|partition| {
                let (begin, end) =
                    self.client.fetch_watermarks(topic, partition, timeout).map_err(consume)?;
                Ok((partition, Watermarks { begin: Offset(begin), end: Offset(end) }))
            })
            .collect()
    }
}

impl Topics {
    /// The partitions of a topic in which a transaction is open. Blocks.
    pub fn open_transactions(&self, topic: &str) -> Result<Vec<OpenTransaction>, StreamError> {
        self.open_among(topic, &self.watermarks(topic)?)
    }

    /// The same where the ends were asked for a moment ago: a partition whose last stable offset still lies before one has a
    /// transaction open.
    pub(crate) fn open_among(
        &self,
        topic: &str,
        ends: &BTreeMap<i32, Watermarks>,
    ) -> Result<Vec<OpenTransaction>, StreamError> {
        let consume = |source| StreamError::Consume { topic: topic.to_owned(), source };
        let client = match self.committed.get() {
            Some(client) => client,
            None => {
                let made = self.settings.consumer(&self.settings.config("topics")?)?;
                self.committed.get_or_init(|| made)
            }
        };
        let mut asked = TopicPartitionList::with_capacity(ends.len());
        for &partition in ends.keys() {
            // In an instant's place: the end, as one who reads committed records sees it.
            asked.add_partition_offset(topic, partition, KafkaOffset::End).map_err(consume)?;
        }
        let told = client.offsets_for_times(asked, self.settings.reach_timeout).map_err(consume)?;
        let mut open = Vec::new();
        for element in told.elements_for_topic(topic) {
            element.error().map_err(consume)?;
            let (partition, KafkaOffset::Offset(last_stable)) = (element.partition(), element.offset())
            else {
                continue;
            };
            let last_stable = Offset(last_stable);
            let high_watermark = ends.get(&partition).map_or(Offset::ZERO, |ends| ends.end);
            if last_stable < high_watermark {
                open.push(OpenTransaction {
                    topic: topic.to_owned(),
                    partition,
                    last_stable,
                    high_watermark,
                });
            }
        }
        Ok(open)
    }
}

/// Makes one topic, or finds that somebody else was quicker.
async fn make(admin: &admin::Admin, new: NewTopic, patience: Duration) -> Result<(), StreamError> {
    for (topic, made) in admin::create(admin, &[new], patience).await? {
        match made {
            Ok(()) | Err(RDKafkaErrorCode::TopicAlreadyExists) => {}
            Err(code) => return Err(admin::unmade(topic, code)),
        }
    }
    Ok(())
}

/// Holds a broker's ends against the highest offsets that the lake has of a generation: a partition that ends at or
/// below one of them was made anew, and its offsets would be taken for the old ones.
pub fn check_generation(
    topic: &str,
    generation: &str,
    ends: &BTreeMap<i32, Watermarks>,
    landed: impl IntoIterator<Item = (i32, Offset)>,
) -> Result<(), StreamError> {
    for (partition, landed) in landed {
        let end = ends.get(&partition).map_or(Offset::ZERO, |watermarks| watermarks.end);
        if end <= landed {
            return Err(StreamError::AnotherGeneration {
                topic: topic.to_owned(),
                partition,
                generation: generation.to_owned(),
                end,
                landed,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_made_anew_is_noticed() {
        let kept = |end| Watermarks { begin: Offset::ZERO, end: Offset(end) };
        let ends = |end| BTreeMap::from([(0, kept(end)), (1, kept(50))]);
        let landed = [(0, Offset(9))];
        assert!(check_generation("t", "g1", &ends(10), landed).is_ok());
        let error = check_generation("t", "g1", &ends(9), landed)
            .expect_err("offset 9 is landed and not yet written");
        assert!(error.to_string().contains("--generation"), "{error}");
        assert!(check_generation("t", "g1", &BTreeMap::new(), landed).is_err());
    }
}
