//! What the jobs over users_transformed share: their input, their report, the staging of small tables.

use std::time::Instant;

use millrace_kernels::counts::Partial;
use millrace_lake::layout::partition_key;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use millrace_tables::curated::USERS_TRANSFORMED;
use millrace_tables::{QualityDay, TableSpec};

use crate::aggregation;
use crate::erasure_epoch::{self, Epoch};
use crate::iceberg_tables::Lake;
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::partition::{Partition, ReadColumn};
use crate::polars_schema::polars_schema;
use crate::publish::{Staged, publish, schema_fingerprint};
use crate::raw_transformation;
use crate::run_record::{Inputs, RowCounts, RunRecord, TableReport};
use crate::table_file::TableFile;

/// How far a job is: rows read, of all it will read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobProgress {
    /// Rows read so far.
    pub rows: u64,
    /// Rows that it will read in all.
    pub of: u64,
}

/// What a run of a job over users_transformed did.
#[derive(Debug, Clone, PartialEq)]
pub struct TablesReport {
    /// The job's name.
    pub job: &'static str,
    /// Users of the day.
    pub users: u64,
    /// The tables, in the order in which they were made; what would have been written where `published` is false.
    pub tables: Vec<TableReport>,
    /// False where a run that started later had published this day already: then nothing was written.
    pub published: bool,
    /// How long the run took.
    pub seconds: f64,
}

/// A run's beginning, before it reads anything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began {
    at: Instant,
    since: Epoch,
}

impl Began {
    pub(crate) async fn now(store: &dyn Store) -> Result<Self, JobError> {
        Ok(Self { at: Instant::now(), since: erasure_epoch::epoch(store).await? })
    }
}

/// Opens the day's users. Fails where raw-transformation has not made them.
pub(crate) async fn users_of_day(
    store: &dyn Store,
    run: &RunContext,
    job: &'static str,
    more: Vec<ReadColumn>,
) -> Result<Partition, JobError> {
    let table = USERS_TRANSFORMED.name;
    let key = partition_key(USERS_TRANSFORMED.layer, table, run.as_of)?;
    let mut columns = aggregation::read_columns();
    columns.extend(more);
    let users = Partition::open(store, &key, &columns).await?;
    users.ok_or(JobError::MissingInput { job, table, as_of: run.as_of, made_by: raw_transformation::JOB })
}

/// A table that is ready to be published, and what its record says.
#[derive(Debug)]
pub(crate) struct Ready {
    staged: Staged,
    report: TableReport,
}

impl Ready {
    pub(crate) fn new(
        spec: &TableSpec,
        run: &RunContext,
        rows: u64,
        staged: impl FnOnce(Key) -> Staged,
    ) -> Result<Self, JobError> {
        let key = partition_key(spec.layer, spec.name, run.as_of)?;
        let report = TableReport {
            name: spec.name.into(),
            rows,
            bytes: 0,
            key: key.to_string(),
            schema_fingerprint: schema_fingerprint(&polars_schema(&spec.arrow_schema())),
            iceberg_snapshot: None,
        };
        Ok(Self { staged: staged(key), report })
    }
}

/// The job's tables of counts as files.
pub(crate) fn made(
    counts: &Partial,
    quality_days: &[QualityDay],
    run: &RunContext,
) -> Result<Vec<Ready>, JobError> {
    let tables = counts.tables(quality_days, run)?.into_iter().map(|(spec, batch)| {
        let file = TableFile::of(&batch).map_err(|source| JobError::Encode { table: spec.name, source })?;
        Ready::new(spec, run, batch.num_rows() as u64, |key| Staged::Bytes(key, file.into()))
    });
    tables.collect()
}

/// Publishes the tables and the run's record.
pub(crate) async fn publish_all(
    lake: &Lake,
    job: &'static str,
    run: &RunContext,
    inputs: &[&Partition],
    users: u64,
    ready: Vec<Ready>,
    began: Began,
) -> Result<TablesReport, JobError> {
    let (staged, tables) = ready.into_iter().map(|ready| (ready.staged, ready.report)).unzip();
    let mut record = RunRecord {
        job: job.into(),
        as_of: run.as_of,
        started_at: run.started_at,
        seconds: began.at.elapsed().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION").into(),
        inputs: Inputs {
            objects: inputs.iter().map(|input| input.key().to_string()).collect(),
            bytes: inputs.iter().map(|input| input.bytes()).sum(),
            ..Inputs::default()
        },
        rows: RowCounts { rows_in: users, users, ..RowCounts::default() },
        tables,
    };
    let published = publish(lake, staged, &mut record, began.since).await?;
    let seconds = began.at.elapsed().as_secs_f64();
    tracing::info!(job, users, published, as_of = %run.as_of, seconds, "job done");
    Ok(TablesReport { job, users, tables: record.tables, published, seconds })
}
