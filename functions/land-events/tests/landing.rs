//! Records into raw objects: names, bounds, what is reported durable and when, and where bad records go.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use bytes::Bytes;
use land_events::{CommitPoint, LandError, LandSettings, RawWriter};
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::{Micros, Millis};
use millrace_events::position::Offset;
use millrace_lake::faulty_store::{FaultPoint, FaultyStore, InjectedFault};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::rolling_policy::RollingPolicy;
use millrace_lake::{Key, RawObjectName, Store, TopicGeneration};
use millrace_proto::users::v1::UserCreated;
use millrace_stream::StreamError;
use millrace_stream::producer::Publisher;
use millrace_stream::record::{OutgoingRecord, Record};
use millrace_stream::topics::USERS_CREATED;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use prost::Message;

/// 2026-02-03T04:00:00Z in ms, the first instant of an hour.
const HOUR: i64 = 1_770_091_200_000;
const NOW: i64 = HOUR * 1_000 + 5_000_000;

/// Remembers what it was given, and fails when told to.
#[derive(Debug, Default)]
struct Letters {
    sent: Mutex<Vec<Letter>>,
    flushes: AtomicUsize,
    refuses: AtomicBool,
    does_not_flush: AtomicBool,
}

#[derive(Debug, Clone, PartialEq)]
struct Letter {
    topic: String,
    value: Option<Vec<u8>>,
    kind: String,
    offset: String,
}

