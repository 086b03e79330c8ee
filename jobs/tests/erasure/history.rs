//! Persons out of the history of Iceberg tables: every file of the lake is decoded, and what is left of the history is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millrace_events::instant::Micros;
use millrace_iceberg::Catalogue;
use millrace_jobs::erasure::{self, ErasureReport, Jobs, Rebuild};
use millrace_jobs::iceberg_adoption::adopt;
use millrace_jobs::iceberg_tables::Lake;
use millrace_jobs::job_error::JobError;
use millrace_jobs::job_settings::RunContext;
use millrace_jobs::raw_transformation::{self, Progress};
use millrace_lake::FolderStore;
use millrace_lake::store::Store;

use crate::decoded::{self, Rows, Seen, telling};
use crate::hooked_store::{Answer, Hooked};
use crate::lake::{DAYS, GONE, copy, ctx, erasure, files, land, row, settings, transform};
use crate::raw_rows::{batch, put};

const PERSONS: [&str; 2] = ["users_transformed", "dim_user_demographics"];
const COUNTED: &str = "data_quality_summary";
/// What may be left of them nowhere, in small letters.
const NEEDLES: [&str; 4] = ["leaver-", "gone.away", "wanderer", "farewell"];
const ORPHAN: &str = "iceberg/users_transformed/data/processing_date=1970-01-02/left-by-somebody.parquet";

fn store(lake: &Path) -> Arc<dyn Store> {
    Arc::new(FolderStore::new(lake))
}

/// The last tables of some days, by the jobs themselves.
async fn run(lake: &Path, days: std::ops::Range<usize>, later: i64) {
    let store = store(lake);
    let jobs = Jobs::over(&store);
    for number in days {
        let day = ctx(number);
        let ctx = RunContext { started_at: Micros(day.started_at.get() + later), ..day };
        assert!(transform(&store, lake, &ctx).await.expect("a run"));
        jobs.analytics(&ctx).await.expect("analytics");
        jobs.time_series(&ctx).await.expect("time series");
    }
}

/// Makes what another engine would: the newest metadata again, changed.
fn change_metadata(lake: &Path, table: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let (path, version, mut metadata) = decoded::metadata(lake, table);
    change(&mut metadata);
    let next = path.with_file_name(format!("v{}.metadata.json", version + 1));
    std::fs::write(next, metadata.to_string()).expect("written");
}

/// Iceberg tables of two days without those who leave, then of `days` with them, replaced days among them, a tag, and a file that nothing
/// names.
async fn fill(lake: &Path, days: usize) {
    let store = store(lake);
    adopt(&Lake::from(&store), Catalogue::Files, &|_| ()).await.expect("adopted");
    land(store.as_ref(), false).await;
    run(lake, 0..days.min(2), 0).await;
    let gone = |(at, id): (i64, &str), number: i64| {
        row(number * 10 + at, id, number * 24 + at)
            .number("_offset", 100 + number * 10 + at)
            .text("email", format!("gone.away.{at}@example.org"))
            .text("username", format!("wanderer{at}"))
            .text("last_name", "Farewell")
    };
    let rows: Vec<_> =
        (0..days as i64).flat_map(|number| (0..).zip(GONE).map(move |one| gone(one, number))).collect();
    put(store.as_ref(), &format!("t-g1-00000-{:020}-{:020}", 100, 99 + days * 10), &batch(&rows)).await;
    run(lake, 0..days, 1000).await;
    // Once more the last day: its file before is in the history alone.
    run(lake, days - 1..days, 2000).await;
    let (_, _, metadata) = decoded::metadata(lake, PERSONS[0]);
    let list = metadata["snapshots"].as_array().and_then(|all| all.last()).expect("a snapshot");
    let held = decoded::data_files(list["manifest-list"].as_str().expect("a list"));
    let held = held.iter().find(|path| telling(path, &NEEDLES).len() == 1).expect("a file that holds them");
    let orphan = lake.join(ORPHAN);
    std::fs::create_dir_all(orphan.parent().expect("a folder")).expect("created");
    std::fs::copy(held, &orphan).expect("copied");
    let tagged = list["snapshot-id"].clone();
    change_metadata(lake, PERSONS[0], |metadata| {
        metadata["refs"]["audit"] = serde_json::json!({"snapshot-id": tagged, "type": "tag"});
    });
}

