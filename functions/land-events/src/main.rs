//! The Lambda function land-events: wiring only.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use land_events::{LandSettings, Landing};
use millrace_lake::{FolderStore, Generation, Store};
use millrace_runtime::settings::{Environment, SettingsError};
use millrace_runtime::telemetry;
use millrace_stream::client::ClientSettings;
use millrace_stream::lambda_event::{self, KafkaEvent};
use millrace_stream::producer::Producer;
use serde_json::{Value, json};

/// The function's settings, from the environment.
#[derive(Debug)]
struct Settings {
    /// `MILLRACE_LAKE`: the lake's folder.
    lake: PathBuf,
    /// `MILLRACE_BROKERS`: Kafka's brokers, `host:port`, several by commas, for the dead letters.
    brokers: String,
    /// `MILLRACE_GENERATION`: the name of this life of the topics, `[0-9a-z]{1,32}`.
    generation: String,
}

impl Settings {
    fn of(mut environment: Environment) -> Result<Self, SettingsError> {
        let lake = environment.required("MILLRACE_LAKE");
        let brokers = environment.required("MILLRACE_BROKERS");
        let generation = environment.required("MILLRACE_GENERATION");
        environment.finish(|| Some(Self { lake: lake?, brokers: brokers?, generation: generation? }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let settings = Settings::of(Environment::of_process())?;
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(settings.lake));
    let generation = Generation::new(settings.generation)?;
    let dead_letters = Arc::new(Producer::connect(&ClientSettings::new(settings.brokers), None)?);
    let handle = move |event: LambdaEvent<KafkaEvent>| {
        let landing = Landing::new(
            Arc::clone(&store),
            Arc::clone(&dead_letters),
            generation.clone(),
            LandSettings::default(),
        );
        invoke(landing, event.payload)
    };
    lambda_runtime::run(service_fn(handle)).await
}

/// Lands one batch whole: an error has AWS deliver all of it again, which writes the same objects again.
async fn invoke(mut landing: Landing<Producer>, event: KafkaEvent) -> Result<Value, Error> {
    let now = now_micros();
    for record in lambda_event::records(&event)? {
        landing.push(&record.as_record(), now)?;
        if landing.is_full() {
            landing.roll_due(now).await?;
        }
    }
    landing.roll_all(now).await?;
    let counts = landing.counts();
    Ok(json!({ "records": counts.records, "rows": counts.rows, "dead_letters": counts.dead_letters }))
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
