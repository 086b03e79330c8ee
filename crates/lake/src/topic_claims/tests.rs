//! Claims, whatever happens to the runs and to the lake.

use millrace_events::instant::Micros;
use millrace_events::position::{Offset, TopicPartition};
use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::memory_store::MemoryStore;
use crate::object_key::Key;
use crate::raw_object_name::RawObjectName;

const TOPIC: &str = "users_created";

fn topics(partitions: i32) -> [ClaimedTopic<'static>; 2] {
    [
        ClaimedTopic { topic: TOPIC, table: Some("users"), partitions },
        ClaimedTopic { topic: "users_created.dlq", table: None, partitions: 1 },
    ]
}

async fn claim(store: &dyn Store, partitions: i32) -> Claim {
    Claim::of_lake(store, &topics(partitions), &TopicGeneration::drawn(now(store).await)).await.unwrap()
}

/// A clock that goes on with each claim.
async fn now(store: &dyn Store) -> Micros {
    let numbers = Found::numbers(store).await.unwrap();
    Micros(i64::try_from(numbers.into_iter().max().map_or(1, |number| number + 2)).unwrap() * 1_000_000)
}

fn first(claim: &Claim, partition: i32) -> i64 {
    claim.first().find(|(place, _)| place.is(TOPIC, partition)).unwrap().1.get()
}

fn ends(ends: &[(i32, i64)]) -> BTreeMap<TopicPartition, Offset> {
    ends.iter().map(|(partition, last)| (TopicPartition::new(TOPIC, *partition), Offset(*last))).collect()
}

async fn land(store: &dyn Store, generation: &TopicGeneration, partition: i32, first: i64, last: i64) {
    let name = RawObjectName::new(TOPIC, generation.clone(), partition, Offset(first), Offset(last)).unwrap();
    store.put(&name.key("users", Micros(0)).unwrap(), Bytes::new()).await.unwrap();
}

#[tokio::test]
async fn a_run_goes_on_right_behind_one_that_ended() {
    let store = MemoryStore::new();
    let one = claim(&store, 2).await;
    assert_eq!([first(&one, 0), first(&one, 1)], [0, 0]);
    let generation = one.generation().clone();
    land(&store, &generation, 0, 0, 99).await;
    one.end(&store, &ends(&[(0, 99)])).await.unwrap();

    // More partitions, and then fewer: what is not claimed is kept.
    let two = claim(&store, 3).await;
    assert_eq!([first(&two, 0), first(&two, 1), first(&two, 2)], [100, 0, 0]);
    two.end(&store, &ends(&[(0, 149), (2, 9)])).await.unwrap();
    let three = claim(&store, 1).await;
    assert_eq!(three.first().count(), 2);
    assert_eq!((first(&three, 0), three.generation()), (150, &generation));
    three.end(&store, &ends(&[])).await.unwrap();
    let four = claim(&store, 3).await;
    assert_eq!([first(&four, 0), first(&four, 1), first(&four, 2)], [150, 0, 10]);
    assert_eq!(store.list(&format!("{CLAIMS}/")).await.unwrap().len(), 1, "claims that no longer count go");
}

#[tokio::test]
async fn behind_a_run_that_is_at_work_or_was_killed_its_range_is_left_out() {
    let store = MemoryStore::new();
    let (living, other) = (claim(&store, 1).await, claim(&store, 1).await);
    assert_eq!((first(&other, 0), other.generation()), (RANGE, living.generation()));
    other.end(&store, &ends(&[(0, RANGE + 4)])).await.unwrap();
    // It ends behind the other's back: its word counts no more.
    living.end(&store, &ends(&[(0, 7)])).await.unwrap();
    assert_eq!(first(&claim(&store, 1).await, 0), RANGE + 5);
    assert_eq!(first(&claim(&store, 1).await, 0), 2 * RANGE + 5, "the one before never ended");
}

#[tokio::test]
async fn a_claim_whose_word_cannot_be_held_up_begins_a_new_life() {
    let set = TopicGeneration::new("zz").unwrap();
    let store = MemoryStore::new();
    let one = claim(&store, 1).await;
    let generation = one.generation().clone();
    one.end(&store, &ends(&[(0, 9)])).await.unwrap();
    // A generation that a person named says nothing of ours, however late it sorts.
    land(&store, &set, 0, 0, 1_000).await;
    land(&store, &generation, 0, 0, 9).await;
    let two = claim(&store, 1).await;
    assert_eq!(two.generation(), &generation);
    two.end(&store, &ends(&[])).await.unwrap();

    // The claims of a copy of yesterday, the objects of today.
    land(&store, &generation, 0, 10, 10).await;
    let three = claim(&store, 1).await;
    assert!(*three.generation() > generation && first(&three, 0) == 0);
    three.end(&store, &ends(&[(0, 3)])).await.unwrap();

    // A run of an earlier version.
    let later = TopicGeneration::drawn(Micros(1_795_269_545_000_042));
    land(&store, &later, 0, 0, 9).await;
    assert_ne!(claim(&store, 1).await.generation(), &later);
    store.put(&layout::claim_key(9).unwrap(), Bytes::from_static(b"{")).await.unwrap();
    let four = claim(&store, 1).await;
    assert_eq!((four.number, first(&four, 0)), (10, 0), "a claim that nobody can read is left behind");
    // What is no claim does not count.
    store.put(&Key::new("_lives/notes.json").unwrap(), Bytes::new()).await.unwrap();
    store.put(&Key::new("_lives/99.json").unwrap(), Bytes::new()).await.unwrap();
    assert_eq!(claim(&store, 1).await.number, 11);
}

