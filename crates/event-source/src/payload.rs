//! The payload of an invocation, as AWS writes it for a cluster of one's own.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_stream::batch_response::partition_key;
use serde::Serialize;

use crate::record::OwnedRecord;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    event_source: &'static str,
    bootstrap_servers: &'a str,
    records: BTreeMap<String, Vec<PayloadRecord<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PayloadRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: Offset,
    timestamp: Millis,
    timestamp_type: &'static str,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<BTreeMap<&'a str, Option<Vec<i8>>>>,
}

/// The payload of `records`, grouped under `<topic>-<partition>` and in their order within each.
pub fn payload(bootstrap_servers: &str, records: &[OwnedRecord]) -> Vec<u8> {
    let mut groups: BTreeMap<String, Vec<PayloadRecord<'_>>> = BTreeMap::new();
    for record in records {
        let base64 = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| BASE64_STANDARD.encode(bytes));
        // Java's bytes are signed.
        let signed = |bytes: &Vec<u8>| bytes.iter().map(|byte| byte.cast_signed()).collect();
        let headers = record.headers.iter();
        groups.entry(partition_key(&record.topic, record.partition)).or_default().push(PayloadRecord {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp.unwrap_or(Millis(-1)),
            timestamp_type: if record.timestamp.is_some() { "CREATE_TIME" } else { "NO_TIMESTAMP_TYPE" },
            key: base64(&record.key),
            value: base64(&record.value),
            headers: headers
                .map(|(name, value)| BTreeMap::from([(name.as_str(), value.as_ref().map(signed))]))
                .collect(),
        });
    }
    let payload = Payload { event_source: "SelfManagedKafka", bootstrap_servers, records: groups };
    // Texts and numbers under text keys always make JSON.
    serde_json::to_vec(&payload).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use millrace_stream::lambda_event::{self, KafkaEvent};
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60))
    }

    proptest! {
        #[test]
        fn a_function_reads_what_was_written_and_the_size_is_never_guessed_too_small(
            key in bytes(), value in bytes(), timestamp in proptest::option::of(0_i64..4_000_000_000_000),
            headers in proptest::collection::vec(("[a-zé\"]{0,9}", bytes()), 0..4), offset in 0_i64..,
        ) {
            let (topic, offset, timestamp) = ("t".to_owned(), Offset(offset), timestamp.map(Millis));
            let record = OwnedRecord { topic, partition: 3, offset, timestamp, key, value, headers };
            let written = payload("localhost:9092", std::slice::from_ref(&record));
            prop_assert!(written.len() <= record.payload_bytes() + 128, "{}", written.len());
            let event: KafkaEvent = serde_json::from_slice(&written).unwrap();
            let read = lambda_event::records(&event).unwrap();
            prop_assert_eq!(read.len(), 1);
            prop_assert!(OwnedRecord::from(&read[0].as_record()) == record);
        }
    }
}
