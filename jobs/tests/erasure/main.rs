//! Persons out of a whole lake: exact, beside jobs, and however often it is killed.

mod decoded;
mod history;
#[path = "../support/hooked_store.rs"]
mod hooked_store;
mod lake;
#[path = "../support/raw_rows.rs"]
mod raw_rows;
mod truth;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lake::{
    DAYS, GONE, STARTED, Stub, copy, ctx, day, erase, erasure, fates, files, fill, fill_by, left, settings,
    tables, transform,
};
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_jobs::erasure::{self, Erasure, Jobs, Place};
use millrace_jobs::job_error::JobError;
use millrace_jobs::job_settings::RunContext;
use millrace_jobs::publish::published;
use millrace_jobs::raw_transformation::{self, Progress};
use millrace_lake::dead_letter_file::DeadLetterFile;
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_lake::erasure::Subjects;
use millrace_lake::faulty_store::{FaultPoint as Operation, FaultyStore, InjectedFault};
use millrace_lake::layout::Layer;
use millrace_lake::store::Store;
use millrace_lake::{FolderStore, TopicGeneration};

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let before: Vec<_> =
        files(lake.path()).iter().map(|file| (file.clone(), std::fs::read(file).expect("read"))).collect();
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let report = erasure::preview(&store, &erasure(lake.path())).await.expect("a plan");
    let found = |place| report.places.get(&place).map(|found| (found.objects, found.rows));
    assert_eq!(found(Place::Raw("users")), Some((3, Some(6))));
    assert_eq!(found(Place::DeadLetters), Some((1, Some(2))));
    let state = store.list("_state/").await.expect("listed").len() as u64;
    assert!(state > 0);
    assert_eq!(found(Place::State), Some((state, None)));
    assert_eq!(found(Place::Table(Layer::Curated, "users_transformed")), Some((3, Some(6))));
    assert_eq!(found(Place::Table(Layer::Analytics, "dim_user_demographics")), Some((3, Some(6))));
    assert_eq!(report.rows(), 20);
    assert_eq!((report.persons.found, &report.persons.missing), (2, &Vec::new()));
    let after: Vec<_> =
        files(lake.path()).iter().map(|file| (file.clone(), std::fs::read(file).expect("read"))).collect();
    assert!(before == after, "a dry run wrote");
}

#[tokio::test]
async fn nothing_of_them_is_left_and_the_tables_are_those_of_a_lake_without_them() {
    let (lake, without) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
    fill(lake.path(), true).await;
    fill(without.path(), false).await;
    assert!(left(lake.path()).len() > 10, "{:?}", left(lake.path()));
    let report = erase(lake.path()).await.expect("erased");
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
    assert_eq!(report.rows(), 20);
    assert_eq!(report.rebuilt.len(), 3);
    assert!(!report.resumed && report.unfinished.is_empty() && report.letters_being_written == 0);

    let (ours, theirs) = (tables(lake.path()), tables(without.path()));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (file, bytes) in &ours {
        assert!(*bytes == theirs[file], "{} differs", file.display());
    }
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let record = published(store.as_ref(), raw_transformation::JOB, day(DAYS[2]))
        .await
        .expect("read")
        .expect("a record");
    let rows = record.rows;
    assert_eq!(rows.raw_rows_by_position, rows.users + rows.duplicates + rows.after_as_of);
    assert_eq!((rows.users, record.tables[0].rows), (4, 4));
    assert_eq!(record.tables[0].bytes, ours[Path::new(&record.tables[0].key)].len() as u64);

    // A backfill does not bring them back.
    for number in 0..DAYS.len() {
        assert!(transform(&store, lake.path(), &ctx(number)).await.expect("a run"));
    }
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
    assert!(tables(lake.path()) == ours, "a backfill changes something");
    let again = erase(lake.path()).await.expect("nothing to do");
    assert_eq!((again.rows(), again.rebuilt.len()), (0, 0));
    assert_eq!((again.persons.found, again.persons.erased_before.len()), (0, 2));
}

