//! Files that have to go end the snapshots that name them, wherever these are in the history, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use millrace_iceberg::{DataFile, History, IcebergError, MAIN, Table, Warehouse};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::{Key, Store};
use serde_json::json;

use samples::bare::{bare, now, runs};
use samples::{TABLE, at, commit, create, day};

fn over(store: &MemoryStore) -> Table {
    Table::without_catalogue(Warehouse::new(Arc::new(store.clone()), "s3://bucket/lake"), TABLE).unwrap()
}

fn key(table: &Table, file: &DataFile) -> Key {
    table.warehouse().key(&file.location).unwrap()
}

/// Replaces days one after another; answers the files and their snapshots, oldest first.
async fn begun(store: &MemoryStore, days: &[(&str, i64)]) -> (Table, Vec<DataFile>, Vec<i64>) {
    let table = over(store);
    create(&table).await;
    let mut files = Vec::new();
    for (run, of) in days {
        let file = bare(&table, store, day(*of), run).await;
        files.push(file.clone());
        table.replace_day(day(*of), vec![file], &commit(run, 1)).await.unwrap();
    }
    let history = table.history().await.unwrap();
    (table, files, history.into_iter().map(|(snapshot, _)| snapshot.snapshot_id).collect())
}

/// Puts the newest metadata again, changed, as another engine would.
async fn change(store: &MemoryStore, table: &Table, change: impl FnOnce(&mut serde_json::Value)) {
    let current = table.load().await.unwrap();
    let here = table.warehouse().key(&current.location).unwrap();
    let mut metadata = serde_json::from_slice(&store.get(&here).await.unwrap()).unwrap();
    change(&mut metadata);
    let next = current.token.parse::<u64>().unwrap() + 1;
    let next = Key::new(format!("iceberg/{TABLE}/metadata/v{next}.metadata.json")).unwrap();
    store.put(&next, Bytes::from(metadata.to_string())).await.unwrap();
}

#[tokio::test]
async fn the_middle_of_a_history_ends_and_the_rest_is_read_as_before() {
    let store = MemoryStore::new();
    let days = [("a", 0), ("b", 1), ("bad", 0), ("c", 1), ("good", 0), ("d", 1)];
    let (table, files, ids) = begun(&store, &days).await;
    let statistics = Key::new(format!("iceberg/{TABLE}/metadata/of-bad.stats")).unwrap();
    store.put(&statistics, Bytes::from_static(b"PFA1")).await.unwrap();
    change(&store, &table, |metadata| {
        metadata["refs"]["audit"] = json!({"snapshot-id": ids[3], "type": "tag"});
        metadata["refs"]["kept"] = json!({"snapshot-id": ids[1], "type": "branch"});
        let path = table.warehouse().location(&statistics);
        metadata["statistics"] = json!([{"snapshot-id": ids[2], "statistics-path": path}]);
    })
    .await;
    let before = table.load().await.unwrap().metadata;
    let bad = BTreeSet::from([key(&table, &files[2])]);
    let all = table.all_data_files().await.unwrap();
    assert_eq!(all.files, files.iter().map(|file| key(&table, file)).collect());
    assert_eq!(all.live.len(), 2);
    assert_eq!(all.live[&key(&table, &files[4])], Some(day(0)));
    let History { snapshots, refs } = all.history_of(&bad);
    assert_eq!(snapshots.iter().map(|one| one.snapshot_id).collect::<Vec<_>>(), ids[2..4]);
    assert_eq!(refs, BTreeSet::from(["audit".to_owned()]));

    assert!(table.remove_data_files(&bad, at(9)).await.unwrap());
    let after = table.load().await.unwrap().metadata;
    let left: Vec<i64> = after.snapshots.iter().map(|one| one.snapshot_id).collect();
    assert_eq!(left, [ids[0], ids[1], ids[4], ids[5]]);
    let mut read = Vec::new();
    for snapshot in &after.snapshots {
        let runs = runs(&table, &after, Some(snapshot)).await;
        read.push(runs.into_iter().map(|(_, run)| run).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(read, ["a", "a b", "good c", "good d"]);
    assert_eq!(after.refs.keys().collect::<Vec<_>>(), ["kept", MAIN]);
    // By time only what follows the gap is found; before it a wrong snapshot would be.
    let logged: Vec<i64> = after.snapshot_log.iter().map(|entry| entry.snapshot_id).collect();
    assert_eq!(logged, ids[4..]);
    for gone in [&statistics, &key(&table, &files[2])] {
        assert!(store.get(gone).await.unwrap_err().is_not_found(), "{gone}");
    }
    let lists = before.snapshots.iter().filter(|one| !left.contains(&one.snapshot_id));
    for list in lists.map(|one| table.warehouse().key(&one.manifest_list).unwrap()) {
        assert!(store.get(&list).await.unwrap_err().is_not_found(), "{list}");
    }
    // The table goes on.
    let more = bare(&table, &store, day(2), "more").await;
    table.replace_day(day(2), vec![more], &commit("more", 10)).await.unwrap();
    assert_eq!(now(&table).await.len(), 3);
}

#[tokio::test]
async fn what_is_read_now_stays_and_what_lies_elsewhere_is_refused() {
    let store = MemoryStore::new();
    let (table, files, _) = begun(&store, &[("a", 0), ("b", 1)]).await;
    let before = table.load().await.unwrap();
    let live = BTreeSet::from([key(&table, &files[0])]);
    assert!(!table.remove_data_files(&live, at(9)).await.unwrap());
    assert_eq!(table.load().await.unwrap(), before);
    assert_eq!(now(&table).await.len(), 2);
    let elsewhere = BTreeSet::from([Key::new("curated/users/part-00000.parquet").unwrap()]);
    let error = table.remove_data_files(&elsewhere, at(9)).await.unwrap_err();
    assert!(matches!(error, IcebergError::Unsupported { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_no_snapshot_names_goes_with_the_manifest_of_a_lost_commit() {
    let store = MemoryStore::new();
    let (table, _, ids) = begun(&store, &[("a", 0)]).await;
    let lost = bare(&table, &store, day(1), "lost").await;
    // A commit that loses its metadata leaves its manifests.
    let before = store.list(&format!("iceberg/{TABLE}/metadata/")).await.unwrap().len();
    table.append(vec![lost.clone()], &commit("lost", 2)).await.unwrap();
    let current = table.load().await.unwrap();
    store.delete(&table.warehouse().key(&current.location).unwrap()).await.unwrap();
    let hint = Key::new(format!("iceberg/{TABLE}/metadata/version-hint.text")).unwrap();
    store.delete(&hint).await.unwrap();
    let lost = key(&table, &lost);
    assert!(table.all_data_files().await.unwrap().files.contains(&lost));
    assert!(table.remove_data_files(&BTreeSet::from([lost.clone()]), at(9)).await.unwrap());
    assert!(store.get(&lost).await.unwrap_err().is_not_found());
    let left = store.list(&format!("iceberg/{TABLE}/metadata/")).await.unwrap();
    // Its list is left, which says nothing of rows, and the hint is gone.
    assert_eq!(left.len(), before, "{left:?}");
    assert_eq!(table.history().await.unwrap()[0].0.snapshot_id, ids[0]);
}
