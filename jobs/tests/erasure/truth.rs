//! What an erasure says of each person: in the lake, erased before, cut short, or nowhere.

use std::path::PathBuf;
use std::sync::Arc;

use millrace_jobs::erasure::{self, Rebuild};
use millrace_jobs::job_error::JobError;
use millrace_jobs::job_settings::RunContext;
use millrace_lake::FolderStore;
use millrace_lake::faulty_store::{FaultPoint as Operation, FaultyStore, InjectedFault};
use millrace_lake::store::Store;

use crate::lake::{GONE, Stub, erase, erasure, erasure_of, fates, files, fill, left, row};
use crate::raw_rows::{batch, put};

#[tokio::test]
async fn each_person_is_told_as_what_it_is() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    assert_eq!(fates(lake.path()).await, ["found", "found"]);
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let stub = Stub(Arc::clone(&store));
    let erase_ids = async |ids: &[&str], now: i64| {
        erasure::erase(Arc::clone(&store), &erasure_of(lake.path(), ids, now), &stub, &|_| ())
            .await
            .expect("erased")
    };
    let persons = erase_ids(&[GONE[0], "nobody"], 1_000_000).await.persons;
    assert_eq!((persons.found, persons.missing), (1, vec!["nobody".to_owned()]));
    assert_eq!(fates(lake.path()).await, ["erased", "found"]);

    // A second time the same is true: who was missing was not erased by having been named.
    let again = erase_ids(&[GONE[0], "nobody"], 2_000_000).await;
    assert_eq!((again.persons.found, again.persons.missing.len(), again.rows()), (0, 1, 0));
    let [erased] = &again.persons.erased_before[..] else { panic!("{:?}", again.persons) };
    assert_eq!((erased.id.as_str(), erased.erased_at.timestamp_micros()), (GONE[0], 1_000_000));
    assert_eq!(format!("{erased:?}"), "ErasedPerson { erased_at: 1970-01-01T00:00:01Z, .. }");

    // One who comes back is found, and erased again.
    put(store.as_ref(), &format!("t-g1-00000-{:020}-{:020}", 90, 90), &batch(&[row(90, GONE[0], 70)])).await;
    assert_eq!(fates(lake.path()).await, ["found", "found"]);
    assert_eq!(erase_ids(&[GONE[0]], 3_000_000).await.persons.found, 1);
    let again = erase_ids(&[GONE[0]], 4_000_000).await.persons;
    assert_eq!(again.erased_before[0].erased_at.timestamp_micros(), 3_000_000);
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_makes_nobody_erased_before() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    // Until now one of them was erased once.
    let plain: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let stub = Stub(Arc::clone(&plain));
    let of = |ids: &[&str], now| erasure_of(lake.path(), ids, now);
    erasure::erase(Arc::clone(&plain), &of(&[GONE[0]], 1), &stub, &|_| ()).await.expect("erased");
    put(plain.as_ref(), &format!("t-g1-00000-{:020}-{:020}", 90, 90), &batch(&[row(90, GONE[0], 70)])).await;

    // All that says anything of them is gone when it ends, but not what was computed of it.
    let store = FaultyStore::new(FolderStore::new(lake.path()));
    struct Fails;
    impl Rebuild for Fails {
        async fn analytics(&self, _: &RunContext) -> Result<(), JobError> {
            Err(JobError::Cancelled)
        }
        async fn time_series(&self, _: &RunContext) -> Result<(), JobError> {
            Err(JobError::Cancelled)
        }
    }
    erasure::erase(Arc::new(store), &of(&GONE, 2), &Fails, &|_| ()).await.expect_err("interrupted");
    assert_eq!(fates(lake.path()).await, ["cut short", "cut short"]);
    let persons = erasure::preview(&plain, &of(&[GONE[1], "nobody"], 0)).await.expect("a plan").persons;
    assert_eq!((persons.cut_short[0].begun_at.timestamp_micros(), persons.missing.len()), (2, 1));

    // A command for one of them ends its erasure, and leaves the other's.
    let report =
        erasure::erase(Arc::clone(&plain), &of(&[GONE[1]], 3), &stub, &|_| ()).await.expect("erased");
    assert!(report.resumed && report.rebuilt.len() == 3, "what was made of them is made anew");
    assert_eq!((report.persons.found, report.unfinished.len()), (1, 1));
    assert_eq!(fates(lake.path()).await, ["cut short", "erased"]);
    // A command for more of them ends it for all.
    let report = erasure::erase(Arc::clone(&plain), &of(&[GONE[0], GONE[1], "a"], 4), &stub, &|_| ()).await;
    let report = report.expect("erased");
    assert!(report.resumed && report.unfinished.is_empty());
    assert_eq!(fates(lake.path()).await, ["erased", "erased"]);
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn an_erasure_that_an_earlier_version_began_goes_on() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let store = FaultyStore::new(FolderStore::new(lake.path()));
    store.script(Operation::Finish, [InjectedFault::Stop]);
    let stub = Stub(Arc::new(FolderStore::new(lake.path())));
    erasure::erase(Arc::new(store), &erasure(lake.path()), &stub, &|_| ()).await.expect_err("interrupted");
    let [marker] = &files(&lake.path().join("_erasures/unfinished"))[..] else { panic!("one marker") };
    let mut said: serde_json::Value =
        serde_json::from_slice(&std::fs::read(marker).expect("read")).expect("JSON");
    assert!(said.as_object_mut().expect("an object").remove("hashes").is_some());
    std::fs::write(marker, said.to_string()).expect("written");
    let report = erase(lake.path()).await.expect("resumed");
    assert!(report.resumed && report.unfinished.is_empty());
    assert_eq!(report.persons.found, 2);
    assert_eq!(fates(lake.path()).await, ["erased", "erased"]);
}
