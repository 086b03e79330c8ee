//! Topics made as the contract has them, where they are missing. What is there is looked at and left: nothing is removed, made smaller
//! or grown, and what differs is told to whoever may decide.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use millrace_events::topic_contract::{DEAD_LETTER_PARTITIONS, DEAD_LETTER_RETENTION, PARTITIONS};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use serde::Serialize;

use crate::StreamError;
use crate::admin::{self, Admin, NewTopic, RETENTION};
use crate::call_trace;
use crate::client::ClientSettings;
use crate::message_limits;
use crate::topic_settings::{self, TopicSettings};
use crate::topics::{Topics, dead_letters_of};

/// How long a topic that somebody else has just made may be missing in what a broker tells.
const SETTLING: Duration = Duration::from_secs(3);

/// A topic of events that has to be there, and its dead-letter topic with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicContract {
    /// Its name, without `.dlq`.
    pub topic: String,
    /// How long it has to keep records, at least.
    pub retention: Duration,
}

/// What came of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicReport {
    /// Its name.
    pub topic: String,
    /// In a word.
    pub outcome: Outcome,
    /// How many partitions it has; `None` where the login may not see it.
    pub partitions: Option<i32>,
    /// What is not as the contract has it, in words, with what to do about it. Nothing was changed for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
}

/// In a word, what came of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was missing.
    Created,
    /// It was there, as it has to be.
    There,
    /// It was there, and is not as the contract has it.
    Differs,
}

/// Makes the topics of the contract and their dead-letter topics, each where it is missing, and answers what is there now. A second run
/// changes nothing, and two at once make each topic once.
///
/// # Errors
/// The brokers are not reached, or refuse to make a topic. What was made before stays, and another run goes on from there.
pub async fn make_topics(
    settings: &ClientSettings,
    contract: &[TopicContract],
) -> Result<Vec<TopicReport>, StreamError> {
    let topics = Topics::connect(settings)?;
    // Before the client that makes topics: a refused login is heard here.
    topics.all()?;
    let admin = admin::connect(settings)?;
    make(&Brokers { topics, admin, patience: settings.reach_timeout }, contract).await
}

/// What is asked of the brokers; the embedded one makes no topics by request, so that tests bring their own.
trait Cluster {
    /// Every topic that the login may see, with its partitions. Blocks.
    fn partitions(&self) -> Result<BTreeMap<String, i32>, StreamError>;

    async fn create(
        &self,
        new: &[NewTopic],
    ) -> Result<Vec<(String, Result<(), RDKafkaErrorCode>)>, StreamError>;

    /// In the topics' order.
    async fn settings(&self, topics: &[&str]) -> Vec<Result<TopicSettings, KafkaError>>;
}

struct Brokers {
    topics: Topics,
    admin: Admin,
    patience: Duration,
}

impl Cluster for Brokers {
    fn partitions(&self) -> Result<BTreeMap<String, i32>, StreamError> {
        self.topics.all()
    }

    async fn create(
        &self,
        new: &[NewTopic],
    ) -> Result<Vec<(String, Result<(), RDKafkaErrorCode>)>, StreamError> {
        for topic in new {
            call_trace::tell("CreateTopics", &topic.name);
        }
        admin::create(&self.admin, new, self.patience).await
    }

    async fn settings(&self, topics: &[&str]) -> Vec<Result<TopicSettings, KafkaError>> {
        for topic in topics {
            call_trace::tell("DescribeConfigs", topic);
        }
        topic_settings::of_topics(&self.admin, topics, self.patience).await
    }
}

/// What a topic that was there lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Difference {
    Unseen,
    Fewer {
        has: i32,
        wanted: i32,
    },
    Untold(String),
    Shorter {
        has: Duration,
        wanted: Duration,
    },
    Longer {
        has: Option<Duration>,
    },
    /// [`message_limits::too_small`]'s words.
    TooSmall(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen => f.write_str(
                "it exists, and this login may not see it: grant kafka-cluster:DescribeTopic on it, or Describe by Kafka's ACLs",
            ),
            Self::Fewer { has, wanted } => write!(
                f,
                "it has {has} partitions and {wanted} are wanted; it is not grown, as a key would go on in another partition than the \
                 one that has its earlier records: that is for a new topic generation"
            ),
            Self::Untold(why) => write!(
                f,
                "the brokers do not tell its settings ({why}): grant kafka-cluster:DescribeTopicDynamicConfiguration on it, or \
                 DescribeConfigs by Kafka's ACLs"
            ),
            Self::Shorter { has, wanted } => write!(
                f,
                "it keeps records for {}, and {} are wanted: set {RETENTION}={}",
                hours(*has),
                hours(*wanted),
                wanted.as_millis()
            ),
            Self::Longer { has } => write!(
                f,
                "it keeps dead letters {}, and no longer than {} is wanted, as they have producers' bytes in them: set {RETENTION}={}",
                has.map_or_else(|| "for ever".to_owned(), |has| format!("for {}", hours(has))),
                hours(DEAD_LETTER_RETENTION),
                DEAD_LETTER_RETENTION.as_millis()
            ),
            Self::TooSmall(words) => f.write_str(words),
        }
    }
}

fn hours(retention: Duration) -> String {
    format!("{:.1} hours", retention.as_secs_f64() / 3_600.0).replace(".0 ", " ")
}

