//! What makes a place a lake.
#![allow(clippy::unwrap_used, reason = "a test may")]

use bytes::Bytes;

use millrace_events::failure::{Class, Classified};
use millrace_lake::Capabilities;
use millrace_lake::faulty_store::{FaultPoint, FaultyStore, InjectedFault};
use millrace_lake::lake_file::{Entered, LAKE_FILE, LakeError, enter, enter_or_create, look, read};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::{FolderStore, Key, Store};

const RAW: &str = "raw/users/date=2026-11-21/hour=13/users_created-g1-00000-00000000000000000000-00000000000000000009.parquet";

async fn put(store: &dyn Store, key: &str, body: &'static str) {
    store.put(&Key::new(key).unwrap(), Bytes::from_static(body.as_bytes())).await.unwrap();
}

async fn keys(store: &dyn Store) -> Vec<String> {
    store.list("").await.unwrap().into_iter().map(|object| object.key.to_string()).collect()
}

#[tokio::test]
async fn a_place_is_a_lake_once_it_was_made_one() {
    let folder = tempfile::tempdir().unwrap();
    for store in [
        Box::new(MemoryStore::new()) as Box<dyn Store>,
        Box::new(FolderStore::new(folder.path().join("not there yet"))),
    ] {
        for refused in [look(&*store).await, enter(&*store).await] {
            let said = refused.unwrap_err().to_string();
            assert!(said.starts_with("there is no lake at ") && said.contains(&store.address()), "{said}");
        }
        assert!(keys(&*store).await.is_empty(), "looking leaves nothing");
        assert_eq!(enter_or_create(&*store).await.unwrap(), Entered::Created);
        assert_eq!(keys(&*store).await, [LAKE_FILE], "trying leaves nothing");
        for known in [look(&*store).await, enter(&*store).await, enter_or_create(&*store).await] {
            assert_eq!(known.unwrap(), Entered::Known);
        }
        let file = read(&*store).await.unwrap().unwrap();
        assert_eq!(file.format_version, 1);
        assert_eq!(file.store, Capabilities { conditional_put: true, read_after_write: true });
    }
}

#[tokio::test]
async fn what_others_put_there_makes_no_lake() {
    let store = MemoryStore::new();
    for foreign in
        ["raw/users/_SUCCESS", "raw/notes (old).txt", "curated/_temporary/0/x", "README.md", "_runs/x"]
    {
        put(&store, foreign, "").await;
    }
    assert!(matches!(look(&store).await.unwrap_err(), LakeError::NoLake { .. }));
    assert_eq!(enter_or_create(&store).await.unwrap(), Entered::Created);
}

#[tokio::test]
async fn a_lake_from_before_is_taken_over_by_who_writes_and_left_alone_by_who_reads() {
    for of_a_lake in [
        RAW,
        "_runs/raw-transformation/2026-01-09.json",
        "timeseries/x/processing_date=2026-01-09/part-00000.parquet",
        "_dead_letters/users_created/g1.jsonl",
    ] {
        let store = MemoryStore::new();
        put(&store, of_a_lake, "").await;
        assert_eq!(look(&store).await.unwrap(), Entered::Older, "{of_a_lake}");
        assert_eq!(keys(&store).await, [of_a_lake]);
        assert_eq!(enter(&store).await.unwrap(), Entered::Older);
        assert_eq!(enter_or_create(&store).await.unwrap(), Entered::Known);
    }
}

#[tokio::test]
async fn a_newer_lake_and_a_foreign_file_of_that_name_are_refused() {
    let store = MemoryStore::new();
    put(&store, LAKE_FILE, r#"{"format_version":2,"store":"said otherwise"}"#).await;
    let said = enter_or_create(&store).await.unwrap_err().to_string();
    assert!(said.contains("format 2") && said.contains("newer"), "{said}");
    for foreign in ["", "{}", "[1]", r#"{"format_version":1}"#, r#"{"format_version":-1}"#] {
        put(&store, LAKE_FILE, foreign).await;
        let said = look(&store).await.unwrap_err().to_string();
        assert!(said.contains(LAKE_FILE), "{foreign}: {said}");
    }
    put(
        &store,
        LAKE_FILE,
        r#"{"format_version":1,"created_by":"x","later":[],"store":{"conditional_put":true,"read_after_write":true,"later":1}}"#,
    )
    .await;
    assert_eq!(look(&store).await.unwrap(), Entered::Known, "what a later program adds is passed over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_make_it_at_once_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::new(folder.path().join("lake"));
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { enter_or_create(&store).await.unwrap() })
        })
        .collect();
    let mut created = 0;
    for maker in makers {
        created += usize::from(maker.await.unwrap() == Entered::Created);
    }
    assert_eq!((created, keys(&store).await), (1, vec![LAKE_FILE.to_owned()]));
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_lake_and_a_failure_none() {
    let store = FaultyStore::new(MemoryStore::new());
    store.script(FaultPoint::Get, [InjectedFault::Retry]);
    assert_eq!(enter_or_create(&store).await.unwrap_err().class(), Class::Retry);
    store.script(
        FaultPoint::Put,
        [InjectedFault::Pass, InjectedFault::Pass, InjectedFault::Pass, InjectedFault::RetryAfterDone],
    );
    assert_eq!(enter_or_create(&store).await.unwrap_err().class(), Class::Retry);
    assert_eq!(enter_or_create(&store).await.unwrap(), Entered::Known);
}
