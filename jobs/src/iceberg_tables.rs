//! What jobs publish, committed into the lake's Iceberg tables where it has them.
//!
//! A table's data file is the published one under a second name (decision 38), and a day of it is replaced in one snapshot. The commit comes
//! behind the published file and before the run's record: who dies between them leaves a day that the next run makes whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use millrace_events::instant::Micros;
use millrace_iceberg::{
    Commit, DataFile, Definition, IcebergError, LakeTables, LocationCatalogue, Outcome, Partitioning,
    Table as IcebergTable, data_key, measure, place,
};
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use millrace_tables::{Table, tables};

use crate::job_error::JobError;
use crate::run_record::RunRecord;

/// The column that every table of a job is parted by.
const DAY: &str = "processing_date";

/// A lake as jobs publish into it.
#[derive(Debug, Clone)]
pub struct Lake {
    /// Where its objects are.
    pub store: Arc<dyn Store>,
    /// Who asks Glue for Iceberg tables; a lake whose tables Glue knows is refused without.
    pub glue: Option<Arc<dyn LocationCatalogue>>,
}

impl From<Arc<dyn Store>> for Lake {
    fn from(store: Arc<dyn Store>) -> Self {
        Self { store, glue: None }
    }
}

impl<S: Store + 'static> From<Arc<S>> for Lake {
    fn from(store: Arc<S>) -> Self {
        Self { store, glue: None }
    }
}

impl From<&Arc<dyn Store>> for Lake {
    fn from(store: &Arc<dyn Store>) -> Self {
        Arc::clone(store).into()
    }
}

impl Lake {
    /// Its Iceberg tables, where it has them.
    pub(crate) async fn iceberg(&self) -> Result<Option<LakeTables>, JobError> {
        Ok(LakeTables::find(&self.store, self.glue.as_ref()).await?)
    }
}

/// A file of the plain layout that becomes a day of an Iceberg table.
pub(crate) struct Day {
    pub(crate) day: NaiveDate,
    pub(crate) published: Key,
    /// When the run that made it started: of one day the later-started wins.
    pub(crate) started: DateTime<Utc>,
}

/// Commits what `record` says was published, and notes the snapshots in it.
pub(crate) async fn commit(lake: &LakeTables, record: &mut RunRecord) -> Result<(), JobError> {
    let started = instant(record.started_at);
    for report in &mut record.tables {
        let Some(table) = tables().iter().find(|table| table.name() == report.name) else { continue };
        let day = Day { day: record.as_of, published: Key::new(report.key.as_str())?, started };
        let summary = BTreeMap::from([("millrace.job".to_owned(), record.job.clone())]);
        match replace(lake, table, &day, summary).await? {
            Outcome::Committed(snapshot) | Outcome::AlreadyThere(snapshot) => {
                report.iceberg_snapshot = Some(snapshot);
            }
            Outcome::Superseded(_) => {
                return Err(JobError::IcebergIsNewer { table: table.name(), as_of: record.as_of });
            }
        }
    }
    Ok(())
}

pub(crate) async fn replace(
    iceberg: &LakeTables,
    table: &Table,
    day: &Day,
    summary: BTreeMap<String, String>,
) -> Result<Outcome, JobError> {
    let target = open(iceberg, table).await?;
    let file = data_file(&target, table, day).await?;
    Ok(target.replace_day(day.day, vec![file], &new_commit(day.started, summary)).await?)
}

/// The table, made where there is none, with all columns that the catalogue of tables has.
pub(crate) async fn open(iceberg: &LakeTables, table: &Table) -> Result<IcebergTable, IcebergError> {
    let target = iceberg.table(&table.name())?;
    let definition = Definition {
        schema: &table.schema,
        partitioning: Partitioning::Date(DAY.to_owned()),
        sorted_by: table.key.iter().map(|column| (*column).to_owned()).collect(),
        properties: BTreeMap::new(),
    };
    if !target.create(&definition, Utc::now()).await? {
        let added = target.add_columns(&table.schema, Utc::now()).await?;
        if !added.is_empty() {
            tracing::info!(table = target.name(), ?added, "iceberg_columns_added");
        }
    }
    Ok(target)
}

/// The published file under a name of its own, which nobody writes over.
pub(crate) async fn data_file(
    target: &IcebergTable,
    table: &Table,
    day: &Day,
) -> Result<DataFile, IcebergError> {
    let metadata = target.load().await?.metadata;
    // Dated by now and not by the run's start, which may be any: what is young is no orphan yet.
    let run = uuid::Uuid::now_v7().simple().to_string();
    let key = data_key(target.name(), &metadata, day.day, Utc::now(), &run, 0)?;
    place(target.warehouse().store().as_ref(), &day.published, &key).await?;
    measure(target.warehouse(), &key, &metadata, day.day, &without_bounds(table)).await
}

/// Of a table about persons all columns but the day: bounds are values, and erasure would have to find them in manifests.
fn without_bounds(table: &Table) -> BTreeSet<String> {
    let personal = table.schema.fields().iter().filter(|_| table.data_subject.is_some());
    personal.map(|field| field.name().clone()).filter(|name| name != DAY).collect()
}

pub(crate) fn new_commit(started: DateTime<Utc>, summary: BTreeMap<String, String>) -> Commit {
    Commit { id: uuid::Uuid::now_v7().to_string(), started, now: Utc::now(), summary }
}

pub(crate) fn instant(micros: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros.get()).unwrap_or(DateTime::UNIX_EPOCH)
}