impl Publisher for Letters {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(StreamError::Unacknowledged { undelivered: 1, seconds: 1 });
        }
        let header = |wanted: &str| {
            let found = record.headers.iter().find(|(name, _)| *name == wanted).and_then(|(_, value)| *value);
            String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
        };
        self.sent.lock().unwrap().push(Letter {
            topic: record.topic.to_owned(),
            value: record.value.map(<[u8]>::to_vec),
            kind: header("error-kind"),
            offset: header("source-offset"),
        });
        Ok(())
    }

    fn flush(&self) -> Result<(), StreamError> {
        if self.does_not_flush.load(Ordering::SeqCst) {
            return Err(StreamError::Unacknowledged { undelivered: 1, seconds: 1 });
        }
        self.flushes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

struct Bench {
    store: FaultyStore<MemoryStore>,
    letters: Arc<Letters>,
    landing: RawWriter<Letters>,
}

/// Bounds that nothing in these tests reaches; each test lowers its own.
fn unbounded() -> LandSettings {
    let rolling = RollingPolicy { encoded_bytes: usize::MAX, rows: usize::MAX, age: Duration::MAX };
    LandSettings { rolling, partition_bytes: usize::MAX, memory_bytes: usize::MAX, batch_rows: 64 }
}

impl Bench {
    fn new(settings: LandSettings) -> Self {
        Self::over(FaultyStore::new(MemoryStore::new()), settings)
    }

    fn over(store: FaultyStore<MemoryStore>, settings: LandSettings) -> Self {
        let letters = Arc::new(Letters::default());
        let generation = TopicGeneration::new("0001").unwrap();
        let landing = RawWriter::new(Arc::new(store.clone()), Arc::clone(&letters), generation, settings);
        Self { store, letters, landing }
    }

    fn push(&mut self, partition: i32, offset: i64, value: Option<&[u8]>, timestamp: Option<i64>) {
        self.try_push(partition, offset, value, timestamp).unwrap();
    }

    fn try_push(
        &mut self,
        partition: i32,
        offset: i64,
        value: Option<&[u8]>,
        timestamp: Option<i64>,
    ) -> Result<(), LandError> {
        let headers = vec![("content-type", Some(&b"application/x-protobuf"[..]))];
        let key = Some(&b"k"[..]);
        let (topic, offset, timestamp) = (USERS_CREATED, Offset(offset), timestamp.map(Millis));
        let record = Record { topic, partition, offset, timestamp, key, value, headers };
        self.landing.push(&record, Micros(NOW))
    }

    fn push_users(&mut self, partition: i32, offsets: std::ops::Range<i64>) {
        for offset in offsets {
            self.push(partition, offset, Some(&user(offset)), Some(HOUR + offset));
        }
    }

    async fn roll_due(&mut self, now: i64) -> Vec<CommitPoint> {
        self.landing.roll_due(Micros(now)).await.unwrap()
    }

    async fn roll_all(&mut self) -> Vec<CommitPoint> {
        self.try_roll_all().await.unwrap()
    }

    async fn try_roll_all(&mut self) -> Result<Vec<CommitPoint>, LandError> {
        self.landing.roll_all(Micros(NOW)).await
    }

    async fn keys(&self) -> Vec<String> {
        let objects = self.store.inner().list("").await.unwrap();
        objects.iter().map(|object| object.key.to_string()).collect()
    }

    /// The offsets of each object's rows.
    async fn offsets(&self) -> Vec<Vec<i64>> {
        let mut offsets = Vec::new();
        for object in self.store.inner().list("raw/users/").await.unwrap() {
            let body = self.store.inner().get(&object.key).await.unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(body).unwrap().build().unwrap();
            let batches: Vec<_> = reader.map(Result::unwrap).collect();
            let of = |batch: &arrow_array::RecordBatch| {
                batch.column_by_name("_offset").unwrap().as_primitive::<Int64Type>().values().to_vec()
            };
            offsets.push(batches.iter().flat_map(of).collect::<Vec<_>>());
            let name = RawObjectName::of_key(&object.key).unwrap();
            let (first, last) = (name.first_offset().get(), name.last_offset().get());
            let rows = offsets.last().unwrap();
            assert_eq!((Some(&first), Some(&last)), (rows.first(), rows.last()));
        }
        offsets
    }
}

fn user(offset: i64) -> Vec<u8> {
    UserCreated { user_id: Some(format!("u-{offset}")), ..UserCreated::default() }.encode_to_vec()
}

fn name(hour: &str, partition: i32, first: i64, last: i64) -> String {
    format!("raw/users/{hour}/users_created-0001-{partition:05}-{first:020}-{last:020}.parquet")
}

fn ends(landed: &[CommitPoint]) -> Vec<(i32, i64, u64)> {
    landed.iter().map(|landed| (landed.partition, landed.next_offset.get(), landed.records)).collect()
}

const FOUR: &str = "date=2026-02-03/hour=04";

#[tokio::test]
async fn the_same_batch_gives_the_same_object_to_the_byte() {
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let store = FaultyStore::new(MemoryStore::new());
        let mut bench = Bench::over(store.clone(), unbounded());
        bench.push_users(3, 17..200);
        assert_eq!(ends(&bench.roll_all().await), [(3, 200, 183)]);
        assert_eq!(bench.keys().await, [name(FOUR, 3, 17, 199)]);
        let key = store.list("").await.unwrap().remove(0).key;
        bodies.push(store.get(&key).await.unwrap());
        assert_eq!(bench.offsets().await, [(17..200).collect::<Vec<_>>()]);
    }
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn an_object_that_is_there_stays_as_it_is_and_its_records_are_done() {
    let store = FaultyStore::new(MemoryStore::new());
    // Such as one from which a person was erased since.
    let key = Key::new(name(FOUR, 3, 17, 19)).unwrap();
    store.put(&key, Bytes::from_static(b"as it was left")).await.unwrap();
    let mut bench = Bench::over(store.clone(), unbounded());
    bench.push_users(3, 17..20);
    assert_eq!(ends(&bench.roll_all().await), [(3, 20, 3)]);
    assert_eq!(store.get(&key).await.unwrap(), "as it was left");
}

#[tokio::test]
async fn an_object_holds_rows_of_one_hour() {
    let mut bench = Bench::new(unbounded());
    for (offset, timestamp) in
        [(0, HOUR - 1), (1, HOUR), (2, HOUR - 3_600_000), (5, HOUR + 3_599_999), (7, -1)]
    {
        bench.push(0, offset, Some(&user(offset)), Some(timestamp));
    }
    assert_eq!(ends(&bench.roll_all().await), [(0, 8, 5)]);
    let mut expected = [
        name("date=2026-02-03/hour=03", 0, 0, 2),
        name(FOUR, 0, 1, 5),
        name("date=1969-12-31/hour=23", 0, 7, 7),
    ];
    expected.sort();
    assert_eq!(bench.keys().await, expected);
    assert_eq!(bench.offsets().await, [vec![7], vec![0, 2], vec![1, 5]]);
}

#[tokio::test]
async fn nothing_is_due_before_a_bound_is_reached() {
    let mut bench = Bench::new(unbounded());
    bench.push_users(0, 0..1_000);
    assert_eq!(bench.roll_due(NOW + 86_400_000_000).await, []);
    assert_eq!(bench.keys().await, Vec::<String>::new());
    assert_eq!(ends(&bench.roll_all().await), [(0, 1_000, 1_000)]);
    assert_eq!(bench.roll_all().await, [], "nothing twice");
}

#[tokio::test]
async fn rows_and_age_and_encoded_bytes_are_bounds_of_an_object() {
    let rolling = unbounded().rolling;
    let mut bench = Bench::new(LandSettings { rolling: RollingPolicy { rows: 3, ..rolling }, ..unbounded() });
    bench.push_users(0, 0..2);
    bench.push_users(1, 0..3);
    assert_eq!(ends(&bench.roll_due(NOW).await), [(1, 3, 3)]);
    bench.push_users(0, 2..3);
    assert_eq!(ends(&bench.roll_due(NOW).await), [(0, 3, 3)]);

    let age = Duration::from_secs(60);
    let mut bench = Bench::new(LandSettings { rolling: RollingPolicy { age, ..rolling }, ..unbounded() });
    bench.push_users(0, 0..1);
    bench.push(1, 0, Some(b"\xff"), Some(HOUR));
    assert_eq!(bench.roll_due(NOW + 59_999_999).await, []);
    let landed = bench.roll_due(NOW + 60_000_000).await;
    assert_eq!(ends(&landed), [(0, 1, 1), (1, 1, 1)], "a partition of dead letters alone is reported too");

    let encoded_bytes = 64 << 10;
    let mut bench =
        Bench::new(LandSettings { rolling: RollingPolicy { encoded_bytes, ..rolling }, ..unbounded() });
    let mut pushed = 0;
    while bench.landing.counts().objects == 0 {
        bench.push_users(0, pushed..pushed + 64);
        pushed += 64;
        assert!(pushed < 100_000, "the bound is never reached");
        bench.roll_due(NOW).await;
    }
    let size = bench.store.list("").await.unwrap()[0].size;
    // What is not yet encoded is only guessed at, and never too small.
    assert!(size > 4 << 10 && size <= 64 << 10, "{size} bytes");
    assert_eq!(size, bench.landing.counts().bytes);
}

#[tokio::test]
async fn bytes_of_records_are_a_bound_of_a_partition() {
    let mut bench = Bench::new(LandSettings { partition_bytes: 2_000, ..unbounded() });
    let mut offset = 0;
    let landed = loop {
        // A dead letter takes its share: the producer waits for its bytes as for any.
        let value = if offset % 2 == 0 { user(offset) } else { b"\xff".to_vec() };
        bench.push(0, offset, Some(&value), Some(HOUR));
        offset += 1;
        let landed = bench.roll_due(NOW).await;
        if !landed.is_empty() {
            break landed;
        }
    };
    assert_eq!(ends(&landed), [(0, offset, offset.unsigned_abs())]);
    assert!((2_000..2_200).contains(&landed[0].record_bytes), "{landed:?}");
}

#[tokio::test]
async fn past_the_memory_bound_the_largest_partition_is_finished() {
    let mut bench = Bench::new(LandSettings { memory_bytes: 256 << 10, batch_rows: 16, ..unbounded() });
    bench.push_users(0, 0..10);
    let mut offset = 0;
    let landed = loop {
        bench.push_users(1, offset..offset + 100);
        offset += 100;
        assert!(offset < 1_000_000, "the bound is never reached");
        let landed = bench.roll_due(NOW).await;
        if !landed.is_empty() {
            break landed;
        }
    };
    assert_eq!(ends(&landed), [(1, offset, offset.unsigned_abs())]);
}

/// An open object takes memory (about 290 KiB) before it has a row worth naming, and poison opens one as well: a replay
/// of old records spreads over thousands of hours.
#[tokio::test]
async fn open_objects_of_many_hours_count_against_the_memory_bound() {
    for value in [user(1), b"\xff".to_vec()] {
        let settings = LandSettings { memory_bytes: 16 << 20, batch_rows: 4_096, ..unbounded() };
        let mut bench = Bench::new(settings);
        let mut reported = 0;
        for offset in 0..400 {
            bench.push(0, offset, Some(&value), Some(HOUR + offset * 3_600_000));
            reported += bench.roll_due(NOW).await.len();
        }
        assert!(reported > 0, "400 open objects of about 290 KiB are held under a bound of 16 MiB");
    }
}

#[tokio::test]
async fn what_could_not_be_stored_is_not_reported() {
    for (fault, class) in [(InjectedFault::Retry, Class::Retry), (InjectedFault::Stop, Class::Stop)] {
        let mut bench = Bench::new(unbounded());
        bench.push_users(0, 0..3);
        bench.store.script(FaultPoint::Put, [fault]);
        let error = bench.try_roll_all().await.unwrap_err();
        assert_eq!(
            (error.class(), bench.landing.counts().rows, bench.landing.counts().objects),
            (class, 0, 0)
        );
        assert_eq!((bench.keys().await.len(), bench.store.unmet()), (0, 0));
        // The second of two hours fails: the first one's object is there, and still nothing may be committed.
        let mut bench = Bench::new(unbounded());
        bench.push_users(0, 0..3);
        bench.push(0, 3, Some(&user(3)), Some(HOUR + 3_600_000));
        bench.store.script(FaultPoint::Put, [InjectedFault::Pass, fault]);
        bench.try_roll_all().await.unwrap_err();
        assert_eq!(bench.keys().await, [name(FOUR, 0, 0, 2)]);
    }
}

#[tokio::test]
async fn a_landing_that_starts_anew_after_a_failure_writes_each_object_once() {
    let store = FaultyStore::new(MemoryStore::new());
    store.script(FaultPoint::Put, [InjectedFault::RetryAfterDone]);
    let mut bench = Bench::over(store.clone(), unbounded());
    bench.push_users(0, 0..3);
    bench.try_roll_all().await.unwrap_err();
    let mut bench = Bench::over(store, unbounded());
    bench.push_users(0, 0..3);
    assert_eq!(ends(&bench.roll_all().await), [(0, 3, 3)]);
    assert_eq!((bench.keys().await, bench.offsets().await), (vec![name(FOUR, 0, 0, 2)], vec![vec![0, 1, 2]]));
}

/// "A record is durable once a `CommitPoint` of its partition covers it": after a failure, too.
#[tokio::test]
async fn no_later_landed_covers_what_a_failure_lost() {
    let mut bench = Bench::new(unbounded());
    bench.push_users(0, 0..3);
    bench.store.script(FaultPoint::Put, [InjectedFault::Retry]);
    bench.try_roll_all().await.unwrap_err();
    // Read again by the same landing, they would be taken for known: it refuses to go on.
    let refused = bench.try_push(0, 0, Some(&user(0)), Some(HOUR)).unwrap_err();
    assert!(matches!(refused, LandError::FailedBefore), "{refused}");
    let refused = bench.try_roll_all().await.unwrap_err();
    assert_eq!(refused.class(), Class::Stop, "{refused}");
}

#[tokio::test]
async fn dead_letters_are_flushed_before_they_are_reported() {
    let mut bench = Bench::new(unbounded());
    bench.push_users(0, 0..2);
    bench.push(0, 2, Some(b"\xff"), Some(HOUR));
    bench.letters.does_not_flush.store(true, Ordering::SeqCst);
    let error = bench.try_roll_all().await.unwrap_err();
    assert!(matches!(error, LandError::DeadLetter(_)) && error.class() == Class::Retry, "{error}");

    let mut bench = Bench::new(unbounded());
    bench.push(0, 0, Some(b"\xff"), Some(HOUR));
    assert_eq!(bench.letters.flushes.load(Ordering::SeqCst), 0);
    assert_eq!(ends(&bench.roll_all().await), [(0, 1, 1)]);
    assert_eq!(bench.letters.flushes.load(Ordering::SeqCst), 1);
    assert_eq!(bench.keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn no_later_landed_covers_a_dead_letter_that_was_never_sent() {
    let mut bench = Bench::new(unbounded());
    bench.push_users(0, 0..2);
    bench.letters.refuses.store(true, Ordering::SeqCst);
    let error = bench.try_push(0, 2, Some(b"\xff"), Some(HOUR)).unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    bench.letters.refuses.store(false, Ordering::SeqCst);
    // What is worth another try is tried again, with the same record.
    bench.push(0, 2, Some(b"\xff"), Some(HOUR));
    let landed = bench.roll_all().await;
    assert_eq!(landed.last().map(|landed| landed.next_offset), Some(Offset(3)));
    assert_eq!(bench.letters.sent.lock().unwrap().len(), 1, "reported durable, so it has to be sent");
}

#[tokio::test]
async fn poison_becomes_dead_letters_and_never_stops_its_partition() {
    let mut bench = Bench::new(unbounded());
    let poison: [(Option<&[u8]>, _, _); 6] = [
        (Some(b"\xff\xff"), Some(HOUR), "undecodable"),
        (Some(b""), Some(HOUR), "undecodable"),
        (None, Some(HOUR), "undecodable"),
        (Some(b"\x0a\x00"), Some(HOUR), "no_identity"),
        (Some(b"\x0a\x01u"), None, "invalid_value"),
        (Some(b"\x0a\x01u"), Some(253_402_300_800_000), "invalid_value"),
    ];
    let mut expected = Vec::new();
    for (index, (value, timestamp, kind)) in (0_i64..).zip(poison) {
        bench.push(0, 2 * index, Some(&user(2 * index)), Some(HOUR));
        bench.push(0, 2 * index + 1, value, timestamp);
        expected.push(Letter {
            topic: "users_created.dlq".to_owned(),
            value: value.map(<[u8]>::to_vec),
            kind: kind.to_owned(),
            offset: (2 * index + 1).to_string(),
        });
    }
    assert_eq!(*bench.letters.sent.lock().unwrap(), expected);
    assert_eq!(ends(&bench.roll_all().await), [(0, 12, 12)]);
    assert_eq!(bench.offsets().await, [[0, 2, 4, 6, 8, 10]]);
    let counts = bench.landing.counts();
    assert_eq!((counts.records, counts.rows, counts.dead_letters, counts.objects), (12, 6, 6, 1));
    assert_eq!((bench.landing.landed().len(), bench.landing.dead().len()), (6, 6));
    assert_eq!(bench.landing.landed().common(bench.landing.dead()), 0);
}

#[tokio::test]
async fn what_a_rereading_brings_again_is_ignored() {
    let mut bench = Bench::new(unbounded());
    bench.push_users(0, 0..5);
    bench.push_users(0, 2..5);
    bench.push(0, 5, Some(b"\xff"), Some(HOUR));
    bench.roll_all().await;
    bench.push_users(0, 0..5);
    bench.push(0, 5, Some(b"\xff"), Some(HOUR));
    assert_eq!(bench.roll_all().await, []);
    bench.push_users(0, 4..8);
    assert_eq!(ends(&bench.roll_all().await), [(0, 8, 2)]);
    assert_eq!(bench.offsets().await, [vec![0, 1, 2, 3, 4], vec![6, 7]]);
    assert_eq!((bench.landing.counts().records, bench.letters.sent.lock().unwrap().len()), (8, 1));
}

#[tokio::test]
async fn a_topic_without_a_table_stops_the_landing() {
    let mut bench = Bench::new(unbounded());
    let (topic, offset, timestamp) = ("elsewhere", Offset(0), Some(Millis(HOUR)));
    let (key, value, headers) = (None, None, Vec::new());
    let record = Record { topic, partition: 0, offset, timestamp, key, value, headers };
    let error = bench.landing.push(&record, Micros(NOW)).unwrap_err();
    assert_eq!(error.class(), Class::Stop);
    assert!(error.to_string().contains("elsewhere"), "{error}");
}
