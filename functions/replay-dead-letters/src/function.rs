//! The Lambda function: settings from the environment, a run an invocation.

use std::sync::Arc;

use millrace_events::failure::{Class, Classified};
use millrace_lake::OpenError;
use millrace_runtime::metrics::{COLD_STARTS, RECORDS_IN, RECORDS_OUT};
use millrace_runtime::secret_source::SecretSource;
use millrace_runtime::settings::{Environment, SettingsError};
use millrace_runtime::{Deadline, Meter};
use millrace_stream::kafka_environment::{KafkaEnvironment, KafkaEnvironmentError};
use millrace_stream::lazy_producer::LazyProducer;

use crate::replay::{ReplayError, Report, replay};
use crate::request::{Kept, Request};
use crate::source::{LakeLetters, LetterSource, QueueLetters, SourceError};

/// The function's settings, from the environment.
#[derive(Debug)]
struct Settings {
    /// `MILLRACE_BROKERS` and Kafka's login.
    kafka: KafkaEnvironment,
    /// `MILLRACE_LAKE`: the lake, for requests of its letters.
    lake: Option<String>,
}

impl Settings {
    fn of(mut environment: Environment) -> Result<Self, SettingsError> {
        let kafka = KafkaEnvironment::of(&mut environment);
        let lake = environment.optional("MILLRACE_LAKE");
        environment.finish(|| Some(Self { kafka: kafka?, lake: lake? }))
    }
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    #[error(transparent)]
    Settings(#[from] Arc<SettingsError>),
    #[error(transparent)]
    Kafka(#[from] KafkaEnvironmentError),
    #[error("the request reads letters from the lake, and MILLRACE_LAKE is not set")]
    NoLake,
    #[error("the lake could not be opened")]
    Lake(#[from] OpenError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("the run was cut off")]
    CutOff(#[source] tokio::task::JoinError),
}

impl Classified for FunctionError {
    fn class(&self) -> Class {
        match self {
            Self::Kafka(error) => error.class(),
            Self::Replay(error) => error.class(),
            Self::Lake(error) => error.class(),
            Self::Settings(_) | Self::NoLake | Self::CutOff(_) => Class::Stop,
        }
    }
}

/// replay-dead-letters as AWS runs it. A wrong setting is an error of the first invocation.
#[derive(Debug)]
pub struct Function {
    settings: Result<Settings, Arc<SettingsError>>,
    secrets: Arc<dyn SecretSource>,
    meter: Meter,
}

impl Function {
    pub fn new(environment: Environment, secrets: Arc<dyn SecretSource>) -> Self {
        let meter = Meter::new();
        meter.add(COLD_STARTS, "", 1);
        Self { settings: Settings::of(environment).map_err(Arc::new), secrets, meter }
    }

    /// What invocations are told to: emptied by `main` at the end of each, whatever came of it.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// One run; clients are made anew for each, as runs are rare.
    pub async fn invoke(&self, request: Request, deadline: Deadline) -> Result<Report, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let client = settings.kafka.client(&*self.secrets)?;
        let mut source: Box<dyn LetterSource> = match request.from {
            Kept::Queue => Box::new(QueueLetters::new(client.clone(), &request.topic)),
            Kept::Lake => {
                let store =
                    millrace_lake::open(settings.lake.as_deref().ok_or(FunctionError::NoLake)?).await?;
                let letters = LakeLetters::read(&store, &request.topic).await;
                Box::new(letters.map_err(|error: SourceError| ReplayError::from(error))?)
            }
        };
        let producer = LazyProducer::new(client);
        let topic = request.topic.clone();
        let run = tokio::task::spawn_blocking(move || replay(&mut *source, &producer, &request, deadline));
        let report = run.await.map_err(FunctionError::CutOff)??;
        if !report.dry_run {
            self.meter.add(RECORDS_IN, &topic, report.letters);
            self.meter.add(RECORDS_OUT, &topic, report.sent);
        }
        tracing::info!(
            dry_run = report.dry_run,
            letters = report.letters,
            sent = report.sent,
            mended = report.mended,
            left = report.left,
            "letters_replayed"
        );
        Ok(report)
    }
}
