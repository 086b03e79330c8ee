//! A commit that dies at any call of the store leaves the table before it or after it, and the files of neither go or stay by mistake.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::collections::BTreeSet;
use std::sync::Arc;

use millrace_iceberg::{Commit, DataFile, IcebergError, Orphans, Removal, Retention, Table, Warehouse};
use millrace_lake::Store;
use millrace_lake::faulty_store::{FaultPoint, FaultyStore, InjectedFault};
use millrace_lake::memory_store::MemoryStore;

use samples::bare::{bare, copied, runs};
use samples::{TABLE, at, commit, create, day, schema};

/// What somebody does to a table.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    Create,
    Append,
    Replace,
    Empty,
    AddColumn,
    RollBack,
    Expire,
    RemoveOrphans,
    RemoveFiles,
}

/// How a call fails.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// It and each that follows: the process is dead.
    ForGood,
    /// It alone; nothing is done.
    Once,
    /// It alone; it is done, and the answer lost.
    AnswerLost,
}

const FOR_GOOD: usize = 500;

fn over(store: Arc<dyn Store>) -> Table {
    Table::without_catalogue(Warehouse::new(store, "s3://bucket/lake"), TABLE).unwrap()
}

fn replacing() -> Commit {
    commit("replace", 9)
}

/// Two days, the first replaced once, and a file that nothing names.
async fn begun(store: &MemoryStore, work: Work) -> (Table, Vec<DataFile>) {
    let table = over(Arc::new(store.clone()));
    if work == Work::Create {
        return (table, Vec::new());
    }
    create(&table).await;
    let mut placed = Vec::new();
    for (run, of) in [("one", 0), ("two", 1), ("three", 0)] {
        let file = bare(&table, store, day(of), run).await;
        placed.push(file.clone());
        table.replace_day(day(of), vec![file], &commit(run, 1)).await.unwrap();
    }
    if work == Work::RemoveOrphans {
        bare(&table, store, day(3), "lost").await;
    }
    if work == Work::RemoveFiles {
        // The day's former one: the first two snapshots name it.
        placed.truncate(1);
        return (table, placed);
    }
    let new = bare(&table, store, day(0), "new").await;
    (table, vec![new])
}

async fn done(table: &Table, work: Work, files: Vec<DataFile>) -> Result<(), IcebergError> {
    match work {
        Work::Create => {
            let schema = schema(&[]);
            let definition = millrace_iceberg::Definition {
                schema: &schema,
                partitioning: millrace_iceberg::Partitioning::Date("processing_date".to_owned()),
                sorted_by: Vec::new(),
                properties: Default::default(),
            };
            table.create(&definition, at(0)).await.map(drop)
        }
        Work::Append => table.append(files, &commit("append", 9)).await.map(drop),
        Work::Replace => table.replace_day(day(0), files, &replacing()).await.map(drop),
        Work::Empty => table.replace_day(day(0), Vec::new(), &replacing()).await.map(drop),
        Work::AddColumn => table.add_columns(&schema(&["more"]), at(9)).await.map(drop),
        Work::RollBack => {
            let first = table.history().await?.remove(0).0.snapshot_id;
            table.roll_back(first, at(9)).await
        }
        Work::Expire => table.expire(Retention { older_than: at(5), keep_last: 1 }, at(9)).await.map(drop),
        Work::RemoveFiles => {
            let keys =
                files.iter().map(|file| table.warehouse().key(&file.location)).collect::<Result<_, _>>();
            table.remove_data_files(&keys?, at(9)).await.map(|done| assert!(done))
        }
        Work::RemoveOrphans => table.remove_orphans(at(1_000_000), Removal::Remove).await.map(drop),
    }
}

/// What a table's readers may see: columns, and by snapshot, oldest first, the runs whose files they read; then what is now.
type View = Option<(usize, Vec<BTreeSet<(i32, String)>>, BTreeSet<(i32, String)>)>;

async fn view(table: &Table) -> View {
    let metadata = match table.load().await {
        Ok(current) => current.metadata,
        Err(IcebergError::NoTable { .. }) => return None,
        Err(error) => panic!("{error}"),
    };
    let mut all = Vec::new();
    for snapshot in &metadata.snapshots {
        all.push(runs(table, &metadata, Some(snapshot)).await);
    }
    let now = runs(table, &metadata, metadata.current_snapshot()).await;
    Some((metadata.schema().unwrap().fields.len(), all, now))
}

