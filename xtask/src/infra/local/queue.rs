//! A queue of the emulators', where a person or a broker would be.

use anyhow::{Context, Result};

use crate::aws::Aws;

/// A queue that was made by hand.
pub(super) struct Queue {
    pub(super) url: String,
    pub(super) arn: String,
}

impl Queue {
    pub(super) fn make(aws: &Aws, name: &str) -> Result<Self> {
        let made = aws.ask(&["sqs", "create-queue", "--queue-name", name])?;
        let url = made["QueueUrl"].as_str().context("the queue has no URL")?.to_owned();
        let asked = ["sqs", "get-queue-attributes", "--queue-url", &url, "--attribute-names", "QueueArn"];
        let told = aws.ask(&asked)?;
        let arn = told["Attributes"]["QueueArn"].as_str().context("the queue has no ARN")?.to_owned();
        Ok(Self { url, arn })
    }

    /// From now on it hears what `topic` is told; answers the subscription's ARN.
    pub(super) fn listen(&self, aws: &Aws, topic: &str) -> Result<String> {
        let listens = [
            "sns",
            "subscribe",
            "--topic-arn",
            topic,
            "--protocol",
            "sqs",
            "--notification-endpoint",
            &self.arn,
        ];
        let subscription = aws.ask(&listens)?;
        subscription["SubscriptionArn"].as_str().map(str::to_owned).context("the subscription has no ARN")
    }

    /// The message that comes within ten seconds; `Null` where none does.
    pub(super) fn next(&self, aws: &Aws) -> Result<serde_json::Value> {
        let asked = ["sqs", "receive-message", "--wait-time-seconds", "10", "--queue-url", &self.url];
        Ok(aws.ask(&asked)?["Messages"][0].take())
    }
}
