//! The on-failure destination SQS: a message for each batch that was given up, with what AWS tells of it. The records' own bytes
//! stay in Kafka, where the message says.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Url;
use serde_json::{Value, json};

use crate::http_invoke::emulators_client;
use crate::on_failure_destination::FailureDestination;
use crate::payload::payload;
use crate::record::OwnedRecord;

/// How long a queue may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends to a queue of an emulator by SQS's JSON protocol, unsigned: not AWS's, where the mapping itself does it.
#[derive(Debug)]
pub struct SqsDestination {
    http: reqwest::Client,
    endpoint: Url,
    queue: String,
    function: String,
}

/// Why an address is no queue's.
#[derive(Debug, thiserror::Error)]
pub enum BadQueueUrl {
    /// The address is not plain `http://`, or has no path behind the host. No retry helps.
    #[error("{0} is no queue's URL; give such as http://127.0.0.1:4566/000000000000/failed")]
    Address(String),
    /// The HTTP client could not be set up.
    #[error("no HTTP client could be made")]
    Client(#[source] reqwest::Error),
}

impl SqsDestination {
    /// The queue at `queue`, its URL, for what `function` could not settle.
    pub fn new(queue: &str, function: &str) -> Result<Self, BadQueueUrl> {
        let bad = || BadQueueUrl::Address(queue.to_owned());
        let mut endpoint = Url::parse(queue).map_err(|_| bad())?;
        if endpoint.scheme() != "http" || endpoint.path().len() < 2 {
            return Err(bad());
        }
        endpoint.set_path("/");
        let http = emulators_client(PATIENCE).map_err(BadQueueUrl::Client)?;
        Ok(Self { http, endpoint, queue: queue.to_owned(), function: function.to_owned() })
    }
}

/// What AWS sends of a batch of Kafka's.
fn told(function: &str, records: &[OwnedRecord]) -> Value {
    let mut partitions: BTreeMap<String, Vec<&OwnedRecord>> = BTreeMap::new();
    for record in records {
        partitions.entry(format!("{}-{}", record.topic, record.partition)).or_default().push(record);
    }
    let infos = partitions.into_iter().filter_map(|(place, records)| {
        let (first, last) = (records.first()?, records.last()?);
        let info = json!({
            "firstRecordOffset": first.offset.to_string(), "lastRecordOffset": last.offset.to_string(),
            "firstRecordTimestamp": first.timestamp, "lastRecordTimestamp": last.timestamp,
        });
        Some((place, info))
    });
    json!({
        "requestContext": { "functionArn": function, "condition": "RetryAttemptsExhausted" },
        "version": "1.0",
        "KafkaBatchInfo": {
            "batchSize": records.len(),
            "payloadSize": payload("", records).len(),
            "recordsInfo": infos.collect::<serde_json::Map<_, _>>(),
        },
    })
}

#[async_trait]
impl FailureDestination for SqsDestination {
    async fn keep(&self, records: &[OwnedRecord]) -> std::io::Result<()> {
        let message = told(&self.function, records).to_string();
        let body = json!({ "QueueUrl": self.queue, "MessageBody": message }).to_string();
        let sent = self
            .http
            .post(self.endpoint.clone())
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "AmazonSQS.SendMessage")
            // Emulators look only for the service's name in it.
            .header("authorization", "AWS4-HMAC-SHA256 Credential=none/20000101/us-east-1/sqs/aws4_request")
            .body(body);
        let response = sent.send().await.map_err(|error| std::io::Error::other(error.without_url()))?;
        let status = response.status();
        if !status.is_success() {
            let said = response.text().await.unwrap_or_default();
            return Err(std::io::Error::other(format!("the queue {} answered {status}: {said}", self.queue)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use millrace_events::instant::Millis;
    use millrace_events::position::Offset;

    use super::*;

    fn record(partition: i32, offset: i64) -> OwnedRecord {
        OwnedRecord {
            topic: "ad_events".to_owned(),
            partition,
            offset: Offset(offset),
            timestamp: Some(Millis(offset * 10)),
            key: None,
            value: Some(b"a value that stays in Kafka".to_vec()),
            headers: Vec::new(),
        }
    }

    #[test]
    fn a_message_says_where_the_records_are_and_nothing_of_them() {
        let told = told("land-events", &[record(0, 5), record(0, 6), record(2, 9)]);
        let batch = &told["KafkaBatchInfo"];
        assert_eq!(batch["batchSize"], 3);
        assert_eq!(batch["recordsInfo"]["ad_events-0"]["firstRecordOffset"], "5");
        assert_eq!(batch["recordsInfo"]["ad_events-0"]["lastRecordOffset"], "6");
        assert_eq!(batch["recordsInfo"]["ad_events-2"]["lastRecordTimestamp"], 90);
        assert!(!told.to_string().contains("stays in Kafka"));
    }

    #[test]
    fn what_is_no_queue_is_told() {
        for address in ["failed", "http://127.0.0.1:4566", "ftp://127.0.0.1/q"] {
            let error = SqsDestination::new(address, "f").expect_err("no queue").to_string();
            assert!(error.contains(address), "{error}");
        }
    }
}
