//! What a Lambda function answers to a batch of Kafka records: which of them have to come again.

use millrace_events::position::Offset;
use serde::{Deserialize, Serialize};

/// The answer to a Kafka event source mapping whose `FunctionResponseTypes` holds `ReportBatchItemFailures`, as AWS
/// documents it in the Lambda Developer Guide ("Configuring error handling controls for Kafka event sources", page
/// `kafka-retry-configurations`): a failed record is named by its topic with its partition behind a hyphen, the key
/// under which the payload had it, and its offset.
///
/// ```json
/// {"batchItemFailures": [{"itemIdentifier": {"partition": "users_created-0", "offset": 123}}]}
/// ```
///
/// An empty list says that every record is done. The guide says that "only the failed records" are retried, and does
/// not say what becomes of those behind one in its partition: whoever has failed at a record therefore names it *and*
/// every later one of its partition in the batch, which is right by either reading.
///
/// Without `ReportBatchItemFailures` in the mapping AWS looks at no answer and takes the whole batch as done: the
/// mapping must have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The records that are not done; AWS's `batchItemFailures`.
    #[serde(default, deserialize_with = "null_is_none_failed")]
    pub batch_item_failures: Vec<ItemFailure>,
}

/// One record that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// AWS's `itemIdentifier`.
    pub item_identifier: ItemIdentifier,
}

/// Which record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemIdentifier {
    /// `<topic>-<partition>`.
    pub partition: String,
    /// The record's offset in the partition.
    pub offset: Offset,
}

impl ItemIdentifier {
    /// The record at `offset` of the topic's partition.
    pub fn new(topic: &str, partition: i32, offset: Offset) -> Self {
        Self { partition: partition_key(topic, partition), offset }
    }
}

/// `<topic>-<partition>`: the name of a partition in payloads and answers.
pub fn partition_key(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}

impl FromIterator<ItemIdentifier> for BatchResponse {
    fn from_iter<I: IntoIterator<Item = ItemIdentifier>>(items: I) -> Self {
        let failure = |item_identifier| ItemFailure { item_identifier };
        Self { batch_item_failures: items.into_iter().map(failure).collect() }
    }
}

/// AWS takes a null list as an empty one.
fn null_is_none_failed<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ItemFailure>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_shape_that_aws_reads() {
        let failed = ItemIdentifier::new("users_created", 0, Offset(123));
        let answer: BatchResponse = [failed].into_iter().collect();
        let json =
            r#"{"batchItemFailures":[{"itemIdentifier":{"partition":"users_created-0","offset":123}}]}"#;
        assert_eq!(serde_json::to_string(&answer).expect("texts and numbers"), json);
        assert_eq!(serde_json::from_str::<BatchResponse>(json).expect("its own shape"), answer);
        for done in [r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#, "{}"] {
            assert_eq!(serde_json::from_str::<BatchResponse>(done).expect(done), BatchResponse::default());
        }
        let wrong = r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#;
        assert!(serde_json::from_str::<BatchResponse>(wrong).is_err());
    }
}