fn is_of_them(row: &str) -> bool {
    GONE.iter().any(|id| row.contains(id))
}

fn all_tables(lake: &Path) -> BTreeMap<String, Seen> {
    let folders = std::fs::read_dir(lake.join("iceberg")).expect("tables").flatten();
    let names = folders.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name());
    let names = names.map(|name| name.into_string().expect("a name"));
    names.map(|name| (name.clone(), decoded::table(lake, &name))).collect()
}

fn published(lake: &Path, name: &str) -> Rows {
    let folders = ["curated", "analytics", "timeseries"].map(|layer| lake.join(layer).join(name));
    decoded::rows_of(folders.iter().flat_map(|folder| files(folder)))
}

/// What must hold once an erasure is done, whatever came before.
fn assert_erased(lake: &Path, before: &BTreeMap<String, Seen>, what: &str) {
    assert_eq!(telling(lake, &NEEDLES), Vec::<PathBuf>::new(), "{what}");
    let after = all_tables(lake);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{what}");
    for (name, before) in before {
        let after = &after[name];
        for (id, rows) in &before.snapshots {
            match after.snapshots.get(id) {
                // The rows of every snapshot that is left are those that were there.
                Some(left) => assert_eq!(left, rows, "{what}: {name} {id}"),
                None => assert!(rows.iter().any(|row| is_of_them(row)), "{what}: {name} lost {id}"),
            }
        }
        let now = &after.snapshots[&after.now.expect("a snapshot")];
        assert_eq!(*now, published(lake, name), "{what}: {name}");
        if PERSONS.contains(&name.as_str()) {
            let others = |rows: &Rows| rows.iter().filter(|row| !is_of_them(row)).count();
            assert_eq!(others(now), others(&before.snapshots[&before.now.expect("one")]), "{what}: {name}");
        }
    }
}

async fn erase(lake: &Path, rebuild: &impl Rebuild) -> ErasureReport {
    erasure::erase(store(lake), &erasure(lake), rebuild, &|_| ()).await.expect("erased")
}

#[tokio::test]
async fn no_file_of_any_snapshot_tells_of_them_and_other_history_is_left() {
    let lake = tempfile::tempdir().expect("tempdir");
    let lake = lake.path();
    fill(lake, DAYS.len()).await;
    let before = all_tables(lake);
    assert_eq!(before.len(), 17);
    let told = telling(lake, &NEEDLES);
    let in_history = told.iter().filter(|path| path.starts_with(lake.join("iceberg"))).count();
    assert!(in_history > 8, "{told:?}");

    let bytes =
        |lake| files(lake).into_iter().map(|file| std::fs::read(file).expect("read")).collect::<Vec<_>>();
    let all = bytes(lake);
    let plan = erasure::preview(store(lake), &erasure(lake)).await.expect("a plan");
    assert!(bytes(lake) == all, "a preview wrote");
    let report = erase(lake, &Jobs::over(store(lake))).await;
    assert_erased(lake, &before, "erased");
    for ended in [&plan.history, &report.history] {
        assert_eq!(ended.iter().map(|one| one.table.as_str()).collect::<Vec<_>>(), PERSONS);
        assert!(ended[0].refs.contains("audit") && ended[1].refs.is_empty(), "{ended:?}");
        // Four files of three days that were run four times with them, and the orphan.
        assert_eq!((ended[0].files, ended[1].files), (5, 4), "{ended:?}");
        assert!(ended.iter().all(|one| one.days.len() == 3 || one.table == PERSONS[1]), "{ended:?}");
        for one in ended {
            assert!(one.snapshots >= 4 && one.from < one.to, "{one:?}");
        }
    }
    let left = all_tables(lake);
    for name in PERSONS {
        let kept = left[name].snapshots.keys().filter(|id| before[name].snapshots.contains_key(id)).count();
        assert!(kept >= 2, "{name}: snapshots of before they came: {kept}");
    }
    assert!(left[PERSONS[0]].refs.iter().eq(["main"]), "{:?}", left[PERSONS[0]].refs);
    // The tables of counts keep all of their history.
    assert!(before[COUNTED].snapshots.keys().all(|id| left[COUNTED].snapshots.contains_key(id)));
    // The tables go on: a run commits on top, and there is nothing more to erase.
    run(lake, 0..1, 5000).await;
    let again = erase(lake, &Jobs::over(store(lake))).await;
    assert_eq!((again.rows(), again.history.len()), (0, 0));
    assert_eq!(telling(lake, &NEEDLES), Vec::<PathBuf>::new());
}

