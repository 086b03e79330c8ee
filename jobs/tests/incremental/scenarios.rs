//! raw-transformation from its state: what it reads, and that the tables do not show it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::hooked_store::{Answer, Hooked};
use crate::raw_lake::*;
use bytes::Bytes;
use millrace_events::failure::{Class, Classified};
use millrace_jobs::job_error::JobError;
use millrace_jobs::raw_transformation::JobReport;
use millrace_lake::FolderStore;
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn read(report: &JobReport) -> (u64, u64) {
    (report.inputs.objects_read, report.rows_in)
}

async fn checked(store: &Arc<dyn Store>, as_of: u64, started_at: i64) -> JobReport {
    let ctx = context(as_of, started_at);
    let report = run(store, &ctx).await;
    assert!(report.published);
    assert_as_from_raw_alone(store, &ctx, &report, as_of).await;
    report
}

#[tokio::test]
async fn a_run_reads_the_objects_that_are_new_and_no_others() {
    let lake = MemoryStore::new();
    let fetched = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = fetched.clone();
    let store = Hooked::asking(Arc::new(lake.clone()), move |call, key| {
        if call == "get" && key.starts_with("raw/") {
            seen.lock().expect("a set").insert(key.to_owned());
        }
        Answer::Pass
    });
    let first = land(&lake, "g1", 0, 0, 19).await;
    let report = run(&store, &context(1, 1)).await;
    assert_eq!((read(&report), report.inputs.rows_of_state), ((1, 20), 0));
    assert_eq!(report.inputs.bytes_read, report.inputs.bytes);

    // Some of its records come again.
    let second = land(&lake, "g1", 0, 15, 24).await;
    std::mem::take(&mut *fetched.lock().expect("a set"));
    let report = run(&store, &context(2, 2)).await;
    assert_eq!(read(&report), (1, 10));
    assert!(report.inputs.rows_of_state > 0 && report.inputs.bytes_read < report.inputs.bytes);
    assert_eq!(*fetched.lock().expect("a set"), BTreeSet::from([second.to_string()]));
    assert_eq!(report.inputs.objects, [first.to_string(), second.to_string()], "all that the result is of");
    assert_as_from_raw_alone(&store, &context(2, 2), &report, 2).await;
}

#[tokio::test]
async fn a_re_run_reads_nothing_and_leaves_the_state() {
    let store = memory();
    land(store.as_ref(), "g1", 0, 0, 40).await;
    checked(&store, 1, 1).await;
    let kept = state(store.as_ref()).await;
    assert_eq!(kept.len(), 3);
    for (as_of, started_at) in [(1, 2), (2, 3), (1, 4), (3, 5)] {
        assert_eq!(read(&checked(&store, as_of, started_at).await), (0, 0));
        assert_eq!(state(store.as_ref()).await, kept);
    }
}

#[tokio::test]
async fn an_earlier_day_is_made_of_raw_alone_and_leaves_the_state() {
    let store = memory();
    land(store.as_ref(), "g1", 0, 0, 40).await;
    checked(&store, 2, 1).await;
    let kept = state(store.as_ref()).await;
    land(store.as_ref(), "g1", 0, 41, 50).await;
    assert_eq!(read(&checked(&store, 1, 2).await), (2, 51));
    assert_eq!(state(store.as_ref()).await, kept);
    assert_eq!(read(&checked(&store, 2, 3).await), (1, 10));
    assert_ne!(state(store.as_ref()).await, kept);
}

#[tokio::test]
async fn rows_ahead_of_the_day_wait_in_the_state_until_theirs_comes() {
    let store = memory();
    for object in 0..4 {
        land(store.as_ref(), "g1", 0, object * 10, object * 10 + 9).await;
        land(store.as_ref(), "g2", 1, object * 10, object * 10 + 9).await;
        let report = checked(&store, 0, object).await;
        assert!(report.after_as_of > 0);
        assert_eq!(read(&report), (2, 20));
    }
    for as_of in 1..5 {
        assert_eq!(read(&checked(&store, as_of, 9).await), (0, 0));
    }
}

