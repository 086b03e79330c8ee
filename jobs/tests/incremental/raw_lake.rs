//! A small lake of raw users, what happens to it, and the tables of one run over all of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{Days, NaiveDate};
use millrace_events::instant::Micros;
use millrace_jobs::job_error::JobError;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::raw_transformation::raw_scan::{COMPACTED_FROM, COMPACTED_ROWS, RAW_USERS};
use millrace_jobs::raw_transformation::state::STATE;
use millrace_jobs::raw_transformation::{self, JobReport};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;

use crate::raw_rows::{RawRow, batch};

pub(crate) const DAY: i64 = 86_400_000_000;
pub(crate) const MANIFEST: &str = "_state/raw-transformation/manifest.json";

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).expect("a key")
}

/// The day `day` days after the first.
pub(crate) fn day(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(1970, 1, 1)
        .and_then(|first| first.checked_add_days(Days::new(day)))
        .expect("a day")
}

pub(crate) fn context(as_of: u64, started_at: i64) -> RunContext {
    RunContext { as_of: day(as_of), started_at: Micros(started_at) }
}

/// A run with room for `range_rows` rows in memory.
pub(crate) async fn run_within(
    store: &Arc<dyn Store>,
    ctx: &RunContext,
    range_rows: u64,
) -> Result<JobReport, JobError> {
    let scratch = tempfile::tempdir().expect("tempdir");
    let settings = JobSettings { memory_bytes: range_rows * 4096, scratch_dir: scratch.path().to_owned() };
    raw_transformation::run(store.clone(), ctx, &settings, &|_| {}).await
}

pub(crate) async fn run(store: &Arc<dyn Store>, ctx: &RunContext) -> JobReport {
    run_within(store, ctx, 1 << 20).await.expect("a run")
}

/// All objects under `prefix`.
pub(crate) async fn objects(store: &dyn Store, prefix: &str) -> BTreeMap<String, Bytes> {
    let mut objects = BTreeMap::new();
    for object in store.list(prefix).await.expect("listed") {
        objects.insert(object.key.to_string(), store.get(&object.key).await.expect("got"));
    }
    objects
}

/// The files of both tables for a day.
pub(crate) async fn tables(store: &dyn Store, as_of: u64) -> [Bytes; 2] {
    let table = async |name: &str| {
        let key = key(&format!("curated/{name}/processing_date={}/part-00000.parquet", day(as_of)));
        store.get(&key).await.expect("a table")
    };
    [table("users_transformed").await, table("data_quality_summary").await]
}

/// Holds that what `ctx`'s run has published is, to the byte, what one run over all of raw publishes, and its counts.
pub(crate) async fn assert_as_from_raw_alone(
    store: &Arc<dyn Store>,
    ctx: &RunContext,
    report: &JobReport,
    started_days: u64,
) {
    let fresh: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for (name, body) in objects(store.as_ref(), RAW_USERS).await {
        fresh.put(&key(&name), body).await.expect("put");
    }
    let expected = run(&fresh, ctx).await;
    assert_eq!(
        (report.raw_rows_by_position, report.users, report.duplicates, report.after_as_of),
        (expected.raw_rows_by_position, expected.users, expected.duplicates, expected.after_as_of),
    );
    assert_eq!(report.inputs.objects, expected.inputs.objects);
    let same = tables(store.as_ref(), started_days).await == tables(fresh.as_ref(), started_days).await;
    assert!(same, "the tables differ from those of a run over raw alone");
}

/// A record of the topic: its values follow from its position.
pub(crate) fn record(generation: &str, partition: i64, offset: i64) -> RawRow {
    let seed = offset * 7 + partition * 31 + i64::from(generation.as_bytes()[1]) * 3;
    // Days come late and early.
    let timestamp = seed % 4 * DAY + seed % 11 * 1000 + if seed % 13 == 0 { DAY - 11_000 } else { 0 };
    let row = RawRow::at(generation, partition, offset).number("_timestamp", timestamp);
    let row =
        row.text("city", format!("city {}", seed % 5)).text("email", format!("u{seed}@x{}.org", seed % 3));
    match seed % 9 {
        0 => row,
        1 => row.text("user_id", "  "),
        _ => row.text("user_id", format!("user {:02}", seed % 17)),
    }
}

/// The key of the object of the offsets `first` to `last`.
pub(crate) fn raw_key(generation: &str, partition: i64, first: i64, last: i64) -> Key {
    let name = format!("t-{generation}-{partition:05}-{first:020}-{last:020}.parquet");
    key(&format!("raw/users/date=1970-01-01/hour=00/{name}"))
}

/// The Parquet file of `rows`, which says that it was made from `sources`, where there are some.
pub(crate) fn raw_object(rows: &[RawRow], sources: &[String]) -> Bytes {
    let entries = if sources.is_empty() { Vec::new() } else { compaction_entries(sources, rows.len()) };
    written(&[batch(rows)], &entries)
}

/// What compaction says in the footer of `rows` rows made from `sources`.
fn compaction_entries(sources: &[String], rows: usize) -> Vec<KeyValue> {
    let sources = serde_json::to_string(sources).expect("json");
    let rows = rows.to_string();
    [(COMPACTED_FROM, sources), (COMPACTED_ROWS, rows)]
        .map(|(key, value)| KeyValue::new(key.to_owned(), value))
        .into()
}

pub(crate) fn written(batches: &[arrow_array::RecordBatch], entries: &[KeyValue]) -> Bytes {
    let mut body = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut body, batches[0].schema(), None).expect("a writer");
    for batch in batches {
        writer.write(batch).expect("written");
    }
    for entry in entries {
        writer.append_key_value_metadata(entry.clone());
    }
    writer.close().expect("closed");
    body.into()
}

/// Lands the records `first` to `last` of a partition as one object; answers its key.
pub(crate) async fn land(store: &dyn Store, generation: &str, partition: i64, first: i64, last: i64) -> Key {
    let rows: Vec<_> = (first..=last).map(|offset| record(generation, partition, offset)).collect();
    let key = raw_key(generation, partition, first, last);
    store.put(&key, raw_object(&rows, &[])).await.expect("put");
    key
}

/// The object that compaction makes of `sources`, in memory.
pub(crate) fn compacted(sources: &BTreeMap<String, Bytes>) -> Bytes {
    let mut names: Vec<String> = Vec::new();
    let mut batches = Vec::new();
    for (name, body) in sources {
        let reader = ParquetRecordBatchReaderBuilder::try_new(body.clone()).expect("a Parquet file");
        let entries = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
        for entry in entries.iter().filter(|entry| entry.key == COMPACTED_FROM) {
            names.extend(
                serde_json::from_str::<Vec<String>>(entry.value.as_deref().expect("set")).expect("json"),
            );
        }
        names.push(name.clone());
        batches.extend(reader.build().expect("a reader").map(|batch| batch.expect("a batch")));
    }
    let rows = batches.iter().map(arrow_array::RecordBatch::num_rows).sum();
    written(&batches, &compaction_entries(&names, rows))
}

/// What lies in the state's folder.
pub(crate) async fn state(store: &dyn Store) -> BTreeMap<String, Bytes> {
    objects(store, STATE).await
}
