//! The jobs as processes of their own, for the cloud: a binary each, run once by the environment, or by Lambda's events. What they
//! publish is registered in the Glue catalogue.

#![warn(missing_docs)]

mod catalog_registration;
mod error;
mod exit_code;
mod request;
mod settings;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, Utc};
use millrace_events::instant::Micros;
use millrace_glue::{GlueDataCatalog, GlueSettings};
use millrace_iceberg::{Catalogue, LakeTables, LocationCatalogue};
use millrace_jobs::iceberg_tables::Lake;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::run_record::TableReport;
use millrace_jobs::{analytics_aggregation, job_error::JobError, raw_transformation, time_series_analysis};
use millrace_lake::data_catalog::{DataCatalog, DatabaseName, NoDataCatalog};
use millrace_lake::{OpenError, Store};
use millrace_lambda::{Invocation, Probed};
use millrace_runtime::metrics::{BYTES_OUT, COLD_STARTS, OBJECT_SIZE};
use millrace_runtime::settings::Environment;
use millrace_runtime::{Meter, telemetry};
use millrace_tables::job_names;
use serde::Serialize;

pub use self::error::CloudJobError;
pub use self::exit_code::{RETRY, STOP};
pub use self::request::Request;
pub use self::settings::Settings;
use crate::catalog_registration::register;

/// Which job a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Makes the curated tables.
    RawTransformation,
    /// Makes the analytics tables.
    AnalyticsAggregation,
    /// Makes the tables of series.
    TimeSeriesAnalysis,
}

/// What a run answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The logical day that was asked for.
    pub as_of: NaiveDate,
    /// `false`: a run that started later has published this day already.
    pub published: bool,
    /// The rows of each table.
    pub tables: serde_json::Map<String, serde_json::Value>,
    /// How long the job took, without the registration.
    pub seconds: f64,
}

/// Where Lambda's runtime is asked for events; set by Lambda alone.
const OF_LAMBDA: &str = "AWS_LAMBDA_RUNTIME_API";

