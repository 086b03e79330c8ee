//! The Lambda function: settings from the environment, one look at all topics an invocation.

use std::sync::Arc;
use std::time::Duration;

use millrace_events::failure::{Class, Classified};
use millrace_runtime::Meter;
use millrace_runtime::metrics::COLD_STARTS;
use millrace_runtime::secret_source::SecretSource;
use millrace_runtime::settings::{Environment, SettingsError};
use millrace_stream::kafka_environment::{KafkaEnvironment, KafkaEnvironmentError};
use millrace_stream::{Outcome, StreamError, TopicContract, TopicReport, make_topics};
use serde::{Deserialize, Serialize};

use crate::topic_names::TopicNames;

/// `{}`: which topics there have to be is a setting, so that whoever invokes it has nothing to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each topic, its dead-letter topic behind it.
    pub topics: Vec<TopicReport>,
}

/// The function's settings, from the environment.
#[derive(Debug)]
struct Settings {
    /// `MILLRACE_BROKERS` and Kafka's login.
    kafka: KafkaEnvironment,
    /// `MILLRACE_TOPICS`: topics of events, by commas; all of them unless set.
    topics: TopicNames,
    /// `MILLRACE_RETENTION_HOURS`: how long topics of events have to keep records.
    retention: Duration,
}

impl Settings {
    fn of(mut environment: Environment) -> Result<Self, SettingsError> {
        let kafka = KafkaEnvironment::of(&mut environment);
        let topics = environment.or("MILLRACE_TOPICS", TopicNames::default());
        let hours = environment.required::<u32>(RETENTION);
        if hours == Some(0) {
            environment.refuse(RETENTION, "has to be 1 or more");
        }
        environment.finish(|| {
            Some(Self { kafka: kafka?, topics: topics?, retention: Duration::from_hours(u64::from(hours?)) })
        })
    }
}

const RETENTION: &str = "MILLRACE_RETENTION_HOURS";

/// Why topics are missing, or may be.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// The environment's settings are wrong. No retry helps.
    #[error(transparent)]
    Settings(#[from] Arc<SettingsError>),
    /// The Kafka client could not be set up: its login's secret was not given, or a setting contradicts another.
    #[error(transparent)]
    Kafka(#[from] KafkaEnvironmentError),
    /// The brokers do not answer, or let nobody make a topic. What was made before stays.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl Classified for FunctionError {
    fn class(&self) -> Class {
        match self {
            Self::Settings(_) => Class::Stop,
            Self::Kafka(error) => error.class(),
            Self::Stream(error) => error.class(),
        }
    }
}

/// create-topics as AWS runs it. A wrong setting is an error of the first invocation.
#[derive(Debug)]
pub struct Function {
    settings: Result<Settings, Arc<SettingsError>>,
    secrets: Arc<dyn SecretSource>,
    meter: Meter,
}

impl Function {
    /// Reads the settings only. `secrets` is asked at each invocation, where a login names one.
    pub fn new(environment: Environment, secrets: Arc<dyn SecretSource>) -> Self {
        let meter = Meter::new();
        meter.add(COLD_STARTS, "", 1);
        Self { settings: Settings::of(environment).map_err(Arc::new), secrets, meter }
    }

    /// What invocations are told to: emptied by `main` at the end of each, whatever came of it.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Whether this version would reach the brokers: its settings and secret are read, and a broker is asked. Nothing changes.
    #[cfg(feature = "lambda")]
    pub async fn probe(&self) -> Result<millrace_lambda::Probed, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let client = settings.kafka.client(&*self.secrets)?;
        Ok(millrace_lambda::Probed { lake: None, broker: Some(millrace_stream::reach(client)) })
    }

    /// Makes the topics that are missing, and answers what became of each.
    pub async fn invoke(&self, _: Request) -> Result<Report, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let client = settings.kafka.client(&*self.secrets)?;
        let contract = settings
            .topics
            .0
            .iter()
            .map(|topic| TopicContract { topic: (*topic).to_owned(), retention: settings.retention });
        let topics = make_topics(&client, &contract.collect::<Vec<_>>()).await?;
        let count = |outcome| topics.iter().filter(|it| it.outcome == outcome).count();
        tracing::info!(
            created = count(Outcome::Created),
            there = count(Outcome::There),
            differ = count(Outcome::Differs),
            "topics_made"
        );
        Ok(Report { topics })
    }
}
