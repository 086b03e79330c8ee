//! Settings and brokers that are wrong, seen as Lambda sees them. What is made is shown on a real Kafka
//! (crates/stream/tests/real_kafka_topics.rs), since the embedded broker makes no topics by request.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use create_topics::{Function, FunctionError, Request};
use millrace_events::failure::{Class, Classified as _};
use millrace_runtime::Secret;
use millrace_runtime::secret_source::{SecretError, SecretSource};
use millrace_runtime::settings::Environment;
use millrace_stream::StreamError;

#[derive(Debug)]
struct NoSecrets;

impl SecretSource for NoSecrets {
    fn fetch(&self, id: &str) -> Result<Secret, SecretError> {
        panic!("{id} is asked for")
    }
}

fn function(variables: &[(&str, &str)]) -> Function {
    let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Function::new(Environment::of(variables), Arc::new(NoSecrets))
}

async fn failure(variables: &[(&str, &str)]) -> FunctionError {
    function(variables).invoke(Request::default()).await.unwrap_err()
}

/// Where nobody listens.
const NOBODY: (&str, &str) = ("MILLRACE_BROKERS", "127.0.0.1:9");

#[tokio::test]
async fn wrong_settings_stop_and_are_told_at_once() {
    let error = failure(&[NOBODY, ("MILLRACE_TOPICS", "users"), ("MILLRACE_RETENTION_HOURS", "0")]).await;
    assert_eq!(error.class(), Class::Stop);
    let told = error.to_string();
    assert!(told.contains("MILLRACE_TOPICS") && told.contains("MILLRACE_RETENTION_HOURS"), "{told}");
    let told = failure(&[]).await.to_string();
    assert!(told.contains("MILLRACE_BROKERS") && told.contains("MILLRACE_RETENTION_HOURS"), "{told}");
}

#[tokio::test]
async fn brokers_that_do_not_answer_are_tried_again() {
    let error = failure(&[NOBODY, ("MILLRACE_RETENTION_HOURS", "168")]).await;
    assert!(matches!(error, FunctionError::Stream(StreamError::Unreachable { .. })), "{error}");
    assert_eq!(error.class(), Class::Retry);
}

#[test]
fn whoever_invokes_it_has_nothing_to_choose() {
    let asked = |event: &str| serde_json::from_str::<Request>(event);
    assert!(asked("{}").is_ok() && asked(r#"{"topics": ["mine"]}"#).is_err());
    let sample = include_str!("../events/create.json");
    assert!(asked(sample).is_ok());
}
