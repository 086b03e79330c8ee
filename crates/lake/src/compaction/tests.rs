//! Whoever reads by source position sees each row once, before, while and after objects are compacted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};

use super::*;
use crate::faulty_store::{FaultPoint, FaultyStore, InjectedFault};
use crate::folder_store::FolderStore;
use crate::memory_store::MemoryStore;
use crate::object_key::Key;
use crate::raw_listing;
use crate::raw_object_reader::{COMPACTED_ROWS, RawFile, RawFileError};
use crate::raw_samples::{self, batch, land, land_rows, name};

async fn compacted(store: impl Store + 'static) -> Result<CompactionReport, CompactionError> {
    compacted_by(store, &CompactionOrder::default()).await
}

async fn compacted_by(
    store: impl Store + 'static,
    order: &CompactionOrder,
) -> Result<CompactionReport, CompactionError> {
    compact(Arc::new(store), "users", millrace_events::raw_schema::users(), order, &|_| ()).await
}

async fn files(store: &dyn Store) -> Result<Vec<RawFile>, RawFileError> {
    let listed = raw_listing::exact(store, "users").await.unwrap();
    let mut files = Vec::new();
    for object in listed {
        files.push(RawFile::open(store, &object.key).await?);
    }
    Ok(files)
}

/// The offsets that a reader by position sees: lists, opens all, and begins again where one is gone by then.
async fn offsets(store: &dyn Store) -> BTreeSet<i64> {
    loop {
        match files(store).await {
            Ok(files) => return files.iter().flat_map(|file| file.offsets().unwrap()).collect(),
            Err(RawFileError::Store(error)) if error.is_not_found() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn names(store: &dyn Store) -> Vec<String> {
    let listed = store.list("raw/").await.unwrap();
    listed.iter().map(|object| object.key.name().to_owned()).collect()
}

#[tokio::test]
async fn small_objects_become_one_that_names_them_and_theirs() {
    let store = MemoryStore::new();
    let first = [land(&store, 0, 9).await, land(&store, 10, 14).await, land(&store, 20, 29).await];
    let report = compacted(store.clone()).await.unwrap();
    assert_eq!((report.before.objects, report.after.objects), (3, 1));
    assert_eq!((report.written, report.rows, report.removed), (1, 25, 3));
    assert_eq!(report.after.bytes, store.list("raw/").await.unwrap()[0].size);
    assert_eq!(names(&store).await, [name(0, 29)]);
    let sources = files(&store).await.unwrap()[0].compacted_from();
    assert_eq!(sources, first);

    let more = land(&store, 30, 39).await;
    let large = files(&store).await.unwrap()[0].key().clone();
    compacted(store.clone()).await.unwrap();
    let file = &files(&store).await.unwrap()[0];
    assert_eq!(file.key().name(), name(0, 39));
    let expected: BTreeSet<Key> = first.into_iter().chain([large, more]).collect();
    assert_eq!(file.compacted_from().into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(file.offsets().unwrap(), (0..15).chain(20..40).collect::<Vec<_>>());
    let written = file.entries().into_iter().find(|entry| entry.key == COMPACTED_ROWS).unwrap();
    assert_eq!(written.value.as_deref(), Some("35"));

    let again = compacted(store.clone()).await.unwrap();
    assert_eq!((again.written, again.removed, again.before), (0, 0, again.after));
}

#[tokio::test]
async fn a_dry_run_tells_and_does_nothing() {
    let store = MemoryStore::new();
    for first in [0, 10, 20] {
        land(&store, first, first + 9).await;
    }
    let report = plan(&store, "users", &CompactionOrder::default()).await.unwrap();
    assert_eq!((report.before.objects, report.after.objects), (3, 1));
    assert_eq!((report.written, report.removed), (1, 3));
    assert_eq!(names(&store).await.len(), 3);
}

#[tokio::test]
async fn positions_that_several_objects_hold_are_written_once_whole_and_in_order() {
    let store = MemoryStore::new();
    land(&store, 0, 20_000).await;
    land_rows(&store, 9_000, 9_400, &(9_000..9_400).step_by(2).chain([9_400]).collect::<Vec<_>>()).await;
    land(&store, 19_990, 20_010).await;
    land_rows(&store, 20_005, 20_030, &[20_005, 20_030]).await;
    let report = compacted(store.clone()).await.unwrap();
    assert_eq!((report.rows, report.removed), (20_012, 4));
    let file = &files(&store).await.unwrap()[0];
    assert_eq!(file.offsets().unwrap(), (0..=20_010).chain([20_030]).collect::<Vec<_>>());
    let ids = raw_samples::ids(file);
    assert_eq!(
        ids,
        (0..=20_010).chain([20_030]).map(raw_samples::id).collect::<Vec<_>>(),
        "rows keep their values"
    );
}

#[tokio::test]
async fn an_object_within_another_goes_where_that_one_holds_its_rows_and_stays_where_not() {
    let store = MemoryStore::new();
    land_rows(&store, 0, 9, &[0, 1, 2, 6, 9]).await;
    land_rows(&store, 2, 6, &[2, 6]).await;
    land_rows(&store, 4, 5, &[4, 5]).await;
    let report = compacted(store.clone()).await.unwrap();
    assert_eq!(report.removed, 1);
    assert_eq!(names(&store).await, [name(0, 9), name(4, 5)]);
    assert_eq!(report.left_alone.len(), 1);
    // With a neighbour the one has another name, and takes it in.
    land(&store, 10, 11).await;
    compacted(store.clone()).await.unwrap();
    assert_eq!(names(&store).await, [name(0, 11)]);
    assert_eq!(offsets(&store).await, BTreeSet::from([0, 1, 2, 4, 5, 6, 9, 10, 11]));
}

#[tokio::test]
async fn objects_of_an_older_version_are_read_by_the_stated_schema() {
    let store = MemoryStore::new();
    land(&store, 0, 1).await;
    let rows = batch(&[2, 3]);
    let kept: Vec<usize> =
        (0..rows.num_columns()).filter(|at| rows.schema().field(*at).name() != "email").collect();
    raw_samples::put(&store, 2, 3, &rows.project(&kept).unwrap()).await;
    compacted(store.clone()).await.unwrap();
    let file = &files(&store).await.unwrap()[0];
    assert_eq!(file.schema().fields().len(), millrace_events::raw_schema::users().fields().len());
    assert_eq!(raw_samples::texts(file, "email").iter().filter(|email| email.is_none()).count(), 2);
    assert_eq!(file.rows(), 4);
}

#[tokio::test]
async fn what_would_lose_something_is_left_alone_and_the_others_go_on() {
    let store = MemoryStore::new();
    for first in [0, 10, 30, 40] {
        land(&store, first, first + 9).await;
    }
    let rows = batch(&[20, 21]);
    let mut fields: Vec<_> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("shoe_size", DataType::Int64, true)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int64Array::from(vec![44, 45])));
    let newer = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    raw_samples::put(&store, 20, 21, &newer).await;
    raw_samples::put(&store, 50, 51, &batch(&[51, 50])).await;
    raw_samples::put(&store, 60, 61, &batch(&[60, 99])).await;
    land(&store, 62, 69).await;

    let report = compacted(store.clone()).await.unwrap();
    assert_eq!(
        names(&store).await,
        [name(0, 19), name(20, 21), name(30, 49), name(50, 51), name(60, 61), name(62, 69)]
    );
    let reasons: Vec<_> = report.left_alone.iter().map(|left| left.reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("shoe_size")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("order of their offsets")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("beyond those of its name")), "{reasons:?}");
}

/// Objects in two hours, overlaps among them, and what they hold.
async fn a_lake(store: &dyn Store) -> BTreeSet<i64> {
    for (first, last) in [(0, 9), (10, 19), (15, 24), (25, 29)] {
        land(store, first, last).await;
    }
    offsets(store).await
}

#[tokio::test]
async fn killed_at_any_operation_it_loses_and_doubles_nothing_and_the_next_one_ends_it() {
    let mut killed = 0;
    for place in [
        FaultPoint::Put,
        FaultPoint::Get,
        FaultPoint::List,
        FaultPoint::Delete,
        FaultPoint::Write,
        FaultPoint::Finish,
    ] {
        for fault in [InjectedFault::Stop, InjectedFault::RetryAfterDone] {
            for passed in 0.. {
                let inner = MemoryStore::new();
                let expected = a_lake(&inner).await;
                let store = FaultyStore::new(inner.clone());
                store.script(place, std::iter::repeat_n(InjectedFault::Pass, passed).chain([fault]));
                let ended = compacted(store.clone()).await;
                if store.unmet() > 0 {
                    break;
                }
                killed += usize::from(ended.is_err());
                assert_eq!(offsets(&inner).await, expected, "{place:?} {passed}");
                compacted(inner.clone()).await.unwrap();
                assert_eq!(offsets(&inner).await, expected, "{place:?} {passed}");
                assert_eq!(names(&inner).await, [name(0, 29)], "{place:?} {passed}");
            }
        }
    }
    assert!(killed > 30, "{killed} kills");
}

#[tokio::test]
async fn a_source_that_a_kill_left_is_removed_only_where_its_rows_are_in_the_large_one() {
    let store = MemoryStore::new();
    let key = land(&store, 0, 9).await;
    land(&store, 10, 19).await;
    let body = store.get(&key).await.unwrap();
    compacted(store.clone()).await.unwrap();
    store.put(&key, body).await.unwrap();
    assert_eq!(compacted(store.clone()).await.unwrap().leftovers, 1);
    assert_eq!(names(&store).await, [name(0, 19)]);

    // One whose rows are others than the name promises: the footer's word is not enough.
    land(&store, 20, 24).await;
    compacted(store.clone()).await.unwrap();
    assert_eq!(names(&store).await, [name(0, 24)]);
    raw_samples::put(&store, 0, 9, &batch(&[0, 1])).await;
    raw_samples::put(&store, 20, 24, &batch(&[20, 21, 22, 23, 24])).await;
    assert_eq!(compacted(store.clone()).await.unwrap().leftovers, 2);
}

#[tokio::test]
async fn an_object_that_does_not_hold_what_was_written_is_not_trusted() {
    let inner = MemoryStore::new();
    land(&inner, 0, 9).await;
    land(&inner, 10, 19).await;
    let store = raw_samples::Bitrot::new(inner.clone());
    assert!(compacted(store).await.is_err());
    let left = names(&inner).await;
    assert!(left.contains(&name(0, 9)) && left.contains(&name(10, 19)), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_beside_sees_each_row_at_every_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::new(folder.path());
    let (landed, done) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let landing = {
        let (store, landed, done) = (store.clone(), Arc::clone(&landed), Arc::clone(&done));
        tokio::spawn(async move {
            for round in 0..150 {
                let first = round * 10;
                // Every third batch comes again, cut otherwise, as after a failure.
                land(&store, first.max(5) - if round % 3 == 0 { 5 } else { 0 }, first + 9).await;
                landed.store(first + 10, Ordering::SeqCst);
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    let compacting = {
        let (store, done) = (store.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut removed = 0;
            while !done.load(Ordering::SeqCst) {
                removed += compacted(store.clone()).await.unwrap().removed;
            }
            removed
        })
    };
    let mut reads = BTreeMap::new();
    while !done.load(Ordering::SeqCst) {
        let before = landed.load(Ordering::SeqCst);
        let seen = offsets(&store).await;
        let missing: Vec<_> = (0..before).filter(|offset| !seen.contains(offset)).collect();
        assert!(missing.is_empty(), "of {before} rows {missing:?} were not there");
        *reads.entry(before).or_insert(0) += 1;
    }
    landing.await.unwrap();
    assert!(
        compacting.await.unwrap() > 0 && reads.len() > 3,
        "nothing happened beside the reader: {reads:?}"
    );
    compacted(store.clone()).await.unwrap();
    assert_eq!(offsets(&store).await, (0..1_500).collect());
    assert_eq!(store.list("raw/").await.unwrap().len(), 1);
}

/// Puts the rows of `first` to `last` into another hour's folder.
async fn land_at(store: &dyn Store, place: &str, first: i64, last: i64) {
    let key = land(store, first, last).await;
    let body = store.get(&key).await.unwrap();
    store.delete(&key).await.unwrap();
    store.put(&Key::new(format!("raw/users/{place}/{}", key.name())).unwrap(), body).await.unwrap();
}

#[tokio::test]
async fn an_hour_that_has_not_ended_is_left_to_a_later_compaction() {
    let store = MemoryStore::new();
    let places = ["date=2026-02-01/hour=23", "date=2026-02-03/hour=13", "date=2026-02-03/hour=14"];
    for (first, place) in [0, 100, 200].into_iter().zip(places) {
        land_at(&store, place, first, first + 9).await;
        land_at(&store, place, first + 10, first + 19).await;
    }
    let closed =
        ClosedHours::of_days("2026-02-03".parse().unwrap(), 2, "2026-02-03T14:30:00Z".parse().unwrap());
    let order = CompactionOrder { hours: Hours::Closed(closed), ..CompactionOrder::default() };
    let report = compacted_by(store.clone(), &order).await.unwrap();
    assert_eq!((report.before.objects, report.removed, report.after.objects, report.small), (2, 2, 1, 0));
    assert_eq!(
        names(&store).await,
        [name(0, 9), name(10, 19), name(100, 119), name(200, 209), name(210, 219)]
    );
    let planned = plan(&store, "users", &order).await.unwrap();
    assert_eq!((planned.small, planned.before.objects), (0, 1));
    assert_eq!(compacted(store.clone()).await.unwrap().removed, 4);
}

#[tokio::test]
async fn what_there_is_no_time_for_is_told_and_done_by_the_next() {
    let store = MemoryStore::new();
    for hour in 0..3 {
        let place = format!("date=2026-02-03/hour={hour:02}");
        land_at(&store, &place, hour * 100, hour * 100 + 9).await;
        land_at(&store, &place, hour * 100 + 10, hour * 100 + 19).await;
    }
    let now = Limits { until: Some(std::time::Instant::now()), ..Limits::default() };
    let order = CompactionOrder { limits: now, ..CompactionOrder::default() };
    let report = compacted_by(store.clone(), &order).await.unwrap();
    assert_eq!((report.stopped, report.removed, report.small, report.after.objects), (true, 0, 6, 6));
    let report = compacted(store.clone()).await.unwrap();
    assert_eq!((report.stopped, report.removed, report.small, report.after.objects), (false, 6, 0, 3));
}

#[tokio::test]
async fn objects_that_overlap_beyond_the_memory_stay_and_are_told_and_others_are_merged() {
    let store = MemoryStore::new();
    land(&store, 0, 4_999).await;
    land(&store, 4_000, 8_999).await;
    land(&store, 10_000, 10_009).await;
    land(&store, 10_010, 10_019).await;
    let small = store.size(&crate::raw_samples::land(&store, 10_020, 10_029).await).await.unwrap().unwrap();
    let limits = Limits { memory_bytes: 2 * small, concurrency: 8, until: None };
    let report =
        compacted_by(store.clone(), &CompactionOrder { limits, ..CompactionOrder::default() }).await.unwrap();
    assert_eq!((report.removed, report.left_alone.len(), report.small), (3, 1, 3));
    assert!(report.left_alone[0].reason.contains("more memory"), "{report:?}");
    assert_eq!(names(&store).await, [name(0, 4_999), name(4_000, 8_999), name(10_000, 10_029)]);
    assert_eq!(compacted(store.clone()).await.unwrap().after.objects, 1);
}