#[tokio::test]
async fn all_seventeen_tables_are_those_of_a_lake_without_them() {
    let (lake, without) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
    let jobs = |lake: &Path| {
        let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
        Jobs::over(store)
    };
    fill_by(lake.path(), true, &jobs(lake.path())).await;
    fill_by(without.path(), false, &jobs(without.path())).await;
    assert!(left(lake.path()).len() > 10, "{:?}", left(lake.path()));
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let report =
        erasure::erase(store, &erasure(lake.path()), &jobs(lake.path()), &|_| ()).await.expect("erased");
    assert_eq!(report.rebuilt.len(), 3);
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
    let (ours, theirs) = (tables(lake.path()), tables(without.path()));
    assert_eq!(ours.len(), 17 * 3);
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (file, bytes) in &ours {
        assert!(*bytes == theirs[file], "{} differs", file.display());
    }
}

#[tokio::test]
async fn killed_at_any_operation_and_called_again_nothing_is_left() {
    let (template, without) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
    fill(template.path(), true).await;
    fill(without.path(), false).await;
    let expected = tables(without.path());
    let mut killed = 0;
    let operations = [
        Operation::Put,
        Operation::Get,
        Operation::List,
        Operation::Delete,
        Operation::Write,
        Operation::Finish,
    ];
    for operation in operations {
        for passed in 0.. {
            let lake = tempfile::tempdir().expect("tempdir");
            copy(template.path(), lake.path());
            let store = FaultyStore::new(FolderStore::new(lake.path()));
            store.script(
                operation,
                std::iter::repeat_n(InjectedFault::Pass, passed).chain([InjectedFault::Stop]),
            );
            let faulty: Arc<dyn Store> = Arc::new(store.clone());
            // The stub reads with a store of its own: a panic in it would be the test's.
            let stub = Stub(Arc::new(FolderStore::new(lake.path())));
            let ended = erasure::erase(faulty, &erasure(lake.path()), &stub, &|_| ()).await;
            if store.unmet() > 0 {
                break;
            }
            killed += usize::from(ended.is_err());
            let interrupted = erasure::unfinished(&FolderStore::new(lake.path())).await.expect("markers");
            let report = erase(lake.path()).await.expect("the same command");
            assert_eq!(report.resumed, !interrupted.is_empty(), "{operation:?} {passed}");
            assert!(report.unfinished.is_empty());
            // Whatever was removed before it was killed: they were here, and nobody calls them missing.
            let persons = &report.persons;
            assert_eq!((persons.missing.len(), persons.cut_short.len()), (0, 0), "{operation:?} {passed}");
            assert_eq!(persons.found + persons.erased_before.len(), 2, "{operation:?} {passed}");
            let plain: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
            let plan = erasure::preview(&plain, &erasure(lake.path())).await.expect("a plan");
            assert_eq!(plan.persons.erased_before.len(), 2, "{operation:?} {passed}");
            assert_eq!(left(lake.path()), Vec::<PathBuf>::new(), "{operation:?} {passed}");
            assert!(tables(lake.path()) == expected, "{operation:?} {passed}: tables differ");
        }
    }
    assert!(killed > 50, "{killed} kills");
}

