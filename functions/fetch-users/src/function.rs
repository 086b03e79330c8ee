//! The Lambda function: settings from the environment, one fetch an invocation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Millis;
use millrace_runtime::metrics::COLD_STARTS;
use millrace_runtime::secret_source::SecretSource;
use millrace_runtime::settings::{Environment, SettingsError};
use millrace_runtime::{Deadline, Meter};
use millrace_sources::{ApiSettings, ApiSource, LARGEST_PAGE, Source, SourceError};
use millrace_stream::kafka_environment::{KafkaEnvironment, KafkaEnvironmentError};
use millrace_stream::lazy_producer::LazyProducer;
use millrace_stream::producer::Publisher;

use crate::counts::Counts;
use crate::fetch_pages::{FetchError, Fetching, fetch};
use crate::internal_events::UsersFetched;

/// The function's settings, from the environment.
#[derive(Debug)]
struct Settings {
    /// `MILLRACE_BROKERS` and Kafka's login.
    kafka: KafkaEnvironment,
    /// `MILLRACE_USERS`: users to fetch an invocation; 5000 unless set.
    users: u64,
    /// `MILLRACE_API_URL`: where the API is, the public one unless set.
    api_url: Option<String>,
    /// `MILLRACE_FLUSH_RESERVE_MS`: what has to be left of the deadline for one more page; the brokers have this long to
    /// acknowledge what is on its way. 10000 unless set.
    flush_reserve: u64,
}

impl Settings {
    fn of(mut environment: Environment) -> Result<Self, SettingsError> {
        let kafka = KafkaEnvironment::of(&mut environment);
        let users = environment.or("MILLRACE_USERS", u64::from(LARGEST_PAGE));
        let api_url = environment.optional("MILLRACE_API_URL");
        let flush_reserve = environment.or("MILLRACE_FLUSH_RESERVE_MS", 10_000);
        environment.finish(|| {
            Some(Self { kafka: kafka?, users: users?, api_url: api_url?, flush_reserve: flush_reserve? })
        })
    }
}

/// Why an invocation failed. What was acknowledged by then is on Kafka; the next schedule fetches others.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// The environment's settings are wrong. No retry helps.
    #[error(transparent)]
    Settings(#[from] Arc<SettingsError>),
    /// The Kafka client could not be set up: its login's secret was not given, or a setting contradicts another.
    #[error(transparent)]
    Kafka(#[from] KafkaEnvironmentError),
    /// The API gave no more users. Told only after what it had given is on Kafka.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What was fetched could not be produced.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The deadline came before a single user. A retry may help.
    #[error(
        "the deadline came before the first page of users: does the API answer, and is the function's timeout long enough"
    )]
    NothingInTime,
}

impl Classified for FunctionError {
    fn class(&self) -> Class {
        match self {
            Self::Settings(_) => Class::Stop,
            Self::Kafka(error) => error.class(),
            Self::Source(error) => error.class(),
            Self::Fetch(error) => error.class(),
            Self::NothingInTime => Class::Retry,
        }
    }
}

/// fetch-users as AWS runs it, on a schedule. A wrong setting is an error of the first invocation.
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

    /// Whether this version would produce: its settings and secret are read, and a broker is asked. Nobody is fetched, and nothing
    /// changes.
    #[cfg(feature = "lambda")]
    pub async fn probe(&self) -> Result<millrace_lambda::Probed, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let client = settings.kafka.client(&*self.secrets)?;
        Ok(millrace_lambda::Probed { lake: None, broker: Some(millrace_stream::reach(client)) })
    }

    /// Fetches from the API and produces, as far as `deadline` lets it. Runs are a schedule apart, so clients are made
    /// anew: a connection that slept so long would be dead.
    pub async fn invoke(
        &self,
        deadline: Deadline,
        now_millis: fn() -> Millis,
    ) -> Result<Counts, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let reserve = Duration::from_millis(settings.flush_reserve);
        let mut client = settings.kafka.client(&*self.secrets)?;
        client.reach_timeout = client.reach_timeout.min(reserve);
        client.delivery_timeout = reserve.max(Duration::from_secs(1));
        let mut api = ApiSettings { users: Some(settings.users), ..ApiSettings::default() };
        if let Some(url) = &settings.api_url {
            api.base_url.clone_from(url);
        }
        let mut source = ApiSource::new(api)?;
        let publisher: Arc<dyn Publisher> = Arc::new(LazyProducer::new(client));
        within(&mut source, publisher, deadline, reserve, now_millis, &self.meter).await
    }
}

/// Fetches until `reserve` is left of the deadline, and counts.
pub async fn within(
    source: &mut dyn Source,
    publisher: Arc<dyn Publisher>,
    deadline: Deadline,
    reserve: Duration,
    now_millis: fn() -> Millis,
    meter: &Meter,
) -> Result<Counts, FunctionError> {
    let time = deadline.left(Instant::now()).saturating_sub(reserve);
    let Fetching { report, source_error, interrupted } =
        fetch(source, publisher, tokio::time::sleep(time), now_millis, |_| {}).await?;
    let counts = Counts {
        fetched: report.fetched,
        produced: report.produced,
        rejected: report.rejected,
        out_of_time: interrupted,
    };
    UsersFetched(counts).tell(meter);
    match source_error {
        // What was fetched is on Kafka all the same, as the counts in the log say.
        Some(error) => Err(error.into()),
        // An API that is away is asked again until the end: a schedule that fetches nobody must not look well.
        None if interrupted && counts.fetched == 0 => Err(FunctionError::NothingInTime),
        None => Ok(counts),
    }
}
