//! The Lambda function fetch-users: wiring only.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use millrace_runtime::settings::{Environment, SettingsError};
use millrace_runtime::telemetry;
use millrace_sources::{ApiSettings, ApiSource, LARGEST_PAGE};
use millrace_stream::client::ClientSettings;
use millrace_stream::producer::{Producer, Publisher};
use serde_json::{Value, json};

/// The function's settings, from the environment.
#[derive(Debug)]
struct Settings {
    /// `MILLRACE_BROKERS`: Kafka's brokers, `host:port`, several by commas.
    brokers: String,
    /// `MILLRACE_USERS`: users to fetch an invocation; 5000 unless set.
    users: u64,
}

impl Settings {
    fn of(mut environment: Environment) -> Result<Self, SettingsError> {
        let brokers = environment.required("MILLRACE_BROKERS");
        let users = environment.or("MILLRACE_USERS", u64::from(LARGEST_PAGE));
        environment.finish(|| Some(Self { brokers: brokers?, users: users? }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let settings = Settings::of(Environment::of_process())?;
    let publisher: Arc<dyn Publisher> =
        Arc::new(Producer::connect(&ClientSettings::new(settings.brokers), None)?);
    let users = settings.users;
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| invoke(Arc::clone(&publisher), users))).await
}

async fn invoke(publisher: Arc<dyn Publisher>, users: u64) -> Result<Value, Error> {
    let mut source = ApiSource::new(ApiSettings { users: Some(users), ..ApiSettings::default() })?;
    let fetching =
        fetch_users::fetch(&mut source, publisher, std::future::pending(), now_millis, |_| {}).await?;
    let report = &fetching.report;
    let counts =
        json!({ "fetched": report.fetched, "rejected": report.rejected, "produced": report.produced });
    match fetching.source_error {
        // What was fetched is on Kafka; the schedule's retry fetches others.
        Some(error) => Err(error.into()),
        None => Ok(counts),
    }
}

fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
