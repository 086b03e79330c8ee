//! How large a batch of records a topic takes: `max.message.bytes`. A dead letter has to fit where its record did.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResourceResult, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

/// The topic's setting.
pub const MAX_MESSAGE_BYTES: &str = "max.message.bytes";

/// What a dead letter has beside its record: its failure context.
pub const STORY_ROOM: u64 = 64 << 10;

/// How long a topic that was just made may be unknown to one of the brokers.
const SETTLING: Duration = Duration::from_secs(5);

/// What a queue has to take of a topic that takes `source` bytes: the same record with its failure context.
pub fn limit_of_dead_letters(source: u64) -> u64 {
    source + STORY_ROOM
}

/// What topics take, in their order, or why the brokers do not tell: few may ask them for it, and the embedded one answers nobody.
pub(crate) async fn of_topics(
    admin: &AdminClient<DefaultClientContext>,
    topics: &[&str],
    patience: Duration,
) -> Result<Vec<u64>, KafkaError> {
    let asked: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    let begin = Instant::now();
    loop {
        let left = patience.saturating_sub(begin.elapsed()).max(Duration::from_millis(100));
        let options = AdminOptions::new().request_timeout(Some(left));
        let told = match admin.describe_configs(&asked, &options).await {
            Ok(told) => told.into_iter().map(limit).collect(),
            Err(KafkaError::AdminOp(code)) => Err(code),
            Err(error) => return Err(error),
        };
        match told {
            // It was made a moment ago: the broker that is asked does not know it yet, or knows none of its settings.
            Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::InvalidConfig)
                if begin.elapsed() < patience.min(SETTLING) =>
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            told => return told.map_err(KafkaError::AdminOp),
        }
    }
}

fn limit(topic: ConfigResourceResult) -> Result<u64, RDKafkaErrorCode> {
    let settings = topic?;
    let value = settings.get(MAX_MESSAGE_BYTES).and_then(|entry| entry.value.as_ref()?.parse().ok());
    value.ok_or(RDKafkaErrorCode::InvalidConfig)
}

/// Words for who has a queue that is too small for its topic's records.
pub(crate) fn too_small(topic: &str, limit: u64, queue: &str, limit_of_queue: u64) -> Option<String> {
    (limit_of_queue < limit).then(|| {
        format!(
            "{queue} takes {limit_of_queue} bytes at most and {topic} {limit}: a larger dead letter goes without its value; raise it \
             with kafka-configs.sh --alter --entity-type topics --entity-name {queue} --add-config {MAX_MESSAGE_BYTES}={}",
            limit_of_dead_letters(limit)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_too_small_where_its_topic_takes_more() {
        assert_eq!(too_small("t", 1_000, "t.dlq", 1_000), None);
        let words = too_small("t", 5_242_880, "t.dlq", 1_048_588).expect("it is too small");
        for told in ["t.dlq", "1048588", "5242880", "max.message.bytes=5308416"] {
            assert!(words.contains(told), "{told} is not in {words}");
        }
    }
}
