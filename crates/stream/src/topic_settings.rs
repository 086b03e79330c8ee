//! What a topic that is there is set to, as far as it matters here.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, ConfigResourceResult, ResourceSpecifier};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::admin::{Admin, RETENTION};
use crate::message_limits::MAX_MESSAGE_BYTES;

/// How long a topic that was just made may be unknown to one of the brokers.
const SETTLING: Duration = Duration::from_secs(5);

/// A topic's settings, those that follow from the brokers' own included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    /// What a batch of records may have in bytes.
    pub(crate) limit: u64,
    /// How long records are kept; `None`: for ever.
    pub(crate) retention: Option<Duration>,
}

/// How large a batch topics take, in their order, or why the brokers do not tell.
pub(crate) async fn limits(
    admin: &Admin,
    topics: &[&str],
    patience: Duration,
) -> Result<Vec<u64>, KafkaError> {
    of_topics(admin, topics, patience).await.into_iter().map(|it| it.map(|it| it.limit)).collect()
}

/// Topics' settings, in their order, or why the brokers do not tell: few may ask them for it, and the embedded one answers nobody.
pub(crate) async fn of_topics(
    admin: &Admin,
    topics: &[&str],
    patience: Duration,
) -> Vec<Result<TopicSettings, KafkaError>> {
    let asked: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    if asked.is_empty() {
        return Vec::new();
    }
    let begin = Instant::now();
    loop {
        let left = patience.saturating_sub(begin.elapsed()).max(Duration::from_millis(100));
        let options = AdminOptions::new().request_timeout(Some(left));
        let told: Vec<_> = match admin.describe_configs(&asked, &options).await {
            Ok(told) => told.into_iter().map(|it| read(it).map_err(KafkaError::AdminOp)).collect(),
            Err(error) => topics.iter().map(|_| Err(error.clone())).collect(),
        };
        if !told.iter().any(is_settling) || begin.elapsed() >= patience.min(SETTLING) {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// It was made a moment ago: the broker that is asked does not know it yet, or knows none of its settings.
fn is_settling(told: &Result<TopicSettings, KafkaError>) -> bool {
    let settling = [RDKafkaErrorCode::UnknownTopicOrPartition, RDKafkaErrorCode::InvalidConfig];
    matches!(told, Err(KafkaError::AdminOp(code)) if settling.contains(code))
}

fn read(topic: ConfigResourceResult) -> Result<TopicSettings, RDKafkaErrorCode> {
    let settings = topic?;
    let value = |name| settings.get(name).and_then(|entry| entry.value.as_ref()?.parse::<i64>().ok());
    let (limit, retention) =
        value(MAX_MESSAGE_BYTES).zip(value(RETENTION)).ok_or(RDKafkaErrorCode::InvalidConfig)?;
    Ok(TopicSettings {
        limit: u64::try_from(limit).map_err(|_| RDKafkaErrorCode::InvalidConfig)?,
        // -1 is Kafka's word for "for ever".
        retention: u64::try_from(retention).ok().map(Duration::from_millis),
    })
}
