//! Any history of a lake gives the tables of one run over all of raw, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::hooked_store::{Answer, Hooked};
use crate::raw_lake::*;
use bytes::Bytes;
use millrace_lake::FolderStore;
use millrace_lake::RawObjectName;
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::store::Store;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

/// What happens to a lake.
#[derive(Debug, Clone)]
enum Event {
    /// Records of a partition arrive, some perhaps not for the first time.
    Land { generation: usize, partition: i64, first: i64, count: i64 },
    /// A run for a day, with room for so many rows, that may die at one of its calls.
    Run { day: u64, range_rows: u64, dies: Option<(usize, bool)> },
    /// The small objects of some partition become a large one; the sources go at once, one of them, or none.
    Compact { nth: usize, removed: usize },
    /// An object of the state is lost or damaged.
    Damage { object: usize, how: Damage },
    /// A person's rows go from raw, and then the state; where it stays, the next run comes before any compaction, the last
    /// one may have come before the latest.
    Erase { user: i64, state: bool },
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Lost,
    Cut,
    Scribbled,
    /// Put back as it was some time before.
    Old,
}

const GENERATIONS: [&str; 2] = ["g1", "g2"];

fn event() -> impl Strategy<Value = Event> {
    let damage =
        prop_oneof![Just(Damage::Lost), Just(Damage::Cut), Just(Damage::Scribbled), Just(Damage::Old)];
    prop_oneof![
        4 => (0..2usize, 0..2i64, 0..30i64, 1..15i64).prop_map(|(generation, partition, first, count)| {
            Event::Land { generation, partition, first, count }
        }),
        5 => (prop_oneof![0..5u64, Just(2), Just(4)], prop_oneof![Just(3u64), Just(1 << 20)], prop::option::weighted(0.4, (0..40usize, any::<bool>())))
            .prop_map(|(day, range_rows, dies)| Event::Run { day, range_rows, dies }),
        3 => (0..4usize, 0..3usize).prop_map(|(nth, removed)| Event::Compact { nth, removed }),
        1 => (0..4usize, damage).prop_map(|(object, how)| Event::Damage { object, how }),
        1 => (0..17i64, any::<bool>()).prop_map(|(user, state)| Event::Erase { user, state }),
    ]
}

/// A lake with a past.
struct Lake {
    store: Arc<dyn Store>,
    /// What the state's objects were once.
    old: BTreeMap<String, Bytes>,
    started_at: i64,
    /// The latest day of any run: the state is of no later one.
    latest: u64,
    /// The raw objects that the state stands for at least, where nothing has happened to it.
    covered: Option<BTreeSet<String>>,
}

impl Lake {
    async fn happens(&mut self, event: &Event) {
        match *event {
            Event::Land { generation, partition, first, count } => {
                land(self.store.as_ref(), GENERATIONS[generation], partition, first, first + count - 1).await;
            }
            Event::Run { day, range_rows, dies: None } => self.run(day, range_rows).await,
            Event::Run { day, range_rows, dies: Some((last, done)) } => {
                self.die(day, range_rows, last, done).await
            }
            Event::Compact { nth, removed } => self.compact(nth, removed).await,
            Event::Damage { object, how } => self.damage(object, how).await,
            Event::Erase { user, state } => self.erase(&format!("user {user:02}"), state).await,
        }
    }

    async fn run(&mut self, day: u64, range_rows: u64) {
        self.started_at += 1;
        let ctx = context(day, self.started_at);
        let report = run_within(&self.store, &ctx, range_rows).await.expect("a run");
        assert!(report.published);
        assert_as_from_raw_alone(&self.store, &ctx, &report, day).await;
        if day < self.latest {
            return;
        }
        self.latest = day;
        let listed = BTreeSet::from_iter(report.inputs.objects);
        if let Some(covered) = self.covered.replace(listed.clone()) {
            // A run that falls back to all of raw is right, too, and would hide a state that never holds.
            assert!(
                report.inputs.objects_read <= listed.difference(&covered).count() as u64,
                "more was read than is new"
            );
        }
    }

    async fn die(&mut self, day: u64, range_rows: u64, last: usize, done: bool) {
        self.started_at += 1;
        let mut call = 0;
        let store = Hooked::asking(self.store.clone(), move |_, _| {
            call += 1;
            match call - 1 {
                before if before < last => Answer::Pass,
                dies if dies == last && done => Answer::FailDone,
                _ => Answer::Fail,
            }
        });
        self.latest = self.latest.max(day);
        let _ = run_within(&store, &context(day, self.started_at), range_rows).await;
    }