#[tokio::test]
async fn a_state_larger_than_memory_goes_through_the_ranges() {
    let store = memory();
    for object in 0..6 {
        land(store.as_ref(), "g1", 0, object * 50, object * 50 + 59).await;
        let ctx = context(2, object);
        let report = run_within(&store, &ctx, 7).await.expect("a run");
        assert_eq!(report.inputs.objects_read, 1);
        assert_as_from_raw_alone(&store, &ctx, &report, 2).await;
    }
}

type Damage = fn(&Bytes) -> Option<Bytes>;

#[tokio::test]
async fn a_state_that_is_gone_or_damaged_is_made_anew() {
    let damages: [(&str, Damage); 5] = [
        ("gone", |_| None),
        ("empty", |_| Some(Bytes::new())),
        ("cut", |body| Some(body.slice(..body.len() - 1))),
        ("other bytes", |body| Some(vec![0x55; body.len()].into())),
        ("longer", |body| Some([body.as_ref(), b" x"].concat().into())),
    ];
    for object in ["manifest", "users", "positions"] {
        for (what, damage) in &damages {
            let store = memory();
            land(store.as_ref(), "g1", 0, 0, 30).await;
            checked(&store, 1, 1).await;
            let kept = state(store.as_ref()).await;
            let (name, body) = kept.iter().find(|(name, _)| name.contains(object)).expect("an object");
            match damage(body) {
                Some(body) => store.put(&key(name), body).await.expect("put"),
                None => store.delete(&key(name)).await.expect("deleted"),
            }
            land(store.as_ref(), "g1", 0, 31, 35).await;
            assert_eq!(read(&checked(&store, 1, 2).await), (2, 36), "{object} {what}");
            assert_eq!(read(&checked(&store, 1, 3).await), (0, 0), "{object} {what}: made anew");
            assert_eq!(
                state(store.as_ref()).await.len(),
                3,
                "{object} {what}: nothing is left of the old one"
            );
        }
    }
}

/// Its footer is whole and says what the manifest says: only reading tells.
#[tokio::test]
async fn a_state_that_fails_in_the_middle_of_reading_is_made_anew() {
    let store = memory();
    land(store.as_ref(), "g1", 0, 0, 30).await;
    checked(&store, 1, 1).await;
    let kept = state(store.as_ref()).await;
    let (name, body) = kept.iter().find(|(name, _)| name.contains("users")).expect("the rows");
    let mut damaged = body.to_vec();
    let pages = body.len() / 4;
    damaged[4..pages].fill(0xff);
    store.put(&key(name), damaged.into()).await.expect("put");
    assert_eq!(read(&checked(&store, 1, 2).await), (1, 31));
    assert_eq!(read(&checked(&store, 1, 3).await), (0, 0));
}

#[tokio::test]
async fn a_state_of_rows_that_raw_no_longer_holds_is_made_anew() {
    let store = memory();
    let erased = land(store.as_ref(), "g1", 0, 0, 30).await;
    let removed = land(store.as_ref(), "g1", 1, 0, 30).await;
    checked(&store, 1, 1).await;
    let rest: Vec<_> = (0..=30)
        .map(|offset| record("g1", 0, offset))
        .filter(|row| row.get_text("user_id") != Some("user 05"))
        .collect();
    assert!(rest.len() < 31);
    store.put(&erased, raw_object(&rest, &[])).await.expect("put");
    assert_eq!(read(&checked(&store, 1, 2).await).0, 2);
    store.delete(&removed).await.expect("deleted");
    assert_eq!(read(&checked(&store, 1, 3).await).0, 1);
    assert_eq!(read(&checked(&store, 1, 4).await), (0, 0));
}

/// Puts the compaction of two landed objects beside them; answers the sources.
async fn compact_two(store: &dyn Store) -> Vec<String> {
    let sources = objects(store, "raw/users/").await;
    store.put(&raw_key("g1", 0, 0, 59), compacted(&sources)).await.expect("put");
    sources.into_keys().collect()
}

