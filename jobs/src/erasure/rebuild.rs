//! What is computed of users_transformed, computed anew day by day.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use millrace_lake::layout;
use millrace_lake::store::Store;
use millrace_tables::job_names::{ANALYTICS_AGGREGATION, TIME_SERIES_ANALYSIS};

use super::error::ErasureError;
use crate::erasure_epoch;
use crate::iceberg_tables::Lake;
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::publish::published;
use crate::{analytics_aggregation, time_series_analysis};

/// The jobs that an erasure has run again.
///
/// Contract: for a day that was published before, from a partition of users_transformed that lacks some users now, with
/// the run's own start: each replaces all its tables of the day by what they are without these users. The versions in
/// dim_user_demographics stay those of the day, less theirs.
pub trait Rebuild: Sync {
    /// Runs analytics-aggregation for the day of `ctx`.
    fn analytics(&self, ctx: &RunContext) -> impl Future<Output = Result<(), JobError>> + Send;

    /// Runs time-series-analysis for the day of `ctx`.
    fn time_series(&self, ctx: &RunContext) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// The jobs themselves, over a lake.
#[derive(Debug, Clone)]
pub struct Jobs(Lake);

impl Jobs {
    /// Over `lake`.
    pub fn over(lake: impl Into<Lake>) -> Self {
        Self(lake.into())
    }
}

impl Rebuild for Jobs {
    async fn analytics(&self, ctx: &RunContext) -> Result<(), JobError> {
        analytics_aggregation::run(self.0.clone(), ctx, &|_| ()).await.map(drop)
    }

    async fn time_series(&self, ctx: &RunContext) -> Result<(), JobError> {
        time_series_analysis::run(self.0.clone(), ctx, &|_| ()).await.map(drop)
    }
}

/// Runs each job again for every day from `first` on that it has published; answers these days.
///
/// The later days too: their versions and trends are told by comparison with the days before.
pub(super) async fn rebuild(
    store: &dyn Store,
    first: NaiveDate,
    jobs: &impl Rebuild,
) -> Result<BTreeSet<NaiveDate>, ErasureError> {
    let analytics = runs(store, ANALYTICS_AGGREGATION, first).await?;
    for ctx in &analytics {
        jobs.analytics(ctx).await?;
    }
    // A series that was read off the days before they were computed anew must not be published behind this one.
    erasure_epoch::raise(store).await?;
    let time_series = runs(store, TIME_SERIES_ANALYSIS, first).await?;
    for ctx in &time_series {
        jobs.time_series(ctx).await?;
    }
    Ok(analytics.iter().chain(&time_series).map(|ctx| ctx.as_of).collect())
}

/// The published runs of `job` from `first` on, by day.
async fn runs(store: &dyn Store, job: &str, first: NaiveDate) -> Result<Vec<RunContext>, ErasureError> {
    let mut runs = Vec::new();
    for object in store.list(&format!("_runs/{job}/")).await? {
        let day = layout::run_of_record(&object.key).map(|(_, day)| day);
        let Some(as_of) = day.filter(|day| *day >= first) else { continue };
        if let Some(record) = published(store, job, as_of).await? {
            runs.push(RunContext { as_of, started_at: record.started_at });
        }
    }
    runs.sort_unstable_by_key(|run| run.as_of);
    Ok(runs)
}
