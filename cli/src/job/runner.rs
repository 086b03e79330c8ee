//! Runs any job with its progress bar.

use std::sync::Arc;

use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::raw_transformation::{self, JobReport};
use millrace_jobs::run_record::TableReport;
use millrace_jobs::{analytics_aggregation, time_series_analysis};
use millrace_lake::Store;
use serde_json::json;

use super::JobName;
use crate::progress::Bars;

/// Runs jobs over one lake.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    store: Arc<dyn Store>,
    settings: JobSettings,
    bars: &'a Bars,
}

/// What a job did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) job: &'static str,
    pub(crate) rows_in: u64,
    pub(crate) tables: Vec<TableReport>,
    pub(crate) published: bool,
    pub(crate) seconds: f64,
    /// What raw-transformation alone can say.
    pub(crate) raw: Option<JobReport>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(store: Arc<dyn Store>, settings: JobSettings, bars: &'a Bars) -> Self {
        Self { store, settings, bars }
    }

    pub(crate) async fn run(&self, job: JobName, run: &RunContext) -> anyhow::Result<Done> {
        let store = Arc::clone(&self.store);
        let bar = self.bars.job(job.as_str());
        tracing::debug!(started_at = run.started_at.get(), as_of = %run.as_of, "{} starts", job.as_str());
        let done = match job {
            JobName::RawTransformation => {
                let progress = |progress| {
                    tracing::trace!(?progress, "raw-transformation");
                    bar.raw(progress);
                };
                let report = raw_transformation::run(store, run, &self.settings, &progress).await?;
                Done {
                    job: job.as_str(),
                    rows_in: report.rows_in,
                    tables: report.tables.clone(),
                    published: report.published,
                    seconds: report.seconds,
                    raw: Some(report),
                }
            }
            JobName::AnalyticsAggregation | JobName::TimeSeriesAnalysis => {
                let progress = |progress| bar.rows(progress);
                let report = match job {
                    JobName::AnalyticsAggregation => {
                        analytics_aggregation::run(store, run, &progress).await?
                    }
                    _ => time_series_analysis::run(store, run, &progress).await?,
                };
                Done {
                    job: report.job,
                    rows_in: report.users,
                    tables: report.tables,
                    published: report.published,
                    seconds: report.seconds,
                    raw: None,
                }
            }
        };
        bar.finish();
        Ok(done)
    }
}

impl Done {
    pub(crate) fn to_json(&self, run: &RunContext) -> serde_json::Value {
        let tables: serde_json::Map<_, _> =
            self.tables.iter().map(|table| (table.name.clone(), table.rows.into())).collect();
        json!({
            "job": self.job,
            "as_of": run.as_of,
            "started_at": run.started_at.date_time(),
            "published": self.published,
            "rows_in": self.rows_in,
            "duplicates": self.raw.as_ref().map(|raw| raw.duplicates),
            "after_as_of": self.raw.as_ref().map(|raw| raw.after_as_of),
            "tables": tables,
            "seconds": self.seconds,
            "peak_rss_bytes": millrace_runtime::peak_rss_bytes(),
        })
    }
}
