//! Any sequence of changes leaves what a model of sets says.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_iceberg::{Outcome, Removal, Retention, Table};
use millrace_lake::Store;
use millrace_lake::memory_store::MemoryStore;
use proptest::prelude::*;

use samples::bare::{bare, runs};
use samples::{at, commit, create, day, schema, table};

#[derive(Debug, Clone)]
enum Step {
    Append { days: Vec<i64> },
    Replace { day: i64, files: usize, started: i64 },
    AddColumn,
    RollBack { back: usize },
    Expire { keep: usize, age: i64 },
    RemoveOrphans,
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => proptest::collection::vec(0_i64..4, 1..4).prop_map(|days| Step::Append { days }),
        5 => (0_i64..4, 0_usize..3, -3_i64..2).prop_map(|(day, files, started)| Step::Replace { day, files, started }),
        1 => Just(Step::AddColumn),
        1 => (0_usize..5).prop_map(|back| Step::RollBack { back }),
        2 => (0_usize..4, 0_i64..10).prop_map(|(keep, age)| Step::Expire { keep, age }),
        1 => Just(Step::RemoveOrphans),
        1 => Just(Step::Again),
    ]
}

type Files = BTreeSet<(i32, String)>;

#[derive(Debug, Clone, Default)]
struct Modelled {
    files: Files,
    parent: Option<i64>,
    replaced: Option<(i64, i64)>,
    minute: i64,
}

#[derive(Debug, Default)]
struct Model {
    snapshots: BTreeMap<i64, Modelled>,
    current: Option<i64>,
    columns: usize,
}

impl Model {
    fn line(&self) -> Vec<i64> {
        std::iter::successors(self.current, |id| {
            self.snapshots.get(id)?.parent.filter(|id| self.snapshots.contains_key(id))
        })
        .collect()
    }

    fn files(&self) -> Files {
        self.current.map(|id| self.snapshots[&id].files.clone()).unwrap_or_default()
    }

    fn commit(&mut self, id: i64, files: Files, replaced: Option<(i64, i64)>, minute: i64) {
        let parent = self.current.replace(id);
        self.snapshots.insert(id, Modelled { files, parent, replaced, minute });
    }
}

fn number(n: i64) -> i32 {
    (day(n) - chrono::NaiveDate::default()).num_days() as i32
}

async fn follow(steps: Vec<Step>) {
    let store = MemoryStore::new();
    let table = table(Arc::new(store.clone()));
    create(&table).await;
    let mut model = Model { columns: schema(&[]).fields().len(), ..Model::default() };
    let mut last = None;
    for (minute, step) in steps.into_iter().enumerate() {
        apply(&table, &store, &mut model, step, minute as i64 + 1, &mut last).await;
        check(&table, &model).await;
    }
    // Only what is named is left, and all of it.
    table.remove_orphans(at(1_000_000), Removal::Remove).await.unwrap();
    check(&table, &model).await;
    let left = store.list("iceberg/users/data/").await.unwrap().len();
    let named: Files = model.snapshots.values().flat_map(|one| one.files.clone()).collect();
    assert_eq!(left, named.len());
    let again = table.remove_orphans(at(1_000_000), Removal::DryRun).await.unwrap();
    assert_eq!(again, millrace_iceberg::Orphans::default());
}

