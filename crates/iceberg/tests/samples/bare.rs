//! Data files that are told of without Parquet in them: commits don't look inside.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::NaiveDate;
use millrace_iceberg::{DataFile, Snapshot, Table, TableMetadata, data_key};
use millrace_lake::Store;
use millrace_lake::memory_store::MemoryStore;

use super::{TABLE, at};

/// A file of `run` for a day, put where it belongs.
pub(crate) async fn bare(table: &Table, store: &dyn Store, day: NaiveDate, run: &str) -> DataFile {
    let metadata = table.load().await.unwrap().metadata;
    let key = data_key(TABLE, &metadata, day, at(0), run, 0).unwrap();
    store.put(&key, Bytes::from(run.to_owned())).await.unwrap();
    let none = BTreeMap::new;
    DataFile {
        location: table.warehouse().location(&key),
        format: "PARQUET".to_owned(),
        day: Some((day - NaiveDate::default()).num_days() as i32),
        records: 10,
        bytes: run.len() as i64,
        column_sizes: none(),
        value_counts: none(),
        null_counts: none(),
        nan_counts: none(),
        lower_bounds: BTreeMap::new(),
        upper_bounds: BTreeMap::new(),
        key_metadata: None,
        split_offsets: None,
        sort_order_id: None,
    }
}

/// The runs whose files a snapshot reads, by day.
pub(crate) async fn runs(
    table: &Table,
    metadata: &TableMetadata,
    snapshot: Option<&Snapshot>,
) -> BTreeSet<(i32, String)> {
    let Some(snapshot) = snapshot else { return BTreeSet::new() };
    let files = table.data_files(metadata, snapshot).await.unwrap();
    let count = files.len();
    let store = table.warehouse().store();
    let mut runs = BTreeSet::new();
    for file in files {
        let body = store.get(&table.warehouse().key(&file.location).unwrap()).await.unwrap();
        runs.insert((file.day.unwrap(), String::from_utf8(body.to_vec()).unwrap()));
    }
    assert_eq!(runs.len(), count, "a file is there twice");
    runs
}

/// What is read now.
pub(crate) async fn now(table: &Table) -> BTreeSet<(i32, String)> {
    let metadata = table.load().await.unwrap().metadata;
    runs(table, &metadata, metadata.current_snapshot()).await
}

/// The same objects in a store of their own.
pub(crate) async fn copied(from: &MemoryStore) -> MemoryStore {
    let store = MemoryStore::new();
    for object in from.list("").await.unwrap() {
        store.put(&object.key, from.get(&object.key).await.unwrap()).await.unwrap();
    }
    store
}
