//! The job analytics-aggregation: nine tables over the day's users_transformed.

pub mod dimension;

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::NaiveDate;
use millrace_lake::layout::{partition_day, partition_key, table_prefix};
use millrace_lake::store::Store;
use tokio::sync::mpsc;

use millrace_kernels::counts::Job;
use millrace_kernels::dimension::file_schema;
use millrace_tables::analytics::DIM_USER_DEMOGRAPHICS;
use millrace_tables::job_names::ANALYTICS_AGGREGATION as JOB;

use crate::aggregation::{self, EngineSettings};
use crate::iceberg_tables::Lake;
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::partition::Partition;
use crate::publish::Staged;
use crate::table_file::TableFile;
use crate::table_job::{Began, JobProgress, Ready, TablesReport, made, publish_all, users_of_day};

/// What the worker tells while it works.
enum Message {
    /// Encoded bytes of dim_user_demographics.
    Bytes(Vec<u8>),
    Progress(JobProgress),
}

/// Runs the job for `run.as_of`.
///
/// Delivery: a re-run replaces the day's files; of two runs at once the later-started wins. Fails where
/// raw-transformation has not made the day's users. Dropping the future ends the work and leaves nothing behind.
pub async fn run(
    lake: impl Into<Lake>,
    run: &RunContext,
    progress: &(dyn Fn(JobProgress) + Send + Sync),
) -> Result<TablesReport, JobError> {
    let lake = lake.into();
    let store = &lake.store;
    let began = Began::now(store.as_ref()).await?;
    let users = users_of_day(store.as_ref(), run, JOB, Vec::new()).await?;
    let earlier = earlier_versions(store.as_ref(), run.as_of).await?;
    let dim_key = partition_key(DIM_USER_DEMOGRAPHICS.layer, DIM_USER_DEMOGRAPHICS.name, run.as_of)?;
    let mut writer = store.writer(&dim_key).await?;

    // A few row groups may wait for a slow store, no more.
    let (sender, mut receiver) = mpsc::channel(2);
    let (context, work_users, work_earlier) = (*run, users.clone(), earlier.clone());
    let work = tokio::task::spawn_blocking(move || work(&work_users, &work_earlier, &context, &sender));
    while let Some(message) = receiver.recv().await {
        match message {
            Message::Bytes(bytes) => writer.write(bytes.into()).await?,
            Message::Progress(step) => progress(step),
        }
    }
    let (versions, tables) = work.await.map_err(JobError::worker)??;

    let mut ready = vec![Ready::new(&DIM_USER_DEMOGRAPHICS, run, versions, |_| Staged::Writer(writer))?];
    ready.extend(tables);
    let inputs: Vec<&Partition> = std::iter::once(&users).chain(&earlier).collect();
    publish_all(&lake, JOB, run, &inputs, users.rows(), ready, began).await
}

/// The blocking part: counts, makes the small tables, and sends the dimension's bytes; answers its rows.
fn work(
    users: &Partition,
    earlier: &[Partition],
    run: &RunContext,
    sender: &mpsc::Sender<Message>,
) -> Result<(u64, Vec<Ready>), JobError> {
    let (read, of) = (AtomicU64::new(0), 2 * users.rows());
    let tell = |rows: u64| {
        let rows = read.fetch_add(rows, Ordering::Relaxed) + rows;
        // A full channel has newer news.
        let _ = sender.try_send(Message::Progress(JobProgress { rows, of }));
    };
    let counts = aggregation::count(users, Job::AnalyticsAggregation, EngineSettings::default(), &tell)?;
    let tables = made(&counts, &[], run)?;
    drop(counts);

    let encode = |source| JobError::Encode { table: DIM_USER_DEMOGRAPHICS.name, source };
    let send = |bytes: Vec<u8>| match bytes.is_empty() {
        true => Ok(()),
        false => sender.blocking_send(Message::Bytes(bytes)).map_err(|_| JobError::Cancelled),
    };
    let mut file = TableFile::new(file_schema()).map_err(encode)?;
    dimension::versions(users, earlier, run, &mut |rows| {
        send(file.append(&rows).map_err(encode)?)?;
        tell(rows.num_rows() as u64);
        Ok(())
    })?;
    let (bytes, versions) = file.finish().map_err(encode)?;
    send(bytes)?;
    Ok((versions, tables))
}

/// The dimension's partitions before `as_of`, in the order of their days.
async fn earlier_versions(store: &dyn Store, as_of: NaiveDate) -> Result<Vec<Partition>, JobError> {
    let spec = &DIM_USER_DEMOGRAPHICS;
    let columns = dimension::read_columns_of_versions();
    let mut earlier = Vec::new();
    for object in store.list(&table_prefix(spec.layer, spec.name)?).await? {
        if partition_day(&object.key).is_some_and(|day| day < as_of) {
            // One that went away since was removed by hand: it is as if it had never been.
            earlier.extend(Partition::open(store, &object.key, &columns).await?);
        }
    }
    Ok(earlier)
}