/// The plain tables are as they have to be.
struct Nothing;

impl Rebuild for Nothing {
    async fn analytics(&self, _: &RunContext) -> Result<(), JobError> {
        Ok(())
    }

    async fn time_series(&self, _: &RunContext) -> Result<(), JobError> {
        Ok(())
    }
}

/// Whether a call of the store changes the lake.
fn writes(call: &str) -> bool {
    !matches!(call, "get" | "list")
}

/// Erases and dies behind each `stride`th call that changes the lake: the calls that read, before it and behind, find one lake. Then gives
/// the same command again.
async fn dies_at_calls(lake: &Path, template: &Path, rebuilds: bool, stride: usize) -> usize {
    let restore = || {
        let _ = std::fs::remove_dir_all(lake);
        copy(template, lake);
    };
    restore();
    let before = all_tables(lake);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let counting = Hooked::asking(store(lake), move |call, _| {
        counted.fetch_add(usize::from(writes(call)), Ordering::SeqCst);
        Answer::Pass
    });
    let go = async |hooked: Arc<dyn Store>| match rebuilds {
        true => erasure::erase(&hooked, &erasure(lake), &Jobs::over(&hooked), &|_| ()).await,
        false => erasure::erase(&hooked, &erasure(lake), &Nothing, &|_| ()).await,
    };
    go(counting).await.expect("erased");
    assert_erased(lake, &before, "alive");
    let calls = calls.load(Ordering::SeqCst);
    let mut deaths = 0;
    for last in (0..calls).step_by(stride) {
        restore();
        let mut written = 0;
        let dying = Hooked::asking(store(lake), move |call, _| {
            if written > last {
                return Answer::Fail;
            }
            written += usize::from(writes(call));
            if written > last { Answer::FailDone } else { Answer::Pass }
        });
        let what = format!("died behind {last} of {calls}");
        assert!(go(dying).await.is_err(), "{what}");
        deaths += 1;
        let report = go(store(lake)).await.expect("the same command");
        assert!(report.unfinished.is_empty() && report.persons.missing.is_empty(), "{what}");
        assert_erased(lake, &before, &what);
    }
    deaths
}

#[tokio::test]
async fn killed_behind_any_change_the_same_command_ends_the_history() {
    let folder = tempfile::tempdir().expect("tempdir");
    // Metadata names files by the lake's folder: copies of a lake lie there one after another.
    let (lake, template) = (folder.path().join("lake"), folder.path().join("template"));
    fill(&lake, 1).await;
    // As a version left it that did not know of the history: who leaves is in it alone.
    let aside = folder.path().join("iceberg");
    std::fs::rename(lake.join("iceberg"), &aside).expect("aside");
    erase(&lake, &Jobs::over(store(&lake))).await;
    std::fs::rename(&aside, lake.join("iceberg")).expect("back");
    let latest = RunContext { started_at: Micros(ctx(0).started_at.get() + 2000), ..ctx(0) };
    Jobs::over(store(&lake)).analytics(&latest).await.expect("analytics");
    Jobs::over(store(&lake)).time_series(&latest).await.expect("time series");
    let now = decoded::table(&lake, PERSONS[0]);
    assert!(
        now.snapshots[&now.now.expect("one")].iter().any(|row| is_of_them(row)),
        "in what is read now too"
    );
    // No job commits here: of the others nothing changes.
    for name in all_tables(&lake).keys().filter(|name| !PERSONS.contains(&name.as_str()) && *name != COUNTED)
    {
        std::fs::remove_dir_all(lake.join("iceberg").join(name)).expect("removed");
    }
    copy(&lake, &template);
    let deaths = dies_at_calls(&lake, &template, false, 1).await;
    assert!(deaths > 30, "{deaths}");
}