#[tokio::test]
async fn compaction_costs_no_reading() {
    let store = memory();
    land(store.as_ref(), "g1", 0, 0, 39).await;
    land(store.as_ref(), "g1", 0, 30, 59).await;
    checked(&store, 1, 1).await;
    let before = state(store.as_ref()).await;
    let sources = compact_two(store.as_ref()).await;
    assert_eq!(read(&checked(&store, 1, 2).await), (0, 0), "large beside small");
    let after = state(store.as_ref()).await;
    assert_ne!(before[MANIFEST], after[MANIFEST]);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "the same rows");
    for source in sources {
        store.delete(&key(&source)).await.expect("deleted");
        assert_eq!(read(&checked(&store, 1, 3).await), (0, 0), "without {source}");
    }
    land(store.as_ref(), "g1", 0, 60, 69).await;
    assert_eq!(read(&checked(&store, 2, 4).await), (1, 10));
    // What was compacted is compacted again, with what came since.
    let sources = objects(store.as_ref(), "raw/users/").await;
    store.put(&raw_key("g1", 0, 0, 69), compacted(&sources)).await.expect("put");
    for source in sources.keys() {
        store.delete(&key(source)).await.expect("deleted");
    }
    assert_eq!(read(&checked(&store, 2, 5).await), (0, 0));
}

#[tokio::test]
async fn a_compaction_begun_and_ended_between_two_runs_costs_no_reading() {
    let store = memory();
    land(store.as_ref(), "g1", 0, 0, 39).await;
    land(store.as_ref(), "g1", 0, 30, 59).await;
    checked(&store, 1, 1).await;
    for source in compact_two(store.as_ref()).await {
        store.delete(&key(&source)).await.expect("deleted");
    }
    assert_eq!(read(&checked(&store, 1, 2).await), (0, 0));
    let expected = vec![raw_key("g1", 0, 0, 59).to_string()];
    assert_eq!(checked(&store, 1, 3).await.inputs.objects, expected);
}

#[tokio::test]
async fn a_compacted_object_with_a_source_that_was_never_read_is_read() {
    let store = memory();
    land(store.as_ref(), "g1", 0, 0, 39).await;
    checked(&store, 1, 1).await;
    land(store.as_ref(), "g1", 0, 30, 59).await;
    for source in compact_two(store.as_ref()).await {
        store.delete(&key(&source)).await.expect("deleted");
    }
    assert_eq!(read(&checked(&store, 1, 2).await).0, 1);
}

/// What a compaction does to a lake of two objects while a run is at it.
async fn compaction_under_way(lake: &dyn Store) -> Vec<(Key, Option<Bytes>)> {
    land(lake, "g1", 0, 0, 39).await;
    land(lake, "g1", 0, 30, 59).await;
    let sources = objects(lake, "raw/users/").await;
    let mut changes = vec![(raw_key("g1", 0, 0, 59), Some(compacted(&sources)))];
    changes.extend(sources.keys().map(|source| (key(source), None)));
    changes
}

fn once(
    changes: Vec<(Key, Option<Bytes>)>,
    at: &'static str,
    of: &'static str,
) -> impl FnMut(&'static str, &str) -> Answer {
    let mut changes = Some(changes);
    move |call, key| match changes.take_if(|_| call == at && key.starts_with(of)) {
        Some(changes) => Answer::Change(changes),
        None => Answer::Pass,
    }
}

#[tokio::test]
async fn objects_that_compaction_removes_under_a_run_make_it_start_over() {
    let folder = tempfile::tempdir().expect("tempdir");
    let on_disk = FolderStore::new(folder.path());
    let changes = compaction_under_way(&on_disk).await;
    // The footers are read by then, the rows are not.
    let store = Hooked::asking(Arc::new(on_disk), once(changes, "writer", "curated/"));
    assert_eq!(checked(&store, 1, 1).await.inputs.objects_read, 1);

    let in_memory = MemoryStore::new();
    let changes = compaction_under_way(&in_memory).await;
    let store = Hooked::asking(Arc::new(in_memory), once(changes, "get", "raw/"));
    assert_eq!(checked(&store, 1, 1).await.inputs.objects_read, 1);
}

