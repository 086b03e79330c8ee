//! A function that takes its time, and a mapping that is told to stop meanwhile.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use millrace_event_source::invoke::{Invoke, InvokeError, Invoked};
use millrace_event_source::on_failure_destination::InMemory;
use millrace_event_source::{BatchPolicy, Driver, OwnedRecord};
use millrace_event_source::{record::Places, source::RecordSource};
use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::StreamError;

/// Gives ten records of two partitions; the second moves away while it rests.
#[derive(Default)]
struct Script {
    given: i64,
    rests: Arc<AtomicU32>,
    moves: bool,
    committed: Arc<Mutex<Vec<(i32, i64)>>>,
}

impl RecordSource for Script {
    fn poll(&mut self, _: Duration) -> Result<Option<OwnedRecord>, StreamError> {
        self.given += 1;
        Ok((self.given <= 10).then(|| OwnedRecord {
            topic: "t".to_owned(),
            partition: i32::from(self.given > 5),
            offset: Offset(self.given),
            timestamp: None,
            key: None,
            value: None,
            headers: vec![],
        }))
    }

    fn commit(&mut self, _: &str, partition: i32, next_offset: Offset) -> Result<(), StreamError> {
        self.committed.lock().unwrap().push((partition, next_offset.get()));
        Ok(())
    }

    fn rest(&mut self, _: Duration) -> Result<(), StreamError> {
        self.rests.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn moved(&mut self) -> Places {
        let moves = self.moves && self.rests.load(Ordering::SeqCst) == 1;
        if moves { BTreeSet::from([TopicPartition::new("t", 1)]) } else { Places::new() }
    }
}

/// Answers after a while, or is not there.
struct Slow(Option<Duration>);

#[async_trait]
impl Invoke for Slow {
    async fn invoke(&self, _: Vec<u8>) -> Result<Invoked, InvokeError> {
        match self.0 {
            Some(after) => {
                tokio::time::sleep(after).await;
                Ok(Invoked::Answer(b"{}".to_vec()))
            }
            None => Err(InvokeError::Refused { function: "f".into(), endpoint: "e".into(), status: 503 }),
        }
    }
}

fn driver(invoke: Slow) -> Driver<Slow, InMemory> {
    Driver {
        policy: BatchPolicy { records: 8, window: Duration::ZERO, ..BatchPolicy::default() },
        invoke,
        on_failure: InMemory::default(),
        bootstrap_servers: String::new(),
        pause: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn the_source_is_called_beside_a_long_invocation_and_what_moves_is_left_to_its_owner() {
    let source = Script { moves: true, ..Script::default() };
    let (rests, committed) = (Arc::clone(&source.rests), Arc::clone(&source.committed));
    let driver = driver(Slow(Some(Duration::from_millis(1_500))));
    let report = driver.run(Box::new(source), std::future::pending(), |report| report.done >= 8);
    let report = report.await.unwrap();
    assert!(rests.load(Ordering::SeqCst) >= 1, "it was left alone for longer than a second");
    // The eight delivered were done; two more of the partition that moved were read by then, or come to its owner.
    assert_eq!((report.done, report.given_up, report.left), (8, 0, 0));
    assert_eq!(committed.lock().unwrap().as_slice(), [(0, 6)], "what moved is not ours to commit");
}

#[tokio::test]
async fn told_to_stop_it_waits_for_the_answer_that_is_due() {
    let source = Script::default();
    let committed = Arc::clone(&source.committed);
    let driver = driver(Slow(Some(Duration::from_millis(600))));
    let stop = tokio::time::sleep(Duration::from_millis(200));
    let report = driver.run(Box::new(source), stop, |_| false).await.unwrap();
    assert_eq!((report.invocations, report.done), (1, 8));
    assert_eq!(committed.lock().unwrap().as_slice(), [(0, 6), (1, 9)]);
    assert_eq!(report.read, report.done + report.left);
}

#[tokio::test]
async fn told_to_stop_it_does_not_wait_for_a_function_that_is_not_there() {
    let driver = driver(Slow(None));
    let begin = Instant::now();
    let stop = tokio::time::sleep(Duration::from_millis(300));
    let report = driver.run(Box::new(Script::default()), stop, |_| false).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(3), "it waited out its pause: {:?}", begin.elapsed());
    assert_eq!((report.invocations, report.done, report.left), (1, 0, report.read));
}
