//! How large a batch of records a topic takes: `max.message.bytes`. A dead letter has to fit where its record did.

use rdkafka::error::KafkaError;

/// The topic's setting.
pub const MAX_MESSAGE_BYTES: &str = "max.message.bytes";

/// What a dead letter has beside its record: its failure context.
pub const STORY_ROOM: u64 = 64 << 10;

/// What a queue has to take of a topic that takes `source` bytes: the same record with its failure context.
pub(crate) fn limit_of_dead_letters(source: u64) -> u64 {
    source + STORY_ROOM
}

/// Words for who makes a queue without knowing what its topic takes.
pub(crate) fn untold(topic: &str, queue: &str, why: &KafkaError) -> String {
    format!(
        "the brokers do not tell how large a record {topic} takes ({why}), so {queue} takes what they take unless told otherwise: a \
         dead letter that is larger goes without its value"
    )
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