#[tokio::test]
async fn a_run_starts_over_where_an_object_is_rewritten_under_it() {
    let rest: Vec<_> = (0..10).map(|offset| record("g1", 0, offset)).collect();
    for (at, of) in [("writer", "curated/"), ("finish", "_state/")] {
        let folder = tempfile::tempdir().expect("tempdir");
        let lake = FolderStore::new(folder.path());
        let rewritten = land(&lake, "g1", 0, 0, 40).await;
        let changes = vec![(rewritten, Some(raw_object(&rest, &[])))];
        let store = Hooked::asking(Arc::new(lake), once(changes, at, of));
        let report = run_within(&store, &context(1, 1), 20).await.expect("a run");
        if of == "_state/" {
            // After the last look at raw before the tables are published: too late for them, not for the state.
            assert_eq!(report.raw_rows_by_position, 41);
            assert!(!state(store.as_ref()).await.contains_key(MANIFEST), "no state of the rows as they were");
        } else {
            assert_eq!(report.raw_rows_by_position, 10);
        }
        assert_eq!(checked(&store, 1, 2).await.raw_rows_by_position, 10);
    }
}

#[tokio::test]
async fn raw_that_never_stands_still_stops_the_run() {
    let lake = MemoryStore::new();
    let object = land(&lake, "g1", 0, 0, 9).await;
    let mut rows = 10;
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let store = Hooked::asking(Arc::new(lake), move |call, key| {
        if call != "writer" || !key.starts_with("curated/") {
            return Answer::Pass;
        }
        counted.fetch_add(1, Ordering::SeqCst);
        rows += 1;
        let rows: Vec<_> = (0..rows).map(|offset| record("g1", 0, offset)).collect();
        Answer::Change(vec![(object.clone(), Some(raw_object(&rows, &[])))])
    });
    let error = run_within(&store, &context(1, 1), 100).await.expect_err("no end");
    assert!(matches!(error, JobError::Rewritten { .. }), "{error}");
    assert_eq!(error.class(), Class::Retry, "what rewrites raw comes to its end");
    assert_eq!(tries.load(Ordering::SeqCst), 5);
    assert!(store.list("curated/").await.expect("listed").is_empty());
}

#[tokio::test]
async fn runs_at_once_leave_one_state_that_holds() {
    let folder = tempfile::tempdir().expect("tempdir");
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(folder.path()));
    for round in 0..4_i64 {
        land(store.as_ref(), "g1", 0, round * 10, round * 10 + 14).await;
        let (one, other, third) =
            (context(1, 3 * round), context(1, 3 * round + 1), context(2, 3 * round + 2));
        let (one, other, third) = tokio::join!(run(&store, &one), run(&store, &other), run(&store, &third));
        for report in [one, other, third] {
            assert_eq!(report.raw_rows_by_position as i64, round * 10 + 15);
        }
        assert_eq!(state(store.as_ref()).await.len(), 3, "one state, nothing of the others'");
        assert_eq!(read(&checked(&store, 2, 100).await), (0, 0));
    }
}

#[tokio::test]
async fn what_killed_runs_left_goes_with_the_next_state() {
    let store = memory();
    for name in ["users-0-0.parquet", "positions-0-0.roaring", "anything"] {
        store
            .put(&key(&format!("_state/raw-transformation/{name}")), Bytes::from_static(b"x"))
            .await
            .expect("put");
    }
    land(store.as_ref(), "g1", 0, 0, 9).await;
    checked(&store, 1, 1).await;
    assert_eq!(state(store.as_ref()).await.len(), 3);
}

/// A state that an erasure deleted must not come back with a run that was at work meanwhile.
#[tokio::test]
async fn a_state_deleted_under_a_run_stays_deleted() {
    let lake = MemoryStore::new();
    land(&lake, "g1", 0, 0, 9).await;
    let shared: Arc<dyn Store> = Arc::new(lake.clone());
    run(&shared, &context(1, 1)).await;
    let deleted: Vec<_> = state(&lake).await.into_keys().map(|name| (key(&name), None)).collect();
    land(&lake, "g1", 0, 10, 19).await;
    let store = Hooked::asking(Arc::new(lake), once(deleted, "finish", "_state/"));
    let report = run(&store, &context(1, 2)).await;
    assert!(report.published);
    assert!(state(store.as_ref()).await.is_empty());
    assert_eq!(read(&checked(&store, 1, 3).await).0, 2);
}
