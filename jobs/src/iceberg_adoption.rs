//! A lake that has published already gets Iceberg tables.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use millrace_iceberg::{Catalogue, DataFile, LakeTables, Outcome, Snapshot, Table as IcebergTable};
use millrace_lake::layout::{Layer, partition_day, partition_key, run_record_key, table_prefix};
use millrace_lake::store::Store;
use millrace_tables::table_catalogue::MadeBy;
use millrace_tables::{Table, tables};

use crate::erasure_epoch;
use crate::iceberg_tables::{Day, Lake, data_file, instant, new_commit, open, replace};
use crate::job_error::JobError;
use crate::publish::{day_lock, published, write_record};

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
    let MadeBy::Job(job) = &table.made_by else { return Ok(false) };
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

/// When the run that published the day started; of a day without a record, long ago: any run is later.
async fn started(store: &dyn Store, table: &Table, day: NaiveDate) -> Result<DateTime<Utc>, JobError> {
    let MadeBy::Job(job) = &table.made_by else {
        return Ok(DateTime::UNIX_EPOCH);
    };
    let record = published(store, job, day).await?;
    Ok(record.map_or(DateTime::UNIX_EPOCH, |record| instant(record.started_at)))
}