async fn make(cluster: &impl Cluster, contract: &[TopicContract]) -> Result<Vec<TopicReport>, StreamError> {
    let there = cluster.partitions()?;
    let is_missing = |topic: &str| !there.contains_key(topic);
    let events = contract.iter().filter(|it| is_missing(&it.topic));
    let events: Vec<_> = events.map(|it| NewTopic::of_events(&it.topic, Some(it.retention))).collect();
    let mut created = create(cluster, &events).await?;

    // How large a letter may be follows from what its topic takes.
    let topics: Vec<_> = contract.iter().map(|it| it.topic.as_str()).collect();
    let told = cluster.settings(&topics).await;
    let mut letters = Vec::new();
    for (topic, told) in topics.iter().zip(&told) {
        let queue = dead_letters_of(topic);
        if is_missing(&queue) {
            if let Err(why) = told {
                tracing::warn!("{}", message_limits::untold(topic, &queue, why));
            }
            letters.push(NewTopic::of_dead_letters(&queue, told.as_ref().ok().map(|it| it.limit)));
        }
    }
    created.extend(create(cluster, &letters).await?);

    let queues: Vec<_> = topics.iter().map(|topic| dead_letters_of(topic)).collect();
    let kept: Vec<_> = queues.iter().map(String::as_str).filter(|queue| !created.contains(*queue)).collect();
    let told_of_kept = cluster.settings(&kept).await;
    let told_of_kept: BTreeMap<_, _> = kept.into_iter().zip(told_of_kept).collect();
    let seen = seen(cluster, there, contract, &created).await?;
    let mut reports = Vec::new();
    for ((it, told), queue) in contract.iter().zip(&told).zip(&queues) {
        reports.push(report(&it.topic, PARTITIONS, &created, &seen, || event_differences(it, told)));
        reports.push(report(queue, DEAD_LETTER_PARTITIONS, &created, &seen, || {
            let told_of_queue = told_of_kept.get(queue.as_str());
            told_of_queue
                .map(|it_told| letter_differences(&it.topic, told.as_ref().ok(), queue, it_told))
                .unwrap_or_default()
        }));
    }
    Ok(reports)
}

/// Makes topics in one request, and answers which of them were made; the others somebody else has made meanwhile.
async fn create(cluster: &impl Cluster, new: &[NewTopic]) -> Result<BTreeSet<String>, StreamError> {
    let mut created = BTreeSet::new();
    let mut failure = None;
    for (topic, made) in cluster.create(new).await? {
        match made {
            Ok(()) => drop(created.insert(topic)),
            Err(RDKafkaErrorCode::TopicAlreadyExists) => {}
            Err(code) => drop(failure.get_or_insert_with(|| admin::unmade(topic, code))),
        }
    }
    failure.map_or(Ok(created), Err)
}

/// Every topic, once those are among them that were not missing after all. One that the login may not see never comes.
async fn seen(
    cluster: &impl Cluster,
    mut there: BTreeMap<String, i32>,
    contract: &[TopicContract],
    created: &BTreeSet<String>,
) -> Result<BTreeMap<String, i32>, StreamError> {
    let wanted = contract.iter().flat_map(|it| [it.topic.clone(), dead_letters_of(&it.topic)]);
    let wanted: Vec<_> = wanted.filter(|topic| !created.contains(topic)).collect();
    let begin = Instant::now();
    while wanted.iter().any(|topic| !there.contains_key(topic)) && begin.elapsed() < SETTLING {
        tokio::time::sleep(Duration::from_millis(200)).await;
        there = cluster.partitions()?;
    }
    Ok(there)
}

fn report(
    topic: &str,
    wanted: i32,
    created: &BTreeSet<String>,
    seen: &BTreeMap<String, i32>,
    differences: impl FnOnce() -> Vec<Difference>,
) -> TopicReport {
    let topic = topic.to_owned();
    if created.contains(&topic) {
        return TopicReport {
            topic,
            outcome: Outcome::Created,
            partitions: Some(wanted),
            differences: Vec::new(),
        };
    }
    let partitions = seen.get(&topic).copied();
    let mut found = match partitions {
        None => vec![Difference::Unseen],
        Some(has) if has < wanted => vec![Difference::Fewer { has, wanted }],
        Some(_) => Vec::new(),
    };
    found.extend(differences());
    let outcome = if found.is_empty() { Outcome::There } else { Outcome::Differs };
    let differences = found.iter().map(ToString::to_string).collect();
    TopicReport { topic, outcome, partitions, differences }
}

fn event_differences(contract: &TopicContract, told: &Result<TopicSettings, KafkaError>) -> Vec<Difference> {
    let wanted = contract.retention;
    match told {
        Err(why) => vec![Difference::Untold(why.to_string())],
        Ok(TopicSettings { retention: Some(has), .. }) if *has < wanted => {
            vec![Difference::Shorter { has: *has, wanted }]
        }
        Ok(_) => Vec::new(),
    }
}

fn letter_differences(
    topic: &str,
    told: Option<&TopicSettings>,
    queue: &str,
    told_of_queue: &Result<TopicSettings, KafkaError>,
) -> Vec<Difference> {
    let settings = match told_of_queue {
        Err(why) => return vec![Difference::Untold(why.to_string())],
        Ok(settings) => settings,
    };
    let wanted = DEAD_LETTER_RETENTION;
    let retention = match settings.retention {
        Some(has) if has < wanted => Some(Difference::Shorter { has, wanted }),
        Some(has) if has == wanted => None,
        has => Some(Difference::Longer { has }),
    };
    let words = told.and_then(|it| message_limits::too_small(topic, it.limit, queue, settings.limit));
    retention.into_iter().chain(words.map(Difference::TooSmall)).collect()
}

#[cfg(test)]
mod tests;
