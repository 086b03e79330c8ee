//! raw-transformation and its state where the store fails, or the process dies, at any call.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use crate::hooked_store::{Answer, Hooked};
use crate::raw_lake::*;
use millrace_lake::FolderStore;
use millrace_lake::faulty_store::{FaultPoint, FaultyStore, InjectedFault};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::store::Store;

/// A lake with a state of its first object, and a second one: the run to come reads both and replaces the state.
async fn lake() -> MemoryStore {
    let lake = MemoryStore::new();
    land(&lake, "g1", 0, 0, 30).await;
    let store: Arc<dyn Store> = Arc::new(lake.clone());
    run(&store, &context(1, 1)).await;
    land(&lake, "g1", 0, 25, 45).await;
    lake
}

/// Whatever happened before, the next runs are right, and one of them leaves a state that stands for all of raw.
async fn assert_recovers(store: Arc<dyn Store>, what: &str) {
    for (as_of, started_at) in [(2, 10), (0, 11), (3, 12)] {
        let ctx = context(as_of, started_at);
        let report = run(&store, &ctx).await;
        assert!(report.published, "{what}");
        assert_as_from_raw_alone(&store, &ctx, &report, as_of).await;
    }
    land(store.as_ref(), "g1", 1, 0, 5).await;
    let report = run(&store, &context(3, 13)).await;
    assert_eq!(report.inputs.objects_read, 1, "{what}");
    assert_eq!(state(store.as_ref()).await.len(), 3, "{what}: orphans stay");
}

#[tokio::test]
async fn a_process_that_dies_at_any_call_leaves_a_lake_that_the_next_run_makes_right() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let store = Hooked::asking(Arc::new(lake().await), move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Answer::Pass
    });
    run(&store, &context(2, 2)).await;
    let calls = calls.load(Ordering::SeqCst);
    assert!(calls > 20, "the run and its state are calls: {calls}");
    for last in 0..calls {
        for done in [false, true] {
            let lake = lake().await;
            let mut call = 0;
            let store = Hooked::asking(Arc::new(lake.clone()), move |_, _| {
                call += 1;
                match call - 1 {
                    before if before < last => Answer::Pass,
                    dies if dies == last && done => Answer::FailDone,
                    _ => Answer::Fail,
                }
            });
            // Dead calls after the tables were published change nothing that the run answers.
            let _ = run_within(&store, &context(2, 2), 1000).await;
            assert_recovers(Arc::new(lake), &format!("died at call {last}, done {done}")).await;
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_once_costs_at_most_the_run() {
    for place in [
        FaultPoint::Put,
        FaultPoint::Get,
        FaultPoint::List,
        FaultPoint::Delete,
        FaultPoint::Write,
        FaultPoint::Finish,
    ] {
        for fault in [InjectedFault::Retry, InjectedFault::Stop, InjectedFault::RetryAfterDone] {
            for before in 0.. {
                let lake = lake().await;
                let faulty = FaultyStore::new(lake.clone());
                faulty.script(place, std::iter::repeat_n(InjectedFault::Pass, before).chain([fault]));
                let store: Arc<dyn Store> = Arc::new(faulty.clone());
                let ctx = context(2, 2);
                let result = run_within(&store, &ctx, 1000).await;
                if faulty.unmet() > 0 {
                    break;
                }
                let what = format!("{fault:?} at {place:?} {before}");
                if let Ok(report) = result {
                    let lake: Arc<dyn Store> = Arc::new(lake.clone());
                    assert_as_from_raw_alone(&lake, &ctx, &report, 2).await;
                }
                assert_recovers(Arc::new(lake), &what).await;
            }
        }
    }
}

/// The state serves the next run: this one publishes without it.
#[tokio::test]
async fn a_state_that_cannot_be_written_does_not_stop_the_run() {
    for (at, of) in [
        ("writer", "users-"),
        ("write", "users-"),
        ("finish", "users-"),
        ("put", "positions-"),
        ("put", "manifest"),
    ] {
        let lake = lake().await;
        let store = Hooked::asking(Arc::new(lake.clone()), move |call, key| {
            let refused = call == at && key.starts_with("_state/") && key.contains(of);
            if refused { Answer::Fail } else { Answer::Pass }
        });
        let report = run(&store, &context(2, 2)).await;
        assert!(report.published, "{at} {of}");
        assert_recovers(Arc::new(lake), of).await;
    }
}

/// A future that is dropped after so many polls.
struct Few<F> {
    work: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for Few<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.work.as_mut().poll(cx).map(Some)
    }
}

#[tokio::test]
async fn a_run_that_is_called_off_leaves_a_lake_that_the_next_run_makes_right() {
    for polls in 0.. {
        let folder = tempfile::tempdir().expect("tempdir");
        let store: Arc<dyn Store> = Arc::new(FolderStore::new(folder.path()));
        land(store.as_ref(), "g1", 0, 0, 30).await;
        run(&store, &context(1, 1)).await;
        land(store.as_ref(), "g1", 0, 25, 45).await;
        let ended = Few { work: Box::pin(run_within(&store, &context(2, 2), 1000)), polls }.await;
        assert_recovers(store, &format!("called off after {polls} polls")).await;
        if ended.is_some() {
            assert!(polls > 10, "the run is many polls: {polls}");
            break;
        }
    }
}
