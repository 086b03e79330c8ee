//! The on-failure queue on LocalStack, which MILLRACE_TEST_LOCALSTACK names (`http://127.0.0.1:<port>`).
#![allow(clippy::unwrap_used, reason = "a test may")]

use millrace_event_source::OwnedRecord;
use millrace_event_source::on_failure_destination::FailureDestination;
use millrace_event_source::sqs_destination::SqsDestination;
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_skips::skipped;
use serde_json::{Value, json};

const ENDPOINT: &str = "MILLRACE_TEST_LOCALSTACK";

/// A call of SQS's JSON protocol by a client that is not the one under test.
async fn sqs(endpoint: &str, action: &str, body: Value) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().tls_certs_only(std::iter::empty::<reqwest::Certificate>());
    let request = http.no_proxy().build().unwrap().post(endpoint);
    let request = request
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{action}"))
        .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20000101/us-east-1/sqs/aws4_request")
        .body(body.to_string());
    let answer = request.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{action} was answered {answer}"))
}

#[tokio::test]
async fn what_was_given_up_is_told_to_a_queue() {
    let Ok(endpoint) = std::env::var(ENDPOINT) else {
        skipped("the on-failure queue", &format!("no LocalStack, {ENDPOINT} is not set"));
        return;
    };
    let name = format!("failed-{}", std::process::id());
    let queue = sqs(&endpoint, "CreateQueue", json!({ "QueueName": name })).await;
    let queue = queue["QueueUrl"].as_str().unwrap().replace("localhost", "127.0.0.1");
    let record = |offset| OwnedRecord {
        topic: "ad_events".to_owned(),
        partition: 1,
        offset: Offset(offset),
        timestamp: Some(Millis(1_770_091_200_000)),
        key: None,
        value: Some(b"not told".to_vec()),
        headers: Vec::new(),
    };
    SqsDestination::new(&queue, "land-events").unwrap().keep(&[record(7), record(8)]).await.unwrap();
    let received = sqs(&endpoint, "ReceiveMessage", json!({ "QueueUrl": queue, "WaitTimeSeconds": 5 })).await;
    let message: Value = serde_json::from_str(received["Messages"][0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(message["KafkaBatchInfo"]["recordsInfo"]["ad_events-1"]["lastRecordOffset"], "8");

    let gone = SqsDestination::new(&format!("{queue}-gone"), "land-events").unwrap();
    let error = gone.keep(&[record(7)]).await.unwrap_err().to_string();
    assert!(error.contains("-gone answered 400"), "{error}");
}