async fn listed(store: &MemoryStore) -> usize {
    store.list("iceberg/users/data/").await.unwrap().len()
}

/// Dies at the `nth` call of a kind. `false` where the work has fewer.
async fn dies(
    work: Work,
    (point, nth, death): (FaultPoint, usize, Death),
    (begun, files): (&MemoryStore, &[DataFile]),
    (before, after): (&View, &View),
) -> bool {
    let store = copied(begun).await;
    let table = over(Arc::new(store.clone()));
    let files = files.to_vec();
    let faulty = FaultyStore::new(store.clone());
    let faults = match death {
        Death::ForGood => vec![InjectedFault::Stop; FOR_GOOD],
        Death::Once => vec![InjectedFault::Retry],
        Death::AnswerLost => vec![InjectedFault::RetryAfterDone],
    };
    let unmet = faults.len();
    faulty.script(point, std::iter::repeat_n(InjectedFault::Pass, nth));
    faulty.script(point, faults);
    let dying = over(Arc::new(faulty.clone()));
    let result = done(&dying, work, files.clone()).await;
    if faulty.unmet() >= unmet {
        return false;
    }
    let seen = view(&table).await;
    let what = format!("{work:?} at {point:?} {nth}, {death:?}: {result:?}");
    assert!(seen == *before || seen == *after, "{what}: {seen:?}");
    if result.is_ok() {
        assert_eq!(seen, *after, "{what}");
    }
    if matches!((point, death), (FaultPoint::Put, Death::AnswerLost)) {
        assert_eq!(result.is_ok(), seen == *after, "{what}: what was done is said to be done");
    }
    done(&table, work, files).await.unwrap();
    assert_eq!(view(&table).await, *after, "{what}, and tried again");
    table.remove_orphans(at(1_000_000), Removal::Remove).await.unwrap();
    assert_eq!(
        table.remove_orphans(at(1_000_000), Removal::DryRun).await.unwrap(),
        Orphans::default(),
        "{what}"
    );
    assert_eq!(view(&table).await, *after, "{what}, and cleaned");
    let named: BTreeSet<_> = after.iter().flat_map(|(_, all, _)| all.iter().flatten()).collect();
    assert_eq!(listed(&store).await, named.len(), "{what}: data files that are left");
    true
}

async fn before_or_after(work: Work) {
    let store = MemoryStore::new();
    let (table, files) = begun(&store, work).await;
    let begun = copied(&store).await;
    let before = view(&table).await;
    done(&table, work, files.clone()).await.unwrap();
    let after = view(&table).await;
    let mut deaths = 0;
    for point in [FaultPoint::Put, FaultPoint::Get, FaultPoint::List, FaultPoint::Delete] {
        for death in [Death::ForGood, Death::Once, Death::AnswerLost] {
            // An answer of a reading that is lost is one that failed.
            if matches!((point, death), (FaultPoint::Get | FaultPoint::List, Death::AnswerLost)) {
                continue;
            }
            let mut nth = 0;
            while dies(work, (point, nth, death), (&begun, &files), (&before, &after)).await {
                nth += 1;
            }
            deaths += nth;
        }
    }
    assert!(deaths > 8, "{work:?}: only {deaths} deaths");
}

#[tokio::test]
async fn created_or_not() {
    before_or_after(Work::Create).await;
}

#[tokio::test]
async fn appended_or_not() {
    before_or_after(Work::Append).await;
}

#[tokio::test]
async fn replaced_or_not() {
    before_or_after(Work::Replace).await;
    before_or_after(Work::Empty).await;
}

#[tokio::test]
async fn wider_or_not() {
    before_or_after(Work::AddColumn).await;
}

#[tokio::test]
async fn rolled_back_or_not() {
    before_or_after(Work::RollBack).await;
}

#[tokio::test]
async fn expired_or_not() {
    before_or_after(Work::Expire).await;
}

#[tokio::test]
async fn files_removed_with_their_history_or_not() {
    before_or_after(Work::RemoveFiles).await;
}

#[tokio::test]
async fn a_cleaning_that_dies_removes_nothing_that_is_named() {
    before_or_after(Work::RemoveOrphans).await;
}