    /// As `millrace compact` does: the large object first, then the small ones go.
    async fn compact(&mut self, nth: usize, removed: usize) {
        let named = |name: &String| RawObjectName::of_key(&key(name)).expect("a raw object's name");
        let mut partitions = BTreeMap::<_, BTreeMap<String, Bytes>>::new();
        for (name, body) in objects(self.store.as_ref(), "raw/users/").await {
            let partition = (named(&name).generation().to_string(), named(&name).partition());
            partitions.entry(partition).or_default().insert(name, body);
        }
        partitions.retain(|_, sources| sources.len() > 1);
        let chosen = nth % partitions.len().max(1);
        let Some(((generation, partition), sources)) = partitions.into_iter().nth(chosen) else { return };
        let first = sources.keys().map(|name| named(name).first_offset()).min().expect("some");
        let last = sources.keys().map(|name| named(name).last_offset()).max().expect("some");
        let large = raw_key(&generation, i64::from(partition), first.get(), last.get());
        if sources.contains_key(large.as_str()) {
            // Written over one of its sources.
            self.covered = None;
        }
        self.store.put(&large, compacted(&sources)).await.expect("put");
        let gone = match removed {
            0 => 0,
            1 => 1,
            _ => sources.len(),
        };
        for source in sources.keys().filter(|name| **name != large.as_str()).take(gone) {
            self.store.delete(&key(source)).await.expect("deleted");
        }
    }

    async fn damage(&mut self, object: usize, how: Damage) {
        let found = state(self.store.as_ref()).await;
        let Some((name, body)) = found.iter().nth(object) else { return };
        self.covered = None;
        let damaged = match how {
            Damage::Lost => None,
            Damage::Cut => Some(body.slice(..body.len() / 2)),
            Damage::Scribbled => Some(body.iter().map(|byte| byte ^ 0x55).collect()),
            Damage::Old => Some(self.old.get(name).unwrap_or(body).clone()),
        };
        self.old.extend(found.clone());
        match damaged {
            Some(body) => self.store.put(&key(name), body).await.expect("put"),
            None => self.store.delete(&key(name)).await.expect("deleted"),
        }
    }

    async fn erase(&mut self, user: &str, state_too: bool) {
        self.covered = None;
        for (name, body) in objects(self.store.as_ref(), "raw/users/").await {
            let rewritten = without(&body, user);
            if rewritten.len() != body.len() {
                self.store.put(&key(&name), rewritten).await.expect("put");
            }
        }
        if state_too {
            for name in state(self.store.as_ref()).await.into_keys() {
                self.store.delete(&key(&name)).await.expect("deleted");
            }
        } else {
            self.run(4, 1 << 20).await;
        }
    }
}

/// A raw object without the rows of `user`; the same bytes where it has none.
fn without(body: &Bytes, user: &str) -> Bytes {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    let reader = ParquetRecordBatchReaderBuilder::try_new(body.clone()).expect("a Parquet file");
    let entries = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    let entries: Vec<_> = entries.filter(|entry| entry.key.starts_with("millrace.")).cloned().collect();
    let batches: Vec<_> = reader.build().expect("a reader").map(|batch| batch.expect("a batch")).collect();
    let mut rest = Vec::new();
    let mut erased = false;
    for batch in &batches {
        let ids = batch.column_by_name("user_id").expect("ids").as_string::<i32>();
        let runs = (0..batch.num_rows()).filter(|row| ids.is_null(*row) || ids.value(*row) != user);
        let kept: Vec<_> = runs.map(|row| batch.slice(row, 1)).collect();
        erased |= kept.len() < batch.num_rows();
        rest.extend(kept);
    }
    if !erased {
        return body.clone();
    }
    rest.push(batches[0].slice(0, 0));
    written(&rest, &entries)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_history_gives_the_tables_of_one_run_over_all_of_raw(
        history in prop::collection::vec(event(), 1..14), on_disk in any::<bool>()
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("tempdir");
            let store: Arc<dyn Store> =
                if on_disk { Arc::new(FolderStore::new(folder.path())) } else { Arc::new(MemoryStore::new()) };
            let mut lake = Lake { store, old: BTreeMap::new(), started_at: 0, latest: 0, covered: None };
            for event in &history {
                lake.happens(event).await;
            }
            for day in [2, 0, 4] {
                lake.run(day, 1 << 20).await;
            }
            // The last of these left a state of all of raw, one that stands for it already, or one of a later day.
            lake.run(4, 1 << 20).await;
            land(lake.store.as_ref(), "g3", 0, 0, 3).await;
            lake.run(4, 1 << 20).await;
            assert_eq!(state(lake.store.as_ref()).await.len(), 3, "one state and nothing else");
        });
    }
}

/// What the property test found once in some thousand histories.
#[test]
fn rows_taken_out_of_an_object_that_was_compacted_since_the_last_run_are_in_no_table() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut lake = Lake { store, old: BTreeMap::new(), started_at: 0, latest: 0, covered: None };
        let run = Event::Run { day: 4, range_rows: 1 << 20, dies: None };
        for (first, count) in [(0, 8), (8, 14)] {
            lake.happens(&Event::Land { generation: 0, partition: 0, first, count }).await;
        }
        lake.happens(&run).await;
        lake.happens(&Event::Compact { nth: 0, removed: 2 }).await;
        for user in 0..17 {
            lake.happens(&Event::Erase { user, state: false }).await;
        }
        lake.happens(&run).await;
    });
}