#[tokio::test]
async fn offsets_that_are_used_up_begin_a_new_life() {
    let store = MemoryStore::new();
    let one = claim(&store, 1).await;
    let generation = one.generation().clone();
    one.end(&store, &ends(&[(0, i64::MAX - 2 * RANGE)])).await.unwrap();
    let two = claim(&store, 1).await;
    assert!(*two.generation() > generation && first(&two, 0) == 0);
}

#[tokio::test]
async fn a_number_that_comes_free_again_does_not_count() {
    let store = MemoryStore::new();
    let stale = Claim::behind(None, 0, &topics(1), &TopicGeneration::new("a").unwrap());
    for _ in 0..3 {
        claim(&store, 1).await;
    }
    assert!(!stale.create(&store).await.unwrap(), "number 0 was removed, and later ones are there");
    assert_eq!(first(&claim(&store, 1).await, 0), 3 * RANGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_start_at_once_share_no_offset() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = crate::FolderStore::new(folder.path());
        runs.spawn(async move {
            let claim = Claim::of_lake(&store, &topics(1), &TopicGeneration::drawn(Micros(1))).await.unwrap();
            (claim.generation().clone(), first(&claim, 0))
        });
    }
    let claims: BTreeSet<_> = runs.join_all().await.into_iter().collect();
    assert_eq!(claims.len(), 20);
    assert_eq!(claims.iter().map(|(generation, _)| generation).collect::<BTreeSet<_>>().len(), 1);
    let firsts: Vec<_> = claims.iter().map(|(_, first)| *first).collect();
    assert!(firsts.windows(2).all(|pair| pair[1] - pair[0] == RANGE), "{firsts:?}");
}

/// What may happen to a lake.
#[derive(Debug, Clone)]
enum Step {
    Start {
        partitions: i32,
    },
    /// Of the runs at work this one gives so many offsets of a partition away, and lands them, or not yet.
    Give {
        run: usize,
        partition: i32,
        offsets: i64,
        lands: bool,
    },
    End {
        run: usize,
    },
    Kill {
        run: usize,
    },
    /// Everything that has landed is erased, or removed by hand.
    Erase,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (1..4).prop_map(|partitions| Step::Start { partitions }),
        4 => (0..4_usize, 0..3, 1..50_i64, any::<bool>())
            .prop_map(|(run, partition, offsets, lands)| Step::Give { run, partition, offsets, lands }),
        2 => (0..4_usize).prop_map(|run| Step::End { run }),
        1 => (0..4_usize).prop_map(|run| Step::Kill { run }),
        1 => Just(Step::Erase),
    ];
    proptest::collection::vec(step, 0..40)
}

struct Run {
    claim: Claim,
    last: BTreeMap<TopicPartition, Offset>,
}

proptest! {
    /// Whatever happens: there is one generation, no offset is given away twice, and where each run ends before the next starts
    /// none is left out.
    #[test]
    fn no_offset_is_given_away_twice(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = MemoryStore::new();
            let (mut runs, mut given): (Vec<Run>, BTreeSet<(i32, i64)>) = Default::default();
            let (mut generations, mut orderly) = (BTreeSet::new(), true);
            for step in steps {
                match step {
                    Step::Start { partitions } => {
                        orderly &= runs.is_empty();
                        let claim = claim(&store, partitions).await;
                        generations.insert(claim.generation().clone());
                        runs.push(Run { claim, last: BTreeMap::new() });
                    }
                    Step::Give { run, partition, offsets, lands } => {
                        let Some(run) = runs.get_mut(run) else { continue };
                        let place = TopicPartition::new(TOPIC, partition);
                        let Some((_, first)) = run.claim.first().find(|(claimed, _)| *claimed == place) else { continue };
                        let first = run.last.get(&place).map_or(first, |last| last.next()).get();
                        for offset in first..first + offsets {
                            assert!(given.insert((partition, offset)), "{partition} {offset} is given twice");
                        }
                        run.last.insert(place, Offset(first + offsets - 1));
                        if lands {
                            land(&store, run.claim.generation(), partition, first, first + offsets - 1).await;
                        }
                    }
                    Step::End { run } if run < runs.len() => {
                        let run = runs.remove(run);
                        run.claim.end(&store, &run.last).await.unwrap();
                    }
                    Step::Kill { run } if run < runs.len() => {
                        drop(runs.remove(run));
                        orderly = false;
                    }
                    Step::End { .. } | Step::Kill { .. } => {}
                    Step::Erase => {
                        for object in store.list("raw/").await.unwrap() {
                            store.delete(&object.key).await.unwrap();
                        }
                    }
                }
            }
            assert!(generations.len() <= 1, "{generations:?}");
            if orderly {
                for partition in 0..3 {
                    let offsets = given.iter().filter(|(of, _)| *of == partition).map(|(_, offset)| *offset);
                    let offsets: Vec<_> = offsets.collect();
                    assert!(offsets.iter().copied().eq(0..offsets.len() as i64), "{partition}: {offsets:?}");
                }
            }
        });
    }
}