/// Rows about them that a landing left which knew of nothing yet, or that somebody put there by hand.
#[tokio::test]
async fn whoever_comes_back_in_raw_comes_into_no_table() {
    let (lake, without) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
    fill(lake.path(), true).await;
    erase(lake.path()).await.expect("erased");
    copy(lake.path(), without.path());
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let rows: Vec<_> = (0..).zip(GONE).map(|(at, id)| lake::row(26 + at, id, 48 + at)).collect();
    let name = "t-g1-00000-00000000000000000026-00000000000000000027";
    raw_rows::put(store.as_ref(), name, &raw_rows::batch(&rows)).await;
    let plain: Arc<dyn Store> = Arc::new(FolderStore::new(without.path()));
    // The second run starts from the state that the first one left.
    for started in 0..2 {
        let ctx = RunContext { started_at: Micros(STARTED + 100 + started), ..ctx(2) };
        for (store, path) in [(&store, lake.path()), (&plain, without.path())] {
            assert!(transform(store, path, &ctx).await.expect("made"));
        }
    }
    let (ours, theirs) = (tables(lake.path()), tables(without.path()));
    assert!(ours.len() > 5);
    for (file, bytes) in &ours {
        assert!(*bytes == theirs[file], "{} differs", file.display());
    }
    for object in store.list("_state/").await.expect("listed") {
        store.delete(&object.key).await.expect("gone");
    }
    let again = RunContext { started_at: Micros(STARTED + 200), ..ctx(2) };
    let report = raw_transformation::run(store.clone(), &again, &settings(lake.path()), &|_| {}).await;
    let report = report.expect("made");
    assert_eq!((report.erased, report.users), (2, 4));
    assert_eq!(report.raw_rows_by_position, report.users + report.duplicates + report.after_as_of);
    // The next erasure takes them out of raw, too.
    assert_eq!(left(lake.path()).len(), 1, "{:?}", left(lake.path()));
    erase(lake.path()).await.expect("erased");
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_read_them_before_publishes_nothing_afterwards() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let calls = Arc::new(AtomicUsize::new(0));
    let (folder, seen) = (lake.path().to_owned(), Arc::clone(&calls));
    // In the middle of the job: it has read all of raw.
    let progress = move |progress: Progress| {
        if matches!(progress, Progress::Transformed { .. }) && seen.fetch_add(1, Ordering::SeqCst) == 0 {
            let folder = folder.clone();
            let erasing = std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(erase(&folder)).expect("erased")
            });
            assert!(erasing.join().expect("no panic").rows() > 0);
        }
    };
    let later = RunContext { started_at: Micros(STARTED + 99), ..ctx(2) };
    match raw_transformation::run(store.clone(), &later, &settings(lake.path()), &progress).await {
        // A job that begins again by itself has read what is left.
        Ok(report) => assert_eq!(report.users, 4),
        Err(error) => {
            assert!(matches!(error, JobError::Erased), "{error}");
            assert_eq!(error.class(), Class::Retry);
        }
    }
    assert!(calls.load(Ordering::SeqCst) > 0);
    drop(store);
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn an_interrupted_erasure_is_told_without_saying_whose() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let store = FaultyStore::new(FolderStore::new(lake.path()));
    store.script(Operation::Finish, [InjectedFault::Stop]);
    let stub = Stub(Arc::new(FolderStore::new(lake.path())));
    erasure::erase(Arc::new(store), &erasure(lake.path()), &stub, &|_| ()).await.expect_err("interrupted");
    let plain = FolderStore::new(lake.path());
    let markers = erasure::unfinished(&plain).await.expect("markers");
    assert_eq!(markers.len(), 1);
    assert_eq!((markers[0].persons, markers[0].begun_at), (2, Micros(7)));
    assert!(left(&lake.path().join("_erasures")).is_empty());

    // Another erasure does not end it.
    let subjects = Arc::new(Subjects::new(["a"]).expect("ids"));
    let other = Erasure { subjects, ..erasure(lake.path()) };
    let report = erasure::erase(Arc::new(plain.clone()), &other, &stub, &|_| ()).await.expect("erased");
    assert!(!report.resumed);
    assert_eq!(report.unfinished.len(), 1);
    assert!(erase(lake.path()).await.expect("resumed").resumed);
    assert!(erasure::unfinished(&plain).await.expect("markers").is_empty());
}

#[tokio::test]
async fn letters_of_a_living_run_keep_the_erasure_unfinished() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let generation = TopicGeneration::new("g2").expect("a generation");
    let mut living = DeadLetterFile::create(lake.path(), "users_created", &generation).await.expect("a file");
    let value = Some(format!(r#"{{"user_id":"{}"}}"#, GONE[0]).into_bytes());
    living.append(&[DeadLetter { value, ..DeadLetter::default() }]).await.expect("appended");
    let report = erase(lake.path()).await.expect("erased");
    assert_eq!((report.letters_being_written, report.unfinished.len()), (1, 1));
    assert_eq!(fates(lake.path()).await, ["found", "cut short"]);
    living.finish().await.expect("in place");
    let report = erase(lake.path()).await.expect("erased");
    assert!(report.resumed && report.unfinished.is_empty());
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn what_killed_jobs_and_writers_left_goes_too() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let scratch = lake.path().join(".scratch");
    let dead = scratch.join("millrace-job-999999999-0");
    std::fs::create_dir_all(&dead).expect("created");
    std::fs::write(dead.join("range-0"), GONE[0]).expect("written");
    std::fs::write(dead.with_extension("lock"), "").expect("written");
    std::fs::write(lake.path().join("raw/users/.millrace-tmp-dead"), GONE[1]).expect("written");
    erase(lake.path()).await.expect("erased");
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
}
