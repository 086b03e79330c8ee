//! The job time-series-analysis: six tables over the day's users_transformed and the days' quality metrics.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::DataType;
use millrace_kernels::counts::Job;
use millrace_kernels::quality_days::{AVERAGE, COUNTS, Told, told};
use millrace_lake::layout::{partition_day, table_prefix};
use millrace_lake::store::Store;

use millrace_tables::QualityDay;
use millrace_tables::analytics::DATA_QUALITY_METRICS;
use millrace_tables::job_names::{ANALYTICS_AGGREGATION, TIME_SERIES_ANALYSIS as JOB};

use crate::aggregation::{self, EngineSettings};
use crate::iceberg_tables::Lake;
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::partition::{Partition, ReadColumn};
use crate::table_job::{Began, JobProgress, TablesReport, made, publish_all, users_of_day};

/// Runs the job for `run.as_of`.
///
/// Delivery: a re-run replaces the day's files; of two runs at once the later-started wins. Fails where
/// analytics-aggregation has not run for the day.
pub async fn run(
    lake: impl Into<Lake>,
    run: &RunContext,
    progress: &(dyn Fn(JobProgress) + Send + Sync),
) -> Result<TablesReport, JobError> {
    let lake = lake.into();
    let store = &lake.store;
    let began = Began::now(store.as_ref()).await?;
    let users = users_of_day(store.as_ref(), run, JOB, Vec::new()).await?;
    let metrics = metrics_up_to(store.as_ref(), run).await?;
    let mut quality_days = Vec::with_capacity(metrics.len());
    for partition in &metrics {
        quality_days.extend(quality_of(partition)?);
    }

    let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
    let (context, work_users) = (*run, users.clone());
    let work = tokio::task::spawn_blocking(move || {
        let (read, of) = (AtomicU64::new(0), work_users.rows());
        let tell = |rows: u64| {
            let rows = read.fetch_add(rows, Ordering::Relaxed) + rows;
            // A full channel has newer news.
            let _ = sender.try_send(JobProgress { rows, of });
        };
        let counts =
            aggregation::count(&work_users, Job::TimeSeriesAnalysis, EngineSettings::default(), &tell)?;
        made(&counts, &quality_days, &context)
    });
    while let Some(step) = receiver.recv().await {
        progress(step);
    }
    let ready = work.await.map_err(JobError::worker)??;
    let inputs: Vec<&Partition> = std::iter::once(&users).chain(&metrics).collect();
    publish_all(&lake, JOB, run, &inputs, users.rows(), ready, began).await
}

/// The quality metrics of the days up to `as_of`, in their order. Fails where the day's own are not there.
async fn metrics_up_to(store: &dyn Store, run: &RunContext) -> Result<Vec<Partition>, JobError> {
    let spec = &DATA_QUALITY_METRICS.spec;
    let mut found = Vec::new();
    let mut today = false;
    for object in store.list(&table_prefix(spec.layer, spec.name)?).await? {
        let Some(day) = partition_day(&object.key).filter(|day| *day <= run.as_of) else { continue };
        if let Some(partition) = Partition::open(store, &object.key, &read_columns()).await? {
            today |= day == run.as_of;
            found.push(partition);
        }
    }
    if !today {
        return Err(JobError::MissingInput {
            job: JOB,
            table: spec.name,
            as_of: run.as_of,
            made_by: ANALYTICS_AGGREGATION,
        });
    }
    Ok(found)
}

fn read_columns() -> Vec<ReadColumn> {
    let mut columns: Vec<_> = COUNTS.iter().map(|name| ReadColumn::of(name, DataType::Int64)).collect();
    columns.push(ReadColumn::of(AVERAGE, DataType::Float64));
    columns
}

/// The day's row; nothing of a day without users.
fn quality_of(partition: &Partition) -> Result<Option<QualityDay>, JobError> {
    let Some(day) = partition_day(partition.key()) else { return Ok(None) };
    let columns: BTreeSet<&str> = read_columns().iter().map(|column| column.name).collect();
    let row_groups = (0..partition.row_groups()).collect();
    let Some(rows) = partition.read(&columns, row_groups)?.next().transpose()? else { return Ok(None) };
    Ok(match told(day.to_epoch_days(), &rows)? {
        Told::Quality(day) => Some(day),
        Told::Nobody => None,
        Told::Incomplete => {
            tracing::warn!(partition = %partition.key(), "a day's quality lacks a column and is left out; make its tables again");
            None
        }
    })
}
