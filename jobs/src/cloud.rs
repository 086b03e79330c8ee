//! The jobs as processes of their own: settings from the environment, one line of JSON for an answer.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, Utc};
use millrace_lake::Store;
use millrace_lake::catalogue::{self, DatabaseName};
use millrace_runtime::settings::{Environment, SettingsError};
use millrace_runtime::telemetry;
use serde_json::{Value, json};

use crate::job_error::JobError;
use crate::registration::register;
use crate::run_context::{JobSettings, RunContext};
use crate::run_record::TableReport;
use crate::{analytics_aggregation, raw_transformation, time_series_analysis};

/// Which job a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    RawTransformation,
    AnalyticsAggregation,
    TimeSeriesAnalysis,
}

/// A job's settings.
#[derive(Debug)]
pub struct Settings {
    /// `MILLRACE_LAKE`: the lake, `s3://bucket/prefix` or a folder.
    pub lake: String,
    /// `MILLRACE_AS_OF`: the logical day, `YYYY-MM-DD`; today (UTC) unless set.
    pub as_of: NaiveDate,
    /// `MILLRACE_STARTED_AT`: the run's start, such as `2026-02-01T03:00:00Z`, one for all jobs of a day's run; now
    /// unless set.
    pub started_at: DateTime<Utc>,
    /// `MILLRACE_MEMORY_BYTES`: what raw-transformation's rows may hold in memory; 96 MiB unless set.
    pub memory_bytes: u64,
    /// `MILLRACE_SCRATCH`: where raw-transformation spills; the system's folder for temporary files unless set.
    pub scratch: PathBuf,
    /// `MILLRACE_GLUE_DATABASE`: the database of the Glue catalogue in which published partitions are registered; without it
    /// nothing is registered. The lake has to be on S3, where the catalogue's readers find it.
    pub glue_database: Option<DatabaseName>,
}

impl Settings {
    pub fn of(mut environment: Environment, now: DateTime<Utc>) -> Result<Self, SettingsError> {
        let lake = environment.required("MILLRACE_LAKE");
        let as_of = environment.or("MILLRACE_AS_OF", now.date_naive());
        let started_at = environment.or("MILLRACE_STARTED_AT", now);
        let memory_bytes = environment.or("MILLRACE_MEMORY_BYTES", 96 << 20);
        let scratch = environment.or("MILLRACE_SCRATCH", std::env::temp_dir().join("millrace"));
        let glue_database = environment.optional::<DatabaseName>("MILLRACE_GLUE_DATABASE");
        let on_s3 = lake.as_ref().is_none_or(|lake: &String| lake.starts_with("s3://"));
        if matches!(glue_database, Some(Some(_))) && !on_s3 {
            environment.refuse(
                "MILLRACE_GLUE_DATABASE",
                "is set, but engines that read the catalogue cannot reach a folder; give MILLRACE_LAKE as s3://<bucket>/<prefix>, \
                 or unset it",
            );
        }
        environment.finish(|| {
            Some(Self {
                lake: lake?,
                as_of: as_of?,
                started_at: started_at?,
                memory_bytes: memory_bytes?,
                scratch: scratch?,
                glue_database: glue_database?,
            })
        })
    }
}

/// A job's `main`: runs it once; exit code 1 and a line on standard error where it failed.
pub fn main(job: Job) -> ExitCode {
    match run_of_process(job) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = error.as_ref(), "the job failed");
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_of_process(job: Job) -> Result<Value, Box<dyn std::error::Error>> {
    telemetry::for_lambda()?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = DateTime::<Utc>::from_timestamp_micros(i64::try_from(since.as_micros())?).unwrap_or_default();
    let settings = Settings::of(Environment::of_process(), now)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(run(job, &settings))?)
}

async fn run(job: Job, settings: &Settings) -> Result<Value, JobError> {
    let store = millrace_lake::open(&settings.lake).await?;
    let done = run_on(Arc::clone(&store), job, settings).await;
    // Locks are given back, so that the day's next job need not wait until they run out.
    store.settle().await;
    done
}

async fn run_on(store: Arc<dyn Store>, job: Job, settings: &Settings) -> Result<Value, JobError> {
    let run = RunContext { as_of: settings.as_of, started_at: settings.started_at.timestamp_micros() };
    let lake = store.address();
    // Before the work: settings that make no client are told before hours of it.
    let catalogue = catalogue::open(settings.glue_database.as_ref()).await?;
    let answer = |published: bool, tables: &[TableReport], seconds: f64| {
        let rows: serde_json::Map<_, _> =
            tables.iter().map(|table| (table.name.clone(), table.rows.into())).collect();
        json!({ "as_of": settings.as_of, "published": published, "tables": rows, "seconds": seconds })
    };
    let (published, tables, seconds) = match job {
        Job::RawTransformation => {
            let limits =
                JobSettings { memory_bytes: settings.memory_bytes, scratch_dir: settings.scratch.clone() };
            let report = raw_transformation::run(store, &run, &limits, &|_| {}).await?;
            (report.published, report.tables, report.seconds)
        }
        Job::AnalyticsAggregation => {
            let report = analytics_aggregation::run(store, &run, &|_| {}).await?;
            (report.published, report.tables, report.seconds)
        }
        Job::TimeSeriesAnalysis => {
            let report = time_series_analysis::run(store, &run, &|_| {}).await?;
            (report.published, report.tables, report.seconds)
        }
    };
    // After the run's record. A registration that fails fails the job, whose next try publishes the same and registers it.
    if published && settings.glue_database.is_some() {
        register(&*catalogue, &lake, &tables, settings.as_of).await?;
    }
    Ok(answer(published, &tables, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lake_has_to_be_named() {
        let now = DateTime::from_timestamp_micros(1_769_828_400_000_000).expect("an instant");
        let of = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            Settings::of(Environment::of(variables), now)
        };
        let settings = of(&[("MILLRACE_LAKE", "/lake")]).expect("settings");
        assert_eq!((settings.as_of.to_string().as_str(), settings.started_at), ("2026-01-31", now));
        let settings = of(&[
            ("MILLRACE_LAKE", "/lake"),
            ("MILLRACE_AS_OF", "2026-01-09"),
            ("MILLRACE_STARTED_AT", "2026-01-10T03:00:00Z"),
        ]);
        let settings = settings.expect("settings");
        assert_eq!(settings.as_of.to_string(), "2026-01-09");
        assert_eq!(settings.started_at.to_rfc3339(), "2026-01-10T03:00:00+00:00");
        assert_eq!(settings.glue_database, None);
        assert!(of(&[("MILLRACE_AS_OF", "yesterday")]).is_err());
    }

    #[test]
    fn a_catalogue_is_for_a_lake_on_s3() {
        let now = DateTime::from_timestamp_micros(1_769_828_400_000_000).expect("an instant");
        let of = |lake: &str, database: &str| {
            let variables = [("MILLRACE_LAKE", lake), ("MILLRACE_GLUE_DATABASE", database)];
            let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
            Settings::of(Environment::of(variables), now)
        };
        let settings = of("s3://lake/dev", "millrace_dev").expect("settings");
        assert_eq!(settings.glue_database.expect("a database").as_str(), "millrace_dev");
        let error = of("/lake", "millrace_dev").expect_err("a folder").to_string();
        assert!(error.contains("MILLRACE_GLUE_DATABASE is set, but"), "{error}");
        assert!(of("s3://lake/dev", "Millrace-Dev").is_err());
    }
}