async fn apply(
    table: &Table,
    store: &MemoryStore,
    model: &mut Model,
    step: Step,
    minute: i64,
    last: &mut Option<(Vec<millrace_iceberg::DataFile>, millrace_iceberg::Commit, i64)>,
) {
    match step {
        Step::Append { days } => {
            let mut files = Vec::new();
            let mut all = model.files();
            for (n, of) in days.into_iter().enumerate() {
                let run = format!("run-{minute}-{n}");
                files.push(bare(table, store, day(of), &run).await);
                all.insert((number(of), run));
            }
            let commit = commit(&format!("commit-{minute}"), minute);
            let Outcome::Committed(id) = table.append(files.clone(), &commit).await.unwrap() else {
                panic!()
            };
            model.commit(id, all, None, minute);
            *last = Some((files, commit, id));
        }
        Step::Replace { day: of, files: count, started } => {
            let started = minute + started;
            let mut files = Vec::new();
            let mut all = model.files();
            all.retain(|(day, _)| *day != number(of));
            for n in 0..count {
                let run = format!("run-{minute}-{n}");
                files.push(bare(table, store, day(of), &run).await);
                all.insert((number(of), run));
            }
            let mut commit = commit(&format!("commit-{minute}"), started);
            commit.now = at(minute);
            let later = model.line().into_iter().find(|id| {
                model.snapshots[id].replaced.is_some_and(|(day, other)| day == of && other > started)
            });
            let outcome = table.replace_day(day(of), files, &commit).await.unwrap();
            match (later, outcome) {
                (Some(later), outcome) => assert_eq!(outcome, Outcome::Superseded(later)),
                (None, Outcome::Committed(id)) => model.commit(id, all, Some((of, started)), minute),
                other => panic!("{other:?}"),
            }
        }
        Step::AddColumn => {
            let name = format!("more_{minute}");
            let added = table.add_columns(&schema(&[&name]), at(minute)).await.unwrap();
            assert_eq!(added, std::slice::from_ref(&name));
            assert!(table.add_columns(&schema(&[&name]), at(minute)).await.unwrap().is_empty());
            model.columns += 1;
        }
        Step::RollBack { back } => {
            let Some(to) = model.line().get(back).copied() else {
                assert!(table.roll_back(-1, at(minute)).await.is_err());
                return;
            };
            table.roll_back(to, at(minute)).await.unwrap();
            model.current = Some(to);
        }
        Step::Expire { keep, age } => {
            let line = model.line();
            let stays = |id: &i64, one: &Modelled| {
                one.minute >= minute - age || line.iter().take(keep.max(1)).any(|kept| kept == id)
            };
            let gone: Vec<i64> =
                model.snapshots.iter().filter(|(id, one)| !stays(id, one)).map(|(id, _)| *id).collect();
            let retention = Retention { older_than: at(minute - age), keep_last: keep };
            let mut told = table.expire(retention, at(minute)).await.unwrap().snapshots;
            told.sort_unstable();
            assert_eq!(told, gone);
            model.snapshots.retain(|id, _| !gone.contains(id));
        }
        Step::RemoveOrphans => {
            table.remove_orphans(at(1_000_000), Removal::Remove).await.unwrap();
            *last = None;
        }
        Step::Again => {
            let Some((files, commit, id)) = last.clone() else { return };
            if model.line().contains(&id) {
                assert_eq!(table.append(files, &commit).await.unwrap(), Outcome::AlreadyThere(id));
            }
        }
    }
}

async fn check(table: &Table, model: &Model) {
    let metadata = table.load().await.unwrap().metadata;
    assert_eq!(metadata.current_snapshot_id, model.current);
    assert_eq!(metadata.schema().unwrap().fields.len(), model.columns);
    let ids: BTreeSet<i64> = metadata.snapshots.iter().map(|one| one.snapshot_id).collect();
    assert_eq!(ids, model.snapshots.keys().copied().collect());
    let mut numbers: Vec<i32> = metadata.schema().unwrap().fields.iter().map(|field| field.id).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), model.columns, "two columns have one number");
    for snapshot in &metadata.snapshots {
        let files = runs(table, &metadata, Some(snapshot)).await;
        assert_eq!(files, model.snapshots[&snapshot.snapshot_id].files);
        assert_eq!(snapshot.summary["total-data-files"], files.len().to_string());
        assert_eq!(snapshot.summary["total-records"], (10 * files.len()).to_string());
    }
    assert!(metadata.snapshots.windows(2).all(|two| two[0].timestamp_ms < two[1].timestamp_ms));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_table_is_what_its_changes_make_it(steps in proptest::collection::vec(step(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(follow(steps));
    }
}
