//! Batches of an event source mapping: what is done, what is named to come again, what fails as a whole.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use land_events::{BatchError, BatchLanding, BatchOutcome, BatchSettings, Function};
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_lake::erasure::refused_ids::RefusalWatch;
use millrace_lake::faulty_store::{FaultPoint, FaultyStore, InjectedFault};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::{RawObjectName, Store, TopicGeneration};
use millrace_proto::users::v1::UserCreated;
use millrace_runtime::metrics::{Snapshot, Value as Told};
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::{Deadline, Meter};
use millrace_stream::StreamError;
use millrace_stream::lambda_event::KafkaEvent;
use millrace_stream::producer::Publisher;
use millrace_stream::record::OutgoingRecord;
use prost::Message;
use serde_json::{Value, json};

/// 2026-02-03T04:00:00Z in ms, the first instant of an hour.
const HOUR: i64 = 1_770_091_200_000;
const NOW: Micros = Micros(HOUR * 1_000 + 5_000_000);

/// Takes letters up to 4 MiB, as the producer does, and fails when told to.
#[derive(Debug, Default)]
struct Letters {
    /// The source offset and the value's size of each.
    sent: Mutex<Vec<(String, Option<usize>)>>,
    refuses: AtomicBool,
    does_not_flush: AtomicBool,
}

impl Publisher for Letters {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(StreamError::Unacknowledged { undelivered: 1, seconds: 1 });
        }
        if record.size() > 4 << 20 {
            return Err(StreamError::TooLarge { bytes: record.size(), limit: 4 << 20 });
        }
        let offset = record.headers.iter().find(|(name, _)| *name == "source-offset").unwrap().1.unwrap();
        let offset = String::from_utf8(offset.to_vec()).unwrap();
        self.sent.lock().unwrap().push((offset, record.value.map(<[u8]>::len)));
        Ok(())
    }

    fn flush(&self) -> Result<(), StreamError> {
        match self.does_not_flush.load(Ordering::SeqCst) {
            true => Err(StreamError::Unacknowledged { undelivered: 1, seconds: 1 }),
            false => Ok(()),
        }
    }
}

struct Bench {
    store: FaultyStore<MemoryStore>,
    letters: Arc<Letters>,
    landing: BatchLanding<Letters>,
}

impl Bench {
    fn new() -> Self {
        let store = FaultyStore::new(MemoryStore::new());
        let letters = Arc::new(Letters::default());
        let landing = BatchLanding {
            refusals: Arc::new(RefusalWatch::with_age(Arc::new(store.clone()), std::time::Duration::ZERO)),
            store: Arc::new(store.clone()),
            dead_letters: Arc::clone(&letters),
            generation: TopicGeneration::new("0001").unwrap(),
            schemas: None,
            // One after the other, so that a script meets a known partition.
            settings: BatchSettings { partitions_at_once: 1, ..BatchSettings::default() },
            meter: Meter::new(),
        };
        Self { store, letters, landing }
    }

    async fn land(&self, event: &KafkaEvent) -> Result<BatchOutcome, BatchError> {
        self.landing.land(event, NOW, Deadline::never()).await
    }

    /// The partition, first and last offset of each object.
    async fn objects(&self) -> Vec<(i32, i64, i64)> {
        let objects = self.store.inner().list("raw/").await.unwrap();
        let names = objects.iter().map(|object| RawObjectName::of_key(&object.key).unwrap());
        names.map(|name| (name.partition(), name.first_offset().get(), name.last_offset().get())).collect()
    }
}

fn user(offset: i64) -> Vec<u8> {
    UserCreated { user_id: Some(format!("u-{offset}")), ..UserCreated::default() }.encode_to_vec()
}

fn record(partition: i32, offset: i64, value: Option<&[u8]>) -> Value {
    json!({
        "topic": "users_created", "partition": partition, "offset": offset, "timestamp": HOUR + offset,
        "timestampType": "CREATE_TIME", "key": null, "value": value.map(|value| BASE64_STANDARD.encode(value)),
        "headers": [{"content-type": b"application/x-protobuf".to_vec()}],
    })
}

fn event(records: Vec<Value>) -> KafkaEvent {
    let mut grouped = serde_json::Map::new();
    for record in records {
        let key = format!("{}-{}", record["topic"].as_str().unwrap(), record["partition"]);
        let group = grouped.entry(key).or_insert_with(|| json!([]));
        group.as_array_mut().unwrap().push(record);
    }
    serde_json::from_value(json!({"eventSource": "aws:kafka", "records": grouped})).unwrap()
}

