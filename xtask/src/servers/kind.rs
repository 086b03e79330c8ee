//! Which servers there are, who talks to them, and what each takes to run.

use std::path::Path;

use clap::ValueEnum;

use super::started::Started;
use super::{java, kafka, localstack, maven, ministack, python, registry, snowflake};

/// A server that we can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Apache Kafka, plain and SASL_SSL
    Kafka,
    /// AWS's S3, SQS, Secrets Manager and EventBridge by LocalStack
    Localstack,
    /// AWS's Lambda and Glue (and S3, SQS) by MiniStack
    Ministack,
    /// A schema registry of Confluent's API, by Apicurio
    Registry,
    /// Snowflake's protocol over a lake in a folder
    Snowflake,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Kafka, Self::Localstack, Self::Ministack, Self::Registry, Self::Snowflake];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Localstack => "localstack",
            Self::Ministack => "ministack",
            Self::Registry => "registry",
            Self::Snowflake => "snowflake",
        }
    }

    /// What a skip calls it.
    pub(super) fn check(self) -> &'static str {
        match self {
            Self::Kafka => "real Kafka",
            Self::Localstack => "LocalStack",
            Self::Ministack => "MiniStack",
            Self::Registry => "schema registry",
            Self::Snowflake => "Snowflake's protocol",
        }
    }

    /// The packages whose tests talk to it.
    pub(super) fn users(self) -> &'static [&'static str] {
        match self {
            Self::Kafka => &["millrace-stream", "millrace-tests", "millrace-bench-land"],
            Self::Registry => &["millrace-stream", "millrace-tests"],
            Self::Localstack => &["millrace-event-source", "millrace-lake", "millrace-tests"],
            Self::Ministack => &["millrace-glue", "millrace-lake", "millrace-bench-compact"],
            Self::Snowflake => &["millrace-snowflake"],
        }
    }

    /// The variable that names it to the tests.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Kafka => kafka::BROKERS,
            Self::Localstack => localstack::S3,
            Self::Ministack => ministack::URL,
            Self::Registry => registry::URL,
            Self::Snowflake => snowflake::URL,
        }
    }

    /// Why this machine cannot run it; `None` where it can.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::Kafka | Self::Registry => java::missing(17).or_else(maven::missing),
            Self::Localstack => python::missing(localstack::PYTHON),
            Self::Ministack => python::missing(ministack::PYTHON),
            Self::Snowflake => python::missing(snowflake::PYTHON),
        }
    }

    /// Starts it, what it writes into `folder`, and waits until it answers.
    pub(crate) fn start(self, folder: &Path) -> anyhow::Result<Started> {
        match self {
            Self::Kafka => kafka::start(folder),
            Self::Localstack => localstack::start(folder),
            Self::Ministack => ministack::start(folder),
            Self::Registry => registry::start(folder),
            Self::Snowflake => snowflake::start(folder),
        }
    }
}