#[tokio::test]
async fn killed_while_jobs_commit_anew_the_same_command_ends_the_history() {
    let folder = tempfile::tempdir().expect("tempdir");
    let (lake, template) = (folder.path().join("lake"), folder.path().join("template"));
    fill(&lake, 1).await;
    copy(&lake, &template);
    let deaths = dies_at_calls(&lake, &template, true, 41).await;
    assert!(deaths >= 4, "{deaths}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_read_them_before_commits_nothing_of_them() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), 1).await;
    let before = all_tables(lake.path());
    let calls = Arc::new(AtomicUsize::new(0));
    let (folder, seen) = (lake.path().to_owned(), Arc::clone(&calls));
    let progress = move |progress: Progress| {
        if matches!(progress, Progress::Transformed { .. }) && seen.fetch_add(1, Ordering::SeqCst) == 0 {
            let folder = folder.clone();
            let erasing = std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(erase(&folder, &Jobs::over(store(&folder))))
            });
            assert!(!erasing.join().expect("no panic").history.is_empty());
        }
    };
    let later = RunContext { started_at: Micros(ctx(0).started_at.get() + 9000), ..ctx(0) };
    let ended = raw_transformation::run(store(lake.path()), &later, &settings(lake.path()), &progress).await;
    assert!(matches!(ended, Err(JobError::Erased) | Ok(_)), "{ended:?}");
    assert!(calls.load(Ordering::SeqCst) > 0);
    assert_erased(lake.path(), &before, "beside a job");
}

/// Erases and is refused, with nothing removed.
async fn refused(lake: &Path) -> String {
    let bytes = |lake| {
        files(lake)
            .into_iter()
            .map(|file| (file.clone(), std::fs::read(file).expect("read")))
            .collect::<Vec<_>>()
    };
    let before = bytes(lake);
    let preview = erasure::preview(store(lake), &erasure(lake)).await.expect_err("refused").to_string();
    let refused = erasure::erase(store(lake), &erasure(lake), &Nothing, &|_| ()).await;
    assert_eq!(refused.expect_err("refused").to_string(), preview);
    assert!(bytes(lake) == before, "something was changed");
    preview
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_before_anything_is_removed() {
    let lake = tempfile::tempdir().expect("tempdir");
    let lake = lake.path();
    fill(lake, 1).await;
    // Another engine's row-level deletes: a list says of a manifest that it is one of deletes.
    let (_, _, metadata) = decoded::metadata(lake, PERSONS[0]);
    let list = metadata["snapshots"][0]["manifest-list"].as_str().expect("a list");
    let list = Path::new(list.strip_prefix("file://").expect("a file"));
    let data = std::fs::read(list).expect("read");
    std::fs::write(list, decoded::as_deletes(&data)).expect("written");
    let error = refused(lake).await;
    for part in [PERSONS[0], "row-level deletes", "rewrite_data_files", "the same command again"] {
        assert!(error.contains(part), "{error}");
    }
    std::fs::write(list, data).expect("written");

    let mark = lake.join("iceberg/tables.json");
    let said = std::fs::read_to_string(&mark).expect("read");
    let mut glue: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    glue["catalogue"] = "glue".into();
    glue["database"] = "lake_iceberg".into();
    std::fs::write(&mark, glue.to_string()).expect("written");
    let error = refused(lake).await;
    assert!(error.contains("lake_iceberg") && error.contains("nothing was removed"), "{error}");
    std::fs::remove_file(&mark).expect("removed");
    let error = refused(lake).await;
    assert!(error.contains("iceberg/tables.json"), "{error}");
}