fn users(partitions: i32, offsets: std::ops::Range<i64>) -> Vec<Value> {
    let places = (0..partitions).flat_map(|partition| offsets.clone().map(move |offset| (partition, offset)));
    places.map(|(partition, offset)| record(partition, offset, Some(&user(offset)))).collect()
}

fn failed(outcome: &BatchOutcome) -> Vec<(String, i64)> {
    let failures = outcome.answer.batch_item_failures.iter();
    failures.map(|f| (f.item_identifier.partition.clone(), f.item_identifier.offset.get())).collect()
}

fn named(partition: i32, offsets: std::ops::Range<i64>) -> Vec<(String, i64)> {
    offsets.map(|offset| (format!("users_created-{partition}"), offset)).collect()
}

#[tokio::test]
async fn a_good_batch_is_done_and_poison_is_a_letter() {
    let bench = Bench::new();
    let mut records = users(2, 5..8);
    records.push(record(1, 8, Some(b"\xff")));
    records.push(record(1, 9, None));
    let outcome = bench.land(&event(records)).await.unwrap();
    assert_eq!(failed(&outcome), []);
    assert_eq!((outcome.counts.records, outcome.counts.rows, outcome.counts.dead_letters), (8, 6, 2));
    assert_eq!(bench.objects().await, [(0, 5, 7), (1, 5, 7)]);
    let letters = bench.letters.sent.lock().unwrap().clone();
    assert_eq!(letters, [("8".to_owned(), Some(1)), ("9".to_owned(), None)]);
}

#[tokio::test]
async fn a_partition_that_cannot_be_stored_fails_alone_and_from_its_first_undurable_record() {
    let bench = Bench::new();
    bench.store.script(FaultPoint::Put, [InjectedFault::Pass, InjectedFault::Retry]);
    let batch = event(users(3, 5..8));
    let outcome = bench.land(&batch).await.unwrap();
    assert_eq!(failed(&outcome), named(1, 5..8));
    assert_eq!(bench.objects().await, [(0, 5, 7), (2, 5, 7)]);
    assert_eq!(failed(&bench.land(&batch).await.unwrap()), [], "the same environment lands it the next time");
    assert_eq!(bench.objects().await, [(0, 5, 7), (1, 5, 7), (2, 5, 7)]);
}

#[tokio::test]
async fn a_second_object_that_fails_leaves_the_first_one_done() {
    let mut bench = Bench::new();
    // Every open hour is one too many: each record's object is written before the next is taken.
    bench.landing.settings.land.memory_bytes = 1;
    bench.store.script(FaultPoint::Put, [InjectedFault::Pass, InjectedFault::Pass, InjectedFault::Retry]);
    let outcome = bench.land(&event(users(1, 0..5))).await.unwrap();
    assert_eq!(failed(&outcome), named(0, 2..5));
    assert_eq!(bench.objects().await, [(0, 0, 0), (0, 1, 1)]);
}

#[tokio::test]
async fn a_store_that_is_down_fails_every_record_and_is_no_error() {
    let bench = Bench::new();
    bench.store.script(FaultPoint::Put, [InjectedFault::Retry, InjectedFault::RetryAfterDone]);
    let outcome = bench.land(&event(users(2, 0..3))).await.unwrap();
    assert_eq!(failed(&outcome), [named(0, 0..3), named(1, 0..3)].concat());
    assert_eq!(outcome.counts.rows, 0);
}

#[tokio::test]
async fn what_somebody_has_to_act_on_fails_the_invocation() {
    let bench = Bench::new();
    bench.store.script(FaultPoint::Put, [InjectedFault::Stop]);
    let error = bench.land(&event(users(2, 0..3))).await.unwrap_err();
    assert_eq!(error.class(), Class::Stop);
    let mut unknown = record(0, 0, None);
    unknown["topic"] = json!("payments");
    let error = bench.land(&event(vec![unknown])).await.unwrap_err();
    assert!(error.to_string().starts_with("payments has no table"), "{error}");
}

