//! `millrace job`: one job for one day, as it runs in the cloud.

mod runner;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, HumanCount};
use millrace_events::instant::Micros;
use millrace_jobs::free_memory::default_memory_bytes;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::raw_transformation;
use millrace_lake::Store;
use millrace_runtime::Shutdown;
use millrace_tables::job_names::{ANALYTICS_AGGREGATION, TIME_SERIES_ANALYSIS};
use serde_json::json;

pub(crate) use runner::{Done, Runner};

use crate::clock;
use crate::day::{parse_day, parse_instant};
use crate::lake::{LakeAddress, Missing};
use crate::output;
use crate::progress::Bars;
use crate::size::parse_memory;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace job raw-transformation
  millrace job analytics-aggregation --as-of 2026-01-31
  millrace job time-series-analysis --as-of 2026-01-31 \\
      --started-at 2026-02-01T03:00:00Z --json

A day's jobs run in this order: each reads what the one before it made.";

/// Arguments of `millrace job`.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// Which job
    #[arg(value_enum)]
    job: JobName,
    #[command(flatten)]
    at: RunAt,
    /// The logical day, YYYY-MM-DD, today or yesterday [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    as_of: Option<NaiveDate>,
}

/// What every command that runs jobs takes.
#[derive(Debug, Args)]
pub(crate) struct RunAt {
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    pub(crate) lake: LakeAddress,
    /// Make an empty lake where there is none
    #[arg(long)]
    pub(crate) create: bool,
    /// The instant that the tables give as the run's start, such as 2026-02-01T03:00:00Z; of two runs for one day the
    /// later one wins [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// What raw-transformation's rows may hold in memory at once, such as 256MiB; the engine's own needs, about 60 MiB, come
    /// on top [default: a quarter of what is free, at most 4GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory, env = "MILLRACE_MEMORY_BYTES")]
    pub(crate) memory: Option<u64>,
    /// Print one JSON object a job instead of words
    #[arg(long)]
    pub(crate) json: bool,
}

impl RunAt {
    pub(crate) async fn enter(&self) -> anyhow::Result<Arc<dyn Store>> {
        self.lake.enter(Missing::unless(self.create)).await
    }

    pub(crate) fn settings(&self) -> JobSettings {
        let memory_bytes = self.memory.unwrap_or_else(default_memory_bytes);
        JobSettings { memory_bytes, scratch_dir: self.lake.scratch_dir() }
    }

    pub(crate) fn started_at(&self) -> Micros {
        self.started_at.map_or_else(clock::now_micros, |instant| Micros(instant.timestamp_micros()))
    }
}

/// The jobs, in the order of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum JobName {
    /// Raw users to users_transformed and data_quality_summary
    RawTransformation,
    /// users_transformed to nine tables of counts and a dimension
    AnalyticsAggregation,
    /// users_transformed and the days' quality to six tables of trends and anomalies
    TimeSeriesAnalysis,
}

impl JobName {
    pub(crate) const ALL: [Self; 3] =
        [Self::RawTransformation, Self::AnalyticsAggregation, Self::TimeSeriesAnalysis];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RawTransformation => raw_transformation::JOB,
            Self::AnalyticsAggregation => ANALYTICS_AGGREGATION,
            Self::TimeSeriesAnalysis => TIME_SERIES_ANALYSIS,
        }
    }
}

pub(crate) async fn job(args: JobArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let run = RunContext { as_of: args.as_of.unwrap_or_else(clock::today), started_at: args.at.started_at() };
    let bars = Bars::new(args.at.json);
    let runner = Runner::new(args.at.enter().await?, args.at.settings(), &bars);
    let Some(done) = unless_stopped(runner.run(args.job, &run), shutdown, &bars).await? else {
        if args.at.json {
            let told = json!({ "job": args.job.as_str(), "as_of": run.as_of, "published": false, "interrupted": true });
            writeln!(output::out(), "{told}")?;
        }
        return Ok(ExitCode::from(crate::exit_code::INTERRUPTED));
    };
    tell(&done, &run, args.at.json)?;
    Ok(ExitCode::SUCCESS)
}

/// The work's outcome; `None` after Ctrl-C: work that is dropped has published nothing.
pub(crate) async fn unless_stopped<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    shutdown: &Shutdown,
    bars: &Bars,
) -> anyhow::Result<Option<T>> {
    shutdown.waits_for("what is being made is dropped, and not published");
    let outcome = tokio::select! {
        outcome = work => Some(outcome?),
        () = shutdown.requested() => None,
    };
    bars.clear();
    if outcome.is_none() {
        output::notice("stopped: what was being made is not published, what was published stays");
    }
    Ok(outcome)
}

/// What a job did, in words or as JSON.
pub(crate) fn tell(done: &Done, run: &RunContext, json: bool) -> std::io::Result<()> {
    let mut out = output::out();
    if json {
        writeln!(out, "{}", done.to_json(run))?;
        return Ok(());
    }
    writeln!(
        out,
        "{} of {}: {} rows in, {:.2} s",
        done.job,
        run.as_of,
        HumanCount(done.rows_in),
        done.seconds
    )?;
    if !done.published {
        writeln!(out, "  a run that started later has published {} already: nothing was written", run.as_of)?;
        return Ok(());
    }
    for table in &done.tables {
        let (rows, bytes) = (HumanCount(table.rows).to_string(), HumanBytes(table.bytes).to_string());
        writeln!(out, "  {:<30} {rows:>12} rows  {bytes:>12}", table.name)?;
    }
    Ok(())
}
