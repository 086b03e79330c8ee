//! The Lambda function: settings from the environment, a run an invocation.

use std::sync::Arc;

use millrace_events::failure::{Class, Classified};
use millrace_lake::OpenError;
use millrace_lake::erasure::erased_ids::ErasedError;
use millrace_lake::erasure::refused_ids::RefusedIds;
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
    /// The environment's settings are wrong. No retry helps.
    #[error(transparent)]
    Settings(#[from] Arc<SettingsError>),
    /// The Kafka client could not be set up: its login's secret was not given, or a setting contradicts another.
    #[error(transparent)]
    Kafka(#[from] KafkaEnvironmentError),
    /// Set MILLRACE_LAKE, or ask for the letters of the queue.
    #[error("the request reads letters from the lake, and MILLRACE_LAKE is not set")]
    NoLake,
    /// Nothing was read or sent.
    #[error("the lake could not be opened")]
    Lake(#[from] OpenError),
    /// Who was erased from the lake could not be read: nothing was sent.
    #[error("the list of those who were erased could not be read")]
    Erased(#[from] ErasedError),
    /// The run ended early; see there for what it may have sent.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The run panicked or its runtime ended. Letters may have been sent.
    #[error("the run was cut off")]
    CutOff(#[source] tokio::task::JoinError),
}

impl Classified for FunctionError {
    fn class(&self) -> Class {
        match self {
            Self::Kafka(error) => error.class(),
            Self::Replay(error) => error.class(),
            Self::Lake(error) => error.class(),
            Self::Erased(error) => error.class(),
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

    /// Whether this version would replay: its settings and secret are read, an object of the probe's own is written to the lake, read
    /// and removed, and a broker is asked. Nothing else changes.
    #[cfg(feature = "lambda")]
    pub async fn probe(&self) -> Result<millrace_lambda::Probed, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let client = settings.kafka.client(&*self.secrets)?;
        let lake = match &settings.lake {
            None => None,
            Some(lake) => {
                let store = millrace_lake::open(lake).await?;
                millrace_lake::lake_probe::probe(&*store).await.map_err(OpenError::from)?;
                Some(store.address())
            }
        };
        Ok(millrace_lambda::Probed { lake, broker: Some(millrace_stream::reach(client)) })
    }

    /// One run; clients are made anew for each, as runs are rare.
    pub async fn invoke(&self, request: Request, deadline: Deadline) -> Result<Report, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let client = settings.kafka.client(&*self.secrets)?;
        let lake = match &settings.lake {
            Some(lake) => Some(millrace_lake::open(lake).await?),
            None => None,
        };
        // Without a lake nobody knows who was erased from it; whoever lands the records refuses them.
        let refused = match &lake {
            Some(store) => RefusedIds::read(store.as_ref()).await?,
            None => RefusedIds::default(),
        };
        let mut source: Box<dyn LetterSource> = match request.from {
            Kept::Queue => Box::new(QueueLetters::new(client.clone(), &request.topic)),
            Kept::Lake => {
                let store = lake.ok_or(FunctionError::NoLake)?;
                let letters = LakeLetters::read(&store, &request.topic).await;
                Box::new(letters.map_err(|error: SourceError| ReplayError::from(error))?)
            }
        };
        let producer = LazyProducer::new(client);
        let topic = request.topic.clone();
        let run = tokio::task::spawn_blocking(move || {
            replay(&mut *source, &producer, &request, &refused, deadline)
        });
        let report = run.await.map_err(FunctionError::CutOff)??;
        if !report.dry_run {
            self.meter.add(RECORDS_IN, &topic, report.letters);
            self.meter.add(RECORDS_OUT, &topic, report.sent);
        }
        tracing::info!(
            dry_run = report.dry_run,
            letters = report.letters,
            sent = report.sent,
            erased = report.erased,
            mended = report.mended,
            left = report.left,
            "letters_replayed"
        );
        Ok(report)
    }
}