/// A job's `main`. In Lambda it serves events; elsewhere it runs once and answers a line of JSON on standard output. Where it failed it
/// ends with a line on standard error and an exit code by which its class is read: [`STOP`], [`RETRY`], or 1 where it has none.
pub fn main(job: Job) -> ExitCode {
    let outcome = telemetry::for_lambda().map_err(Into::into).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        if std::env::var_os(OF_LAMBDA).is_some() {
            runtime.block_on(serve(job))
        } else {
            runtime.block_on(once(job))
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = telemetry::with_causes(&*error), "the job failed");
            eprintln!("error: {}", telemetry::with_causes(&*error));
            ExitCode::from(exit_code::of(&*error))
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn once(job: Job) -> Result<(), Failure> {
    let answer = invoke(job, Environment::of_process(), Request::default(), now(), &Meter::new()).await?;
    println!("{}", serde_json::to_string(&answer)?);
    Ok(())
}

async fn serve(job: Job) -> Result<(), Failure> {
    let meter = Meter::new();
    meter.add(COLD_STARTS, "", 1);
    let invoke = async |invocation: Invocation<Request>| {
        invoke(job, Environment::of_process(), invocation.payload, now(), &meter).await
    };
    let probe = async || probe(Environment::of_process(), now()).await;
    millrace_lambda::serve(job.name(), &meter, probe, invoke).await
}

/// Whether a job would work on the lake that the environment names: an object of the probe's own is written, read and removed, and
/// nothing else changes. Where there is no lake yet, none is made: land-events does that.
pub async fn probe(environment: Environment, now: DateTime<Utc>) -> Result<Probed, CloudJobError> {
    let settings = Settings::of(environment, now)?;
    let tried = async {
        let store = millrace_lake::open(&settings.lake).await?;
        millrace_lake::lake_file::read(&*store).await?;
        millrace_lake::lake_probe::probe(&*store).await?;
        Ok::<_, OpenError>(store.address())
    };
    let lake = tried.await.map_err(JobError::from)?;
    Ok(Probed { lake: Some(lake), broker: None })
}

/// One run, as the environment and the request say; the request wins.
pub async fn invoke(
    job: Job,
    environment: Environment,
    request: Request,
    now: DateTime<Utc>,
    meter: &Meter,
) -> Result<Answer, CloudJobError> {
    let settings = Settings::of(environment, now)?;
    let (as_of, started_at) = request.run(&settings);
    let run = RunContext { as_of, started_at: Micros(started_at.timestamp_micros()) };
    let store = millrace_lake::open_existing(&settings.lake).await;
    let store = store.map_err(|error: OpenError| JobError::from(error))?;
    let done = run_on(Arc::clone(&store), job, &run, &settings, meter).await;
    // Locks are given back, so that the day's next job need not wait until they run out.
    store.settle().await;
    done
}

async fn run_on(
    store: Arc<dyn Store>,
    job: Job,
    run: &RunContext,
    settings: &Settings,
    meter: &Meter,
) -> Result<Answer, CloudJobError> {
    let address = store.address();
    // Before the work: settings that make no client are told before hours of it.
    let catalogue: Box<dyn DataCatalog> = match &settings.glue_database {
        None => Box::new(NoDataCatalog),
        Some(database) => Box::new(GlueDataCatalog::connect(GlueSettings::new(database.clone())).await?),
    };
    let lake = jobs_lake(store, settings.iceberg_database.as_ref()).await?;
    let (published, tables, seconds) = match job {
        Job::RawTransformation => {
            let limits =
                JobSettings { memory_bytes: settings.memory_bytes, scratch_dir: settings.scratch.clone() };
            let report = raw_transformation::run(lake, run, &limits, &|_| {}).await?;
            (report.published, report.tables, report.seconds)
        }
        Job::AnalyticsAggregation => {
            let report = analytics_aggregation::run(lake, run, &|_| {}).await?;
            (report.published, report.tables, report.seconds)
        }
        Job::TimeSeriesAnalysis => {
            let report = time_series_analysis::run(lake, run, &|_| {}).await?;
            (report.published, report.tables, report.seconds)
        }
    };
    // After the run's record. A registration that fails fails the job, whose next try publishes the same and registers it.
    if published && settings.glue_database.is_some() {
        register(&*catalogue, &address, &tables, run.as_of).await?;
    }
    if published {
        tell(&tables, meter);
    }
    let rows = tables.iter().map(|table| (table.name.clone(), table.rows.into())).collect();
    Ok(Answer { as_of: run.as_of, published, tables: rows, seconds })
}

/// The lake as jobs publish into it; with a database of Glue's, it has Iceberg tables from now on.
async fn jobs_lake(store: Arc<dyn Store>, iceberg: Option<&DatabaseName>) -> Result<Lake, CloudJobError> {
    let Some(database) = iceberg else { return Ok(Lake::from(store)) };
    let glue = GlueDataCatalog::connect(GlueSettings::new(database.clone())).await?;
    let glue: Arc<dyn LocationCatalogue> = Arc::new(glue);
    let catalogue = Catalogue::Glue { database: database.to_string() };
    LakeTables::begin(&store, catalogue, Some(&glue)).await.map_err(JobError::from)?;
    Ok(Lake { store, glue: Some(glue) })
}

/// Published tables as a log event and their metrics.
fn tell(tables: &[TableReport], meter: &Meter) {
    for TableReport { name, rows, bytes, .. } in tables {
        tracing::info!(table = name, rows, bytes, "table_published");
        meter.add(BYTES_OUT, name, *bytes);
        meter.observe(OBJECT_SIZE, name, *bytes as f64);
    }
}

impl Job {
    fn name(self) -> &'static str {
        match self {
            Self::RawTransformation => job_names::RAW_TRANSFORMATION,
            Self::AnalyticsAggregation => job_names::ANALYTICS_AGGREGATION,
            Self::TimeSeriesAnalysis => job_names::TIME_SERIES_ANALYSIS,
        }
    }
}

fn now() -> DateTime<Utc> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    DateTime::from_timestamp_micros(i64::try_from(since.as_micros()).unwrap_or_default()).unwrap_or_default()
}