#[tokio::test]
async fn a_letter_that_cannot_be_sent_holds_its_partition_back_from_there() {
    let bench = Bench::new();
    bench.letters.refuses.store(true, Ordering::SeqCst);
    let mut records = users(2, 0..2);
    records.extend([record(0, 2, Some(b"\xff")), record(0, 3, Some(&user(3)))]);
    let outcome = bench.land(&event(records)).await.unwrap();
    assert_eq!(failed(&outcome), named(0, 2..4));
    assert_eq!(bench.objects().await, [(0, 0, 1), (1, 0, 1)]);

    let bench = Bench::new();
    bench.letters.does_not_flush.store(true, Ordering::SeqCst);
    let records = vec![record(0, 0, Some(&user(0))), record(0, 1, Some(b"\xff"))];
    assert_eq!(failed(&bench.land(&event(records)).await.unwrap()), named(0, 0..2), "not known to be kept");
}

#[tokio::test]
async fn nothing_is_taken_that_the_deadline_does_not_cover() {
    let bench = Bench::new();
    let batch = event(users(2, 0..3));
    let deadline = Deadline::at(Instant::now() + Duration::from_secs(9));
    let outcome = bench.landing.land(&batch, NOW, deadline).await.unwrap();
    assert_eq!(failed(&outcome), [named(0, 0..3), named(1, 0..3)].concat());
    assert_eq!((bench.objects().await, outcome.counts.records), (vec![], 0));
}

/// A store whose writes take longer than anybody waits.
#[derive(Debug)]
struct Stuck;

#[async_trait::async_trait]
impl Store for Stuck {
    async fn put(&self, _: &millrace_lake::Key, _: bytes::Bytes) -> Result<(), millrace_lake::StoreError> {
        std::future::pending().await
    }

    async fn writer(
        &self,
        _: &millrace_lake::Key,
    ) -> Result<Box<dyn millrace_lake::ObjectWriter>, millrace_lake::StoreError> {
        std::future::pending().await
    }

    async fn get(&self, _: &millrace_lake::Key) -> Result<bytes::Bytes, millrace_lake::StoreError> {
        std::future::pending().await
    }

    async fn list(&self, _: &str) -> Result<Vec<millrace_lake::ObjectMeta>, millrace_lake::StoreError> {
        std::future::pending().await
    }

    async fn delete(&self, _: &millrace_lake::Key) -> Result<(), millrace_lake::StoreError> {
        std::future::pending().await
    }

    async fn probe(&self) -> Result<millrace_lake::Capabilities, millrace_lake::StoreError> {
        std::future::pending().await
    }

    async fn sweep(&self) -> Result<usize, millrace_lake::StoreError> {
        Ok(0)
    }

    async fn lock(
        &self,
        _: &millrace_lake::Key,
    ) -> Result<Box<dyn millrace_lake::store::LockGuard>, millrace_lake::StoreError> {
        std::future::pending().await
    }

    fn local_path(&self, _: &millrace_lake::Key) -> Option<std::path::PathBuf> {
        None
    }

    fn address(&self) -> String {
        "stuck".to_owned()
    }
}

