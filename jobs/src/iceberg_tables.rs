//! What jobs publish, committed into the lake's Iceberg tables where it has them.
//!
//! A table's data file is the published one under a second name (decision 38), and a day of it is replaced in one snapshot. The commit comes
//! behind the published file and before the run's record: who dies between them leaves a day that the next run makes whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use millrace_events::instant::Micros;
use millrace_iceberg::{
    Catalogue, Commit, DataFile, Definition, IcebergError, LakeTables, LocationCatalogue, Outcome,
    Partitioning, Snapshot, Table as IcebergTable, data_key, measure, place,
};
use millrace_lake::layout::{Layer, partition_day, partition_key, run_record_key, table_prefix};
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use millrace_tables::{Table, tables};

use crate::erasure_epoch;
use crate::job_error::JobError;
use crate::publish::{day_lock, published, write_record};
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
struct Day {
    day: NaiveDate,
    published: Key,
    /// When the run that made it started: of one day the later-started wins.
    started: DateTime<Utc>,
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

/// What [`adopt`] did with a table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Adopted {
    /// The table's name.
    pub table: String,
    /// The days that came into its Iceberg table.
    pub days: usize,
    /// Those that were there as they are.
    pub unchanged: usize,
}

/// Gives the lake Iceberg tables, with every day that is published: from now on jobs keep them. Where it has them already, days that are not
/// what is published become so. Safe beside jobs. `told` hears of each table.
pub async fn adopt(
    lake: &Lake,
    catalogue: Catalogue,
    told: &(dyn Fn(&Adopted) + Send + Sync),
) -> Result<Vec<Adopted>, JobError> {
    // The mark before the listing: a job that doesn't see it has published before, and is listed.
    let iceberg = LakeTables::begin(&lake.store, catalogue, lake.glue.as_ref()).await?;
    let mut all = Vec::new();
    for table in tables().iter().filter(|table| table.layer != Layer::Raw) {
        let adopted = adopt_table(lake, &iceberg, table).await?;
        told(&adopted);
        all.push(adopted);
    }
    Ok(all)
}

async fn adopt_table(lake: &Lake, iceberg: &LakeTables, table: &Table) -> Result<Adopted, JobError> {
    let store = lake.store.as_ref();
    // What is linked from here on may hold a person who is erased meanwhile: then nothing of it is committed.
    let since = erasure_epoch::epoch(store).await?;
    let target = open(iceberg, table).await?;
    let mut adopted = Adopted { table: table.name(), days: 0, unchanged: 0 };
    let mut days = Vec::new();
    for object in store.list(&table_prefix(table.layer, table.folder)?).await? {
        let Some(day) = partition_day(&object.key) else { continue };
        days.push(Day { day, started: started(store, table, day).await?, published: object.key });
    }
    let metadata = target.load().await?.metadata;
    let Some(snapshot) = metadata.current_snapshot() else {
        let mut files = Vec::new();
        for day in &days {
            // Held while each is linked: an erasure that has begun since finds no file that comes behind its back.
            let _held = erasure_epoch::hold(store, since).await?;
            files.push(data_file(&target, table, day).await?);
        }
        let held = erasure_epoch::hold(store, since).await?;
        let summary = BTreeMap::from([("millrace.adopted-days".to_owned(), days.len().to_string())]);
        if !days.is_empty() && target.fill(files, &new_commit(Utc::now(), summary)).await? {
            adopted.days = days.len();
            return Ok(adopted);
        }
        // A job was quicker: day by day behind it.
        drop(held);
        return each_day(lake, iceberg, table, days, adopted).await;
    };
    let there = target.data_files(&metadata, snapshot).await?;
    let mut changed = Vec::new();
    for day in days {
        if is_there(&target, &there, &day).await? {
            adopted.unchanged += 1;
        } else {
            changed.push(day);
        }
    }
    each_day(lake, iceberg, table, changed, adopted).await
}

async fn each_day(
    lake: &Lake,
    iceberg: &LakeTables,
    table: &Table,
    days: Vec<Day>,
    mut adopted: Adopted,
) -> Result<Adopted, JobError> {
    for day in days {
        // Held while the file is linked and committed: an erasure waits for it, and finds it.
        let since = erasure_epoch::epoch(lake.store.as_ref()).await?;
        let _held = erasure_epoch::hold(lake.store.as_ref(), since).await?;
        match replace(iceberg, table, &day, BTreeMap::new()).await? {
            Outcome::Committed(_) => adopted.days += 1,
            // By a job meanwhile.
            Outcome::AlreadyThere(_) | Outcome::Superseded(_) => adopted.unchanged += 1,
        }
    }
    Ok(adopted)
}

