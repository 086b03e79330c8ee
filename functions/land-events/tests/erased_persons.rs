//! Nobody who was erased comes back by landing: refused, counted, and taken out of what was gathered while they were erased.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use land_events::{LandCounts, LandError, LandSettings, RawWriter};
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::{Micros, Millis};
use millrace_events::position::Offset;
use millrace_lake::erasure::erased_ids::{Salt, record};
use millrace_lake::erasure::raw::without_refused;
use millrace_lake::erasure::refused_ids::RefusalWatch;
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::{Key, Store, TopicGeneration};
use millrace_proto::users::v1::UserCreated;
use millrace_stream::StreamError;
use millrace_stream::producer::Publisher;
use millrace_stream::record::{OutgoingRecord, Record};
use millrace_stream::topics::USERS_CREATED;
use prost::Message;

/// 2026-02-03T04:00:00Z in ms.
const HOUR: i64 = 1_770_091_200_000;
const NOW: Micros = Micros(HOUR * 1_000);

#[derive(Debug, Default)]
struct Letters(Mutex<Vec<String>>);

impl Publisher for Letters {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        self.0.lock().unwrap().push(record.topic.to_owned());
        Ok(())
    }

    fn flush(&self) -> Result<(), StreamError> {
        Ok(())
    }
}

fn user(id: &str) -> Vec<u8> {
    let user = UserCreated {
        user_id: Some(id.to_owned()),
        email: Some(format!("{id}@example.com")),
        ..UserCreated::default()
    };
    user.encode_to_vec()
}

struct Bench {
    store: Arc<MemoryStore>,
    letters: Arc<Letters>,
    landing: RawWriter<Letters>,
    next: i64,
}

impl Bench {
    fn new() -> Self {
        let (store, letters) = (Arc::new(MemoryStore::new()), Arc::new(Letters::default()));
        let generation = TopicGeneration::new("0001").unwrap();
        let bounds = LandSettings::default();
        let watch = Arc::new(RefusalWatch::with_age(store.clone(), Duration::ZERO));
        let landing =
            RawWriter::new(store.clone(), Arc::clone(&letters), generation, bounds).with_refusals(watch);
        Self { store, letters, landing, next: 0 }
    }

    async fn erase(&self, ids: &[&str]) {
        let salt = Salt::made(self.store.as_ref()).await.unwrap();
        let hashes = ids.iter().map(|id| salt.hash(id));
        record(self.store.as_ref(), Micros(0).date_time().unwrap(), hashes).await.unwrap();
    }

    fn push(&mut self, value: &[u8]) {
        let headers = vec![("content-type", Some(&b"application/x-protobuf"[..]))];
        let (offset, timestamp) = (Offset(self.next), Some(Millis(HOUR)));
        let record = Record {
            topic: USERS_CREATED,
            partition: 0,
            offset,
            timestamp,
            key: None,
            value: Some(value),
            headers,
        };
        self.landing.push(&record, NOW).unwrap();
        self.next += 1;
    }

    async fn roll(&mut self) -> Result<(), LandError> {
        let landed = self.landing.roll_all(NOW).await?;
        // Whoever is left out is done with as a row is.
        assert_eq!(landed.last().map(|point| point.next_offset), Some(Offset(self.next)));
        Ok(())
    }

    fn told(&self) -> (u64, u64, u64, u64) {
        let LandCounts { records, rows, dead_letters, erased, .. } = self.landing.counts();
        assert_eq!(records, rows + dead_letters + erased);
        assert_eq!((self.landing.landed().len(), self.landing.erased().len()), (rows, erased));
        (records, rows, dead_letters, erased)
    }

    async fn bodies(&self) -> Vec<(Key, bytes::Bytes)> {
        let mut bodies = Vec::new();
        for object in self.store.list("raw/").await.unwrap() {
            let body = self.store.get(&object.key).await.unwrap();
            bodies.push((object.key, body));
        }
        bodies
    }
}

#[tokio::test]
async fn whoever_was_erased_becomes_neither_a_row_nor_a_dead_letter() {
    let mut bench = Bench::new();
    bench.erase(&["erased"]).await;
    bench.landing.look_who_is_refused().await.unwrap();
    for id in ["a", "erased", "b", "ERASED"] {
        bench.push(&user(id));
    }
    // No rows: the first is about the erased one, cut short behind the id, the second is about nobody.
    bench.push(&user("erased")[..9]);
    bench.push(&[0xff]);
    bench.roll().await.unwrap();
    assert_eq!(bench.told(), (6, 3, 1, 2));
    assert_eq!(bench.letters.0.lock().unwrap().len(), 1);
    let bodies = bench.bodies().await;
    assert_eq!(bodies.len(), 1);
    // Its name covers all that was taken between its ends.
    assert!(bodies[0].0.as_str().contains("-00000000000000000000-00000000000000000003"), "{}", bodies[0].0);
}

#[tokio::test]
async fn those_who_are_erased_while_their_rows_are_gathered_are_taken_out_or_read_again() {
    let mut bench = Bench::new();
    bench.landing.look_who_is_refused().await.unwrap();
    bench.push(&user("a"));
    bench.push(&user("erased"));
    bench.erase(&["erased"]).await;
    let error = bench.roll().await.unwrap_err();
    assert!(matches!(error, LandError::ErasedMeanwhile) && error.class() == Class::Retry, "{error}");
    assert!(bench.bodies().await.is_empty() && bench.landing.has_failed());

    let mut bench = Bench::new();
    bench.landing = bench.landing.with_take_out(without_refused);
    bench.landing.look_who_is_refused().await.unwrap();
    bench.push(&user("a"));
    bench.push(&user("erased"));
    bench.erase(&["erased"]).await;
    bench.push(&user("b"));
    bench.roll().await.unwrap();
    assert_eq!(bench.told(), (3, 2, 0, 1));
    let bodies = bench.bodies().await;
    assert!(bodies[0].0.as_str().contains("-00000000000000000000-00000000000000000002"), "{}", bodies[0].0);
}

/// What an erasure has rewritten stays as it is: the batch that comes again has its name, be it of fewer rows or of all.
#[tokio::test]
async fn a_batch_that_comes_again_rewrites_nothing() {
    let mut bench = Bench::new();
    for id in ["a", "erased", "b"] {
        bench.push(&user(id));
    }
    bench.roll().await.unwrap();
    let before = bench.bodies().await;
    let again = |bench: &Bench| {
        let generation = TopicGeneration::new("0001").unwrap();
        let landing = RawWriter::new(
            bench.store.clone(),
            Arc::clone(&bench.letters),
            generation,
            LandSettings::default(),
        );
        Bench { store: bench.store.clone(), letters: Arc::clone(&bench.letters), landing, next: 0 }
    };
    bench.erase(&["erased"]).await;
    let mut second = again(&bench);
    second.landing.look_who_is_refused().await.unwrap();
    for id in ["a", "erased", "b"] {
        second.push(&user(id));
    }
    second.roll().await.unwrap();
    assert_eq!(second.told(), (3, 2, 0, 1));
    assert_eq!(second.landing.counts().objects_there, 1);
    assert_eq!(bench.bodies().await, before);
}
