//! The Lambda function: settings from the environment, clients with the first record, one batch an invocation.

use std::sync::Arc;
use std::time::Duration;

use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_lake::erasure::refused_ids::RefusalWatch;
use millrace_lake::{OpenError, TopicGeneration};
use millrace_runtime::metrics::COLD_STARTS;
use millrace_runtime::secret_source::SecretSource;
use millrace_runtime::settings::{Environment, SettingsError};
use millrace_runtime::{Deadline, Meter};
use millrace_stream::batch_response::BatchResponse;
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::kafka_environment::{KafkaEnvironment, KafkaEnvironmentError};
use millrace_stream::lambda_event::KafkaEvent;
use millrace_stream::lazy_producer::LazyProducer;
use millrace_stream::registry_environment::{RegistryEnvironment, RegistryEnvironmentError};
use tokio::sync::Mutex;

use crate::batch_landing::{BatchError, BatchLanding, BatchSettings};

/// The function's settings, from the environment.
#[derive(Debug)]
struct Settings {
    /// `MILLRACE_LAKE`: the lake, a folder's path or `s3://<bucket>/<prefix>`.
    lake: String,
    /// `MILLRACE_GENERATION`: the name of this topic generation, `[0-9a-z]{1,32}`.
    generation: TopicGeneration,
    /// `MILLRACE_BROKERS` and Kafka's login, for the dead letters.
    kafka: KafkaEnvironment,
    /// `MILLRACE_WRITE_RESERVE_MS`: what a write may take; with less left of the deadline no record is taken. 10000
    /// unless set.
    write_reserve: u64,
    /// `MILLRACE_REGISTRY_URL` and the registry's login: where framed values' schemas are; without it the repository's are known.
    registry: RegistryEnvironment,
}

impl Settings {
    fn of(mut environment: Environment) -> Result<Self, SettingsError> {
        let lake = environment.required("MILLRACE_LAKE");
        let generation = environment.required("MILLRACE_GENERATION");
        let kafka = KafkaEnvironment::of(&mut environment);
        let write_reserve = environment.or("MILLRACE_WRITE_RESERVE_MS", 10_000);
        let registry = RegistryEnvironment::of(&mut environment);
        environment.finish(|| {
            Some(Self {
                lake: lake?,
                generation: generation?,
                kafka: kafka?,
                write_reserve: write_reserve?,
                registry: registry?,
            })
        })
    }
}

/// Why an invocation failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// The environment's settings are wrong. No retry helps.
    #[error(transparent)]
    Settings(#[from] Arc<SettingsError>),
    /// Nothing was landed.
    #[error("the lake could not be opened")]
    Lake(#[from] OpenError),
    /// The Kafka client for dead letters could not be set up: its login's secret was not given, or a setting contradicts another.
    #[error(transparent)]
    Kafka(#[from] KafkaEnvironmentError),
    /// The registry's client could not be set up, for the same reasons.
    #[error(transparent)]
    Registry(#[from] RegistryEnvironmentError),
    /// The batch was given up as a whole.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl Classified for FunctionError {
    fn class(&self) -> Class {
        match self {
            Self::Settings(_) => Class::Stop,
            Self::Lake(error) => error.class(),
            Self::Kafka(error) => error.class(),
            Self::Registry(error) => error.class(),
            Self::Batch(error) => error.class(),
        }
    }
}

/// land-events as AWS runs it. Making it reads the environment and nothing else, so that a start is quick and a wrong
/// setting is an error of the first invocation, told by name.
#[derive(Debug)]
pub struct Function {
    settings: Result<Settings, Arc<SettingsError>>,
    secrets: Arc<dyn SecretSource>,
    /// Kept from one invocation to the next as long as they go well: a producer that failed stays failed.
    landing: Mutex<Option<Arc<BatchLanding<LazyProducer>>>>,
    meter: Meter,
}

impl Function {
    /// Reads the settings only. `secrets` is asked when clients are made, where a login names one.
    pub fn new(environment: Environment, secrets: Arc<dyn SecretSource>) -> Self {
        let settings = Settings::of(environment).map_err(Arc::new);
        let meter = Meter::new();
        meter.add(COLD_STARTS, "", 1);
        Self { settings, secrets, landing: Mutex::default(), meter }
    }

    /// What invocations are told to: emptied by `main` at the end of each, whatever came of it.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Lands one payload at `now` (µs since 1970, UTC). See [`BatchLanding`] for what the answer promises.
    pub async fn invoke(
        &self,
        event: &KafkaEvent,
        now: Micros,
        deadline: Deadline,
    ) -> Result<BatchResponse, FunctionError> {
        let landing = self.landing().await?;
        let outcome = landing.land(event, now, deadline).await;
        let went_well = outcome.as_ref().is_ok_and(|outcome| outcome.answer == BatchResponse::default());
        if !went_well {
            *self.landing.lock().await = None;
        }
        Ok(outcome?.answer)
    }

    /// Whether this version would land: its settings and secrets are read, an object of the probe's own is written to the lake, read
    /// and removed, and a broker is asked. Nothing else changes; where there is no lake yet, none is made.
    #[cfg(feature = "lambda")]
    pub async fn probe(&self) -> Result<millrace_lambda::Probed, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let client = settings.kafka.client(&*self.secrets)?;
        settings.registry.registry(&*self.secrets)?;
        let store = millrace_lake::open(&settings.lake).await?;
        millrace_lake::lake_file::read(&*store).await.map_err(OpenError::from)?;
        millrace_lake::lake_probe::probe(&*store).await.map_err(OpenError::from)?;
        let broker = Some(millrace_stream::reach(client));
        Ok(millrace_lambda::Probed { lake: Some(store.address()), broker })
    }

    async fn landing(&self) -> Result<Arc<BatchLanding<LazyProducer>>, FunctionError> {
        let mut landing = self.landing.lock().await;
        if let Some(landing) = &*landing {
            return Ok(Arc::clone(landing));
        }
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let mut client = settings.kafka.client(&*self.secrets)?;
        // Within the deadline of most functions, so that a broker that is away is told and not cut off.
        client.reach_timeout = Duration::from_secs(5);
        client.delivery_timeout = Duration::from_secs(20);
        let registry = settings.registry.registry(&*self.secrets)?;
        let store = millrace_lake::open_to_land(&settings.lake).await?;
        let made = Arc::new(BatchLanding {
            refusals: Arc::new(RefusalWatch::new(Arc::clone(&store))),
            store,
            dead_letters: Arc::new(LazyProducer::new(client)),
            generation: settings.generation.clone(),
            schemas: registry.map(|registry| Arc::new(FetchedSchemas::new(registry))),
            settings: BatchSettings {
                write_reserve: Duration::from_millis(settings.write_reserve),
                ..BatchSettings::default()
            },
            meter: self.meter.clone(),
        });
        *landing = Some(Arc::clone(&made));
        Ok(made)
    }
}