#[tokio::test]
async fn a_write_that_does_not_end_is_given_up_in_time_to_answer() {
    let mut bench = Bench::new();
    bench.landing.store = Arc::new(Stuck);
    bench.landing.settings.write_reserve = Duration::from_millis(100);
    let begin = Instant::now();
    let deadline = Deadline::at(begin + Duration::from_millis(1_000));
    let outcome = bench.landing.land(&event(users(1, 0..3)), NOW, deadline).await.unwrap();
    assert_eq!(failed(&outcome), named(0, 0..3));
    assert!(begin.elapsed() < Duration::from_millis(1_000), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_payload_that_is_no_batch_is_an_error_by_name() {
    let bench = Bench::new();
    for (payload, told) in [
        (json!({}), "the payload is no Kafka event"),
        (json!({"eventSource": "aws:kafka"}), "the payload is a Kafka event without records"),
        (
            json!({"eventSource": "aws:kafka", "records": {"users_created-0": []}}),
            "the payload is a Kafka event",
        ),
    ] {
        let error = bench.land(&serde_json::from_value(payload).unwrap()).await.unwrap_err();
        assert!(error.to_string().starts_with(told), "{error}");
    }
    let mut wrong = record(0, 7, Some(&user(7)));
    wrong["value"] = json!("no base64!");
    let error = bench.land(&event(vec![record(0, 6, Some(&user(6))), wrong])).await.unwrap_err();
    assert_eq!(error.to_string(), "the value of users_created/0 offset 7 is no base64");
    assert_eq!(bench.objects().await, [], "AWS wrote none of it: nothing of it is looked at");
}

#[tokio::test]
async fn the_largest_records_that_a_payload_can_carry_pass() {
    // 6 MB of base64.
    const LARGEST: usize = 4_500_000;
    let bench = Bench::new();
    let email = Some("x".repeat(LARGEST - 100));
    let large =
        UserCreated { user_id: Some("u".to_owned()), email, ..UserCreated::default() }.encode_to_vec();
    let outcome = bench.land(&event(vec![record(0, 0, Some(&large))])).await.unwrap();
    assert_eq!((failed(&outcome), outcome.counts.rows), (vec![], 1));
    let poison = vec![0xff; LARGEST];
    let records = vec![record(0, 1, Some(&poison)), record(0, 2, Some(&user(2)))];
    let outcome = bench.land(&event(records)).await.unwrap();
    assert_eq!((failed(&outcome), outcome.counts.rows), (vec![], 1));
    // Larger than the queue takes: its story alone, so that its partition goes on.
    assert_eq!(*bench.letters.sent.lock().unwrap(), [("1".to_owned(), None)]);
}

fn function(variables: &[(&str, &str)]) -> Function {
    let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Function::new(Environment::of(variables), Arc::new(SecretsExtension::new(1, None)))
}

#[tokio::test]
async fn the_function_lands_without_a_broker_and_tells_wrong_settings_when_invoked() {
    let lake = tempfile::tempdir().unwrap();
    let settings = [
        ("MILLRACE_LAKE", lake.path().to_str().unwrap()),
        ("MILLRACE_GENERATION", "0001"),
        // Nobody is there: good records need no broker.
        ("MILLRACE_BROKERS", "127.0.0.1:1"),
    ];
    let batch = event(users(2, 0..3));
    let answer = function(&settings).invoke(&batch, NOW, Deadline::never()).await.unwrap();
    assert_eq!(serde_json::to_string(&answer).unwrap(), r#"{"batchItemFailures":[]}"#);
    assert_eq!(millrace_lake::FolderStore::new(lake.path()).list("raw/users/").await.unwrap().len(), 2);

    let wrong = function(&[("MILLRACE_LAKES", "x"), ("MILLRACE_GENERATION", "A")]);
    for _ in 0..2 {
        let error = wrong.invoke(&batch, NOW, Deadline::never()).await.unwrap_err();
        assert_eq!(error.class(), Class::Stop);
        let told = error.to_string();
        for problem in
            ["MILLRACE_LAKE is not set", "MILLRACE_LAKES is unknown", "value of MILLRACE_GENERATION"]
        {
            assert!(told.contains(problem), "{told}");
        }
    }
}

fn told(snapshot: &Snapshot, name: &str) -> Vec<(String, Told)> {
    let told = snapshot.iter().filter(|reading| reading.metric.name == name);
    told.map(|reading| (reading.label.clone(), reading.value.clone())).collect()
}

#[tokio::test]
async fn the_meter_is_told_what_became_of_each_record() {
    let bench = Bench::new();
    let mut records = users(1, 0..4);
    records.push(record(0, 4, Some(&[0xff; 8])));
    bench.land(&event(records)).await.unwrap();
    let snapshot = bench.landing.meter.take();
    let of_the_topic = |count| vec![("users_created".to_owned(), Told::Counter(count))];
    assert_eq!(told(&snapshot, "records_in"), of_the_topic(5));
    assert_eq!(told(&snapshot, "records_out"), of_the_topic(4));
    assert_eq!(told(&snapshot, "records_dead"), of_the_topic(1));
    assert!(told(&snapshot, "retries").is_empty());
    // The first is of the hour's first ms, five seconds before; the last four ms later.
    assert_eq!(told(&snapshot, "freshness"), [("users_created".to_owned(), Told::Gauge(4.996))]);
    let Told::Distribution(ages) = &told(&snapshot, "batch_age")[0].1 else { panic!("no distribution") };
    assert_eq!(ages.values, [5.0]);
    let sizes = told(&snapshot, "object_size");
    let Told::Distribution(sizes) = &sizes[0].1 else { panic!("no distribution") };
    assert_eq!(told(&snapshot, "bytes_out"), [("users".to_owned(), Told::Counter(sizes.sum as u64))]);

    bench.letters.does_not_flush.store(true, Ordering::SeqCst);
    bench.land(&event(vec![record(0, 5, Some(&[0xff; 8])), record(0, 6, Some(&user(6)))])).await.unwrap();
    let snapshot = bench.landing.meter.take();
    assert_eq!(told(&snapshot, "retries"), of_the_topic(2));
    assert!(told(&snapshot, "records_in").is_empty());
}