/// Whether the day's one file in `files` is what is published.
async fn is_there(target: &IcebergTable, files: &[DataFile], day: &Day) -> Result<bool, JobError> {
    let number = day.day.to_epoch_days();
    let mut of_day = files.iter().filter(|file| file.day == Some(number));
    let (Some(file), None) = (of_day.next(), of_day.next()) else { return Ok(false) };
    let warehouse = target.warehouse();
    let (there, published) = (warehouse.key(&file.location)?, &day.published);
    let store = warehouse.store();
    if store.size(published).await? != store.size(&there).await? {
        return Ok(false);
    }
    Ok(store.get(published).await? == store.get(&there).await?)
}

/// Replaces a day of `table`'s Iceberg table by what is published, whichever run made what is there, and notes the snapshot in the run's
/// record. `false` where nothing is published.
pub(crate) async fn replace_by_published(
    iceberg: &LakeTables,
    store: &dyn Store,
    table: &Table,
    day: NaiveDate,
) -> Result<bool, JobError> {
    let millrace_tables::table_catalogue::MadeBy::Job(job) = &table.made_by else { return Ok(false) };
    let published_key = partition_key(table.layer, table.folder, day)?;
    // As a run that publishes: none does meanwhile.
    let _lock = store.lock(&day_lock(job, day)?).await?;
    let _epoch = erasure_epoch::hold(store, erasure_epoch::epoch(store).await?).await?;
    if store.size(&published_key).await?.is_none() {
        return Ok(false);
    }
    // A run that died before its record has committed a later start than the record tells.
    let metadata = open(iceberg, table).await?.load().await?.metadata;
    let of_day = |snapshot: &&Snapshot| snapshot.summary.get(millrace_iceberg::DAY) == Some(&day.to_string());
    let starts = metadata.ancestors().filter(of_day).filter_map(|snapshot| {
        let micros = snapshot.summary.get(millrace_iceberg::STARTED_AT)?.parse().ok()?;
        DateTime::from_timestamp_micros(micros)
    });
    let started = starts.chain([started(store, table, day).await?]).max().unwrap_or(DateTime::UNIX_EPOCH);
    let outcome =
        replace(iceberg, table, &Day { day, published: published_key, started }, BTreeMap::new()).await?;
    let (Outcome::Committed(snapshot) | Outcome::AlreadyThere(snapshot)) = outcome else { return Ok(true) };
    if let Some(mut record) = published(store, job, day).await? {
        for report in record.tables.iter_mut().filter(|report| report.name == table.name()) {
            report.iceberg_snapshot = Some(snapshot);
        }
        write_record(store, &run_record_key(job, day)?, &record).await?;
    }
    Ok(true)
}

/// As [`replace_by_published`], where the day isn't what is published.
pub(crate) async fn follow_published(
    iceberg: &LakeTables,
    store: &dyn Store,
    table: &Table,
    day: NaiveDate,
) -> Result<(), JobError> {
    let target = open(iceberg, table).await?;
    let metadata = target.load().await?.metadata;
    let there = match metadata.current_snapshot() {
        Some(snapshot) => target.data_files(&metadata, snapshot).await?,
        None => Vec::new(),
    };
    let published = partition_key(table.layer, table.folder, day)?;
    if store.size(&published).await?.is_some()
        && !is_there(&target, &there, &Day { day, published, started: DateTime::UNIX_EPOCH }).await?
    {
        replace_by_published(iceberg, store, table, day).await?;
    }
    Ok(())
}

async fn replace(
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
async fn open(iceberg: &LakeTables, table: &Table) -> Result<IcebergTable, IcebergError> {
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
async fn data_file(target: &IcebergTable, table: &Table, day: &Day) -> Result<DataFile, IcebergError> {
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

fn new_commit(started: DateTime<Utc>, summary: BTreeMap<String, String>) -> Commit {
    Commit { id: uuid::Uuid::now_v7().to_string(), started, now: Utc::now(), summary }
}

/// When the run that published the day started; of a day without a record, long ago: any run is later.
async fn started(store: &dyn Store, table: &Table, day: NaiveDate) -> Result<DateTime<Utc>, JobError> {
    let millrace_tables::table_catalogue::MadeBy::Job(job) = &table.made_by else {
        return Ok(DateTime::UNIX_EPOCH);
    };
    let record = published(store, job, day).await?;
    Ok(record.map_or(DateTime::UNIX_EPOCH, |record| instant(record.started_at)))
}

fn instant(micros: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros.get()).unwrap_or(DateTime::UNIX_EPOCH)
}
