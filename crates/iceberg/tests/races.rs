//! Committers at once: of different days all stand, of one day the later-started.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use millrace_iceberg::{
    CatalogueEntry, Current, FilePointer, IcebergError, Located, LocationCatalogue, LocationPointer, Outcome,
    Pointer, Removal, Retention, Swap, Table, TableMetadata, Warehouse,
};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::{FolderStore, Store};

use samples::bare::{bare, now};
use samples::{TABLE, at, commit, create, day, schema, table};

/// One location a table, in memory: what Glue keeps.
#[derive(Debug, Default)]
struct Locations(Mutex<BTreeMap<String, Located>>);

#[async_trait]
impl LocationCatalogue for Locations {
    async fn find(&self, table: &str) -> Result<Option<Located>, IcebergError> {
        Ok(self.0.lock().unwrap().get(table).cloned())
    }

    async fn say(&self, base: Option<&Located>, entry: &CatalogueEntry<'_>) -> Result<Swap, IcebergError> {
        let mut known = self.0.lock().unwrap();
        if known.get(entry.table) != base {
            return Ok(Swap::Lost);
        }
        assert_eq!(entry.previous, base.map(|base| base.location.as_str()));
        let version = base.map_or(0, |base| base.version.parse::<u64>().unwrap() + 1).to_string();
        known.insert(entry.table.to_owned(), Located { location: entry.location.to_owned(), version });
        Ok(Swap::Done)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn also_by_a_catalogue_of_locations() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let warehouse = Warehouse::new(Arc::clone(&store), "s3://bucket/lake");
    let pointer = LocationPointer::new(warehouse.clone(), TABLE, Arc::new(Locations::default()));
    all_at_once(store, Table::new(warehouse, TABLE, Arc::new(pointer)).unwrap()).await;
}

async fn all_at_once(store: Arc<dyn Store>, table: Table) {
    create(&table).await;
    let mut tasks = Vec::new();
    for n in 0..6_i64 {
        for started in [2, 1, 3] {
            let (table, store) = (table.clone(), Arc::clone(&store));
            tasks.push(tokio::spawn(async move {
                let run = format!("run-{n}-{started}");
                let file = bare(&table, &*store, day(n), &run).await;
                table.replace_day(day(n), vec![file], &commit(&run, started)).await.unwrap()
            }));
        }
        let (table, store) = (table.clone(), Arc::clone(&store));
        tasks.push(tokio::spawn(async move {
            let run = format!("append-{n}");
            let file = bare(&table, &*store, day(100 + n), &run).await;
            table.append(vec![file], &commit(&run, 1)).await.unwrap()
        }));
    }
    let others = table.clone();
    let housekeeping = tokio::spawn(async move {
        for n in 0..5 {
            others.add_columns(&schema(&[&format!("more_{n}")]), at(1)).await.unwrap();
            others.expire(Retention { older_than: at(-1), keep_last: 100 }, at(1)).await.unwrap();
            others.remove_orphans(at(-1), Removal::Remove).await.unwrap();
        }
    });
    for task in tasks {
        task.await.unwrap();
    }
    housekeeping.await.unwrap();
    let left: BTreeSet<String> = now(&table).await.into_iter().map(|(_, run)| run).collect();
    let wanted = (0..6).flat_map(|n| [format!("run-{n}-3"), format!("append-{n}")]).collect();
    assert_eq!(left, wanted);
    let metadata = table.load().await.unwrap().metadata;
    // A try that lost leaves files, and they go.
    table.remove_orphans(at(1_000_000), Removal::Remove).await.unwrap();
    assert_eq!(table.remove_orphans(at(1_000_000), Removal::DryRun).await.unwrap(), Default::default());
    let numbers: Vec<i64> = metadata.snapshots.iter().map(|one| one.sequence_number).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "each commit has its own number");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_days_stand_and_of_one_day_the_later_started() {
    for _ in 0..3 {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        all_at_once(Arc::clone(&store), table(store)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn also_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(folder.path()));
    all_at_once(Arc::clone(&store), table(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_create_at_once_one_does() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let schema = schema(&[]);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (table, schema) = (table(Arc::clone(&store)), Arc::clone(&schema));
        tasks.push(tokio::spawn(async move {
            let definition = millrace_iceberg::Definition {
                schema: &schema,
                partitioning: millrace_iceberg::Partitioning::DayOf("seen".to_owned()),
                sorted_by: Vec::new(),
                properties: Default::default(),
            };
            table.create(&definition, at(0)).await.unwrap()
        }));
    }
    let mut created = 0;
    for task in tasks {
        created += usize::from(task.await.unwrap());
    }
    assert_eq!(created, 1);
}

/// Lets another committer through before the first swap.
#[derive(Debug)]
struct Overtaken {
    inner: FilePointer,
    by: Table,
    store: MemoryStore,
    swaps: AtomicUsize,
    started: i64,
    day: i64,
}

#[async_trait]
impl Pointer for Overtaken {
    async fn load(&self) -> Result<Option<Current>, IcebergError> {
        self.inner.load().await
    }

    async fn swap(&self, base: Option<&Current>, next: &TableMetadata) -> Result<Swap, IcebergError> {
        if self.swaps.fetch_add(1, Ordering::SeqCst) == 0 {
            let file = bare(&self.by, &self.store, day(self.day), "quicker").await;
            let by = commit("quicker", self.started);
            self.by.replace_day(day(self.day), vec![file], &by).await?;
        }
        self.inner.swap(base, next).await
    }
}

/// What a run that started at minute 5 gets where one that started at `started` comes between for the day `other`; and what is there then.
async fn overtaken(started: i64, other: i64) -> (Outcome, Vec<String>) {
    let store = MemoryStore::new();
    let by = table(Arc::new(store.clone()));
    create(&by).await;
    let warehouse: Warehouse = by.warehouse().clone();
    let inner = FilePointer::new(warehouse.clone(), TABLE).unwrap();
    let swaps = AtomicUsize::new(0);
    let pointer = Overtaken { inner, by: by.clone(), store: store.clone(), swaps, started, day: other };
    let slower = Table::new(warehouse, TABLE, Arc::new(pointer)).unwrap();
    let file = bare(&slower, &store, day(0), "slower").await;
    let outcome = slower.replace_day(day(0), vec![file], &commit("slower", 5)).await.unwrap();
    let there = now(&by).await.into_iter().map(|(_, run)| run).collect();
    // What was written for the lost try goes as orphans, and nothing else.
    let before = by.history().await.unwrap();
    let orphans = by.remove_orphans(at(1_000_000), Removal::Remove).await.unwrap();
    assert!(orphans.removed.len() >= 2, "{orphans:?}");
    assert_eq!(by.history().await.unwrap(), before);
    assert_eq!(by.remove_orphans(at(1_000_000), Removal::DryRun).await.unwrap(), Default::default());
    (outcome, there)
}

#[tokio::test]
async fn the_slower_of_two_goes_on_top_of_the_quicker() {
    let (outcome, there) = overtaken(9, 1).await;
    assert!(matches!(outcome, Outcome::Committed(_)));
    assert_eq!(there, ["slower", "quicker"], "by day: different days both stand");
}

#[tokio::test]
async fn of_one_day_the_later_started_wins_whoever_comes_first() {
    let (outcome, there) = overtaken(1, 0).await;
    assert!(matches!(outcome, Outcome::Committed(_)));
    assert_eq!(there, ["slower"]);
    let (outcome, there) = overtaken(9, 0).await;
    assert!(matches!(outcome, Outcome::Superseded(_)));
    assert_eq!(there, ["quicker"]);
}

#[tokio::test]
async fn whoever_slept_over_a_hundred_commits_finds_no_gap_to_commit_into() {
    let store = MemoryStore::new();
    let table = table(Arc::new(store.clone()));
    create(&table).await;
    let pointer = FilePointer::new(table.warehouse().clone(), TABLE).unwrap();
    let asleep = pointer.load().await.unwrap().unwrap();
    for n in 0..103 {
        table.add_columns(&schema(&[&format!("more_{n}")]), at(n)).await.unwrap();
    }
    let cleaned = table.remove_orphans(at(1_000_000), Removal::Remove).await.unwrap();
    let versions: Vec<&str> = cleaned.removed.iter().map(|object| object.key.name()).collect();
    assert_eq!(versions, ["v1.metadata.json", "v2.metadata.json", "v3.metadata.json"]);
    let mut next = asleep.metadata.clone();
    next.last_updated_ms += 1;
    assert_eq!(pointer.swap(Some(&asleep), &next).await.unwrap(), Swap::Lost);
    assert_eq!(pointer.load().await.unwrap().unwrap().token, "104");
    // Without its hint too.
    store
        .delete(&millrace_lake::Key::new("iceberg/users/metadata/version-hint.text").unwrap())
        .await
        .unwrap();
    assert_eq!(pointer.load().await.unwrap().unwrap().token, "104");
}

#[tokio::test]
async fn whoever_finds_its_own_version_there_has_committed() {
    let table = table(Arc::new(MemoryStore::new()));
    create(&table).await;
    let pointer = FilePointer::new(table.warehouse().clone(), TABLE).unwrap();
    let base = pointer.load().await.unwrap().unwrap();
    let mut next = base.metadata.clone();
    next.last_updated_ms += 1;
    // A store that tries again by itself says so of the object that its first try wrote.
    for _ in 0..2 {
        assert_eq!(pointer.swap(Some(&base), &next).await.unwrap(), Swap::Done);
    }
    next.last_updated_ms += 1;
    assert_eq!(pointer.swap(Some(&base), &next).await.unwrap(), Swap::Lost);
}
