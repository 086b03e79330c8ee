//! The producer, the consumer and the dead letters against the embedded broker.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millrace_events::decode_error::DecodeError;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Millis;
use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::StreamError;
use millrace_stream::backpressure::Backpressure;
use millrace_stream::base_offsets::BaseOffsets;
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::dead_letter::{FAILURE_HEADERS, publish_record};
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::{OutgoingRecord, Record};
use millrace_stream::topics::{Topics, USERS_CREATED, Watermarks, dead_letters_of};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset as KafkaOffset, TopicPartitionList};

const PARTITIONS: i32 = 6;

/// How long a test waits for what has to come: far beyond what it takes, so that only a hang ends there.
const PATIENCE: Duration = Duration::from_secs(60);

fn broker() -> (EmbeddedBroker, ClientSettings) {
    let broker = EmbeddedBroker::start().unwrap();
    broker.create_topic(USERS_CREATED, PARTITIONS).unwrap();
    broker.create_topic(&dead_letters_of(USERS_CREATED), 1).unwrap();
    let settings = ClientSettings::new(broker.brokers());
    (broker, settings)
}

fn from_the_start(topic: &str, partitions: i32) -> BTreeMap<TopicPartition, Offset> {
    (0..partitions).map(|partition| (TopicPartition::new(topic, partition), Offset::ZERO)).collect()
}

/// A key, a value or a header's value, which may be null.
type Bytes<'a> = Option<&'a [u8]>;

/// A record, owned.
#[derive(Debug, Clone, PartialEq)]
struct Got {
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Got {
    fn of(record: &Record<'_>) -> Self {
        let headers = record.headers.iter();
        Self {
            partition: record.partition,
            offset: record.offset.get(),
            timestamp: record.timestamp.map(Millis::get),
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers.map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.and_then(|(_, value)| std::str::from_utf8(value.as_deref()?).ok())
    }
}

fn next(consumer: &Consumer) -> Got {
    consumer.next(PATIENCE, Got::of).unwrap().expect("a record that was acknowledged comes")
}

fn record<'a>(key: Option<&'a [u8]>, value: &'a [u8]) -> OutgoingRecord<'a> {
    OutgoingRecord {
        topic: USERS_CREATED,
        key,
        value: Some(value),
        timestamp: Millis(1_770_091_506_123),
        headers: &[],
    }
}

#[test]
fn records_arrive_as_they_were_published() {
    let (_broker, settings) = broker();
    let producer = Producer::connect(&settings, None).unwrap();
    let headers: [(&str, Option<&[u8]>); 4] = [
        ("content-type", Some(b"application/x-protobuf")),
        ("twice", Some(b"1")),
        ("twice", Some(b"\xff")),
        ("none", None),
    ];
    let sent: [(Bytes<'_>, Bytes<'_>, i64); 4] = [
        (None, Some(b"\0\xff value"), 1_770_091_506_123),
        (None, None, 1),
        (None, Some(b""), 253_402_300_799_999),
        (Some(b""), Some(b"x"), 1),
    ];
    for (key, value, timestamp) in sent {
        let (timestamp, headers) = (Millis(timestamp), &headers);
        producer.publish(&OutgoingRecord { topic: USERS_CREATED, key, value, timestamp, headers }).unwrap();
    }
    producer.flush().unwrap();
    let consumer = Consumer::assign(&settings, "g", &from_the_start(USERS_CREATED, PARTITIONS)).unwrap();
    let mut got: Vec<_> = sent.iter().map(|_| next(&consumer)).collect();
    got.sort_by_key(|got| (got.key.is_some(), got.offset));
    for (got, (key, value, timestamp)) in got.iter().zip(sent) {
        assert_eq!((got.timestamp, got.value.as_deref()), (Some(timestamp), value));
        assert_eq!(got.key.as_deref(), key);
        let headers: Vec<_> =
            got.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(
            headers,
            [
                ("content-type", Some(&b"application/x-protobuf"[..])),
                ("twice", Some(b"1")),
                ("twice", Some(b"\xff")),
                ("none", None)
            ]
        );
    }
    assert!(got[..3].iter().map(|got| (got.partition, got.offset)).eq([(0, 0), (0, 1), (0, 2)]));
    assert_eq!(producer.acknowledged().len(), 4);
}

#[test]
fn partitions_are_those_of_librdkafkas_own_murmur2() {
    let (broker, settings) = broker();
    broker.create_topic("theirs", PARTITIONS).unwrap();
    let keys: Vec<Vec<u8>> = (0..300_u32)
        .map(|n| {
            format!("{:08x}-key-{n}", n.wrapping_mul(0x9e37_79b9)).into_bytes()[..(n as usize % 12) + 1]
                .to_vec()
        })
        .chain((0..60_u8).map(|n| vec![0xff - n; usize::from(n % 7) + 1]))
        .collect();
    let theirs: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("partitioner", "murmur2")
        .create()
        .unwrap();
    let ours = Producer::connect(&settings, None).unwrap();
    for key in &keys {
        theirs.send(BaseRecord::to("theirs").key(key).payload("x")).map_err(|(error, _)| error).unwrap();
        ours.publish(&record(Some(key), b"x")).unwrap();
    }
    ours.publish(&record(None, b"no key")).unwrap();
    theirs.flush(PATIENCE).unwrap();
    ours.flush().unwrap();
    let partitions = |topic: &str, records: usize| -> BTreeSet<_> {
        let consumer = Consumer::assign(&settings, "g", &from_the_start(topic, PARTITIONS)).unwrap();
        (0..records).map(|_| next(&consumer)).map(|got| (got.key, got.partition)).collect()
    };
    let mut expected = partitions("theirs", keys.len());
    assert!(expected.iter().map(|(_, partition)| *partition).collect::<BTreeSet<_>>().len() == 6);
    expected.insert((None, 0));
    assert_eq!(partitions(USERS_CREATED, keys.len() + 1), expected);
}

#[test]
fn a_flush_leaves_every_record_acknowledged_and_written() {
    let (_broker, settings) = broker();
    let producer = Producer::connect(&settings, None).unwrap();
    for n in 0..5_000_u32 {
        producer.publish(&record(Some(&n.to_be_bytes()), b"value")).unwrap();
    }
    producer.flush().unwrap();
    let acknowledged = producer.acknowledged().of_topic(USERS_CREATED);
    assert_eq!(acknowledged.len(), 5_000);
    let ends: BTreeMap<_, _> = acknowledged
        .ends()
        .into_iter()
        .map(|(place, last)| (place.partition, Watermarks { begin: Offset::ZERO, end: last.next() }))
        .collect();
    assert_eq!(Topics::connect(&settings).unwrap().watermarks(USERS_CREATED).unwrap(), ends);
    producer.flush().unwrap();
}

#[test]
fn an_unknown_topic_is_an_error_of_settings() {
    let (_broker, settings) = broker();
    let producer = Producer::connect(&settings, None).unwrap();
    let error = producer.publish(&OutgoingRecord { topic: "nobody.made", ..record(None, b"x") }).unwrap_err();
    assert!(error.to_string().contains("nobody.made"), "{error}");
    assert_eq!(error.class(), Class::Stop);
}

/// 60 MiB, far more than the broker keeps of its partitions together.
const VALUE_BYTES: usize = 60_000;
const VALUES: u32 = 1_050;

#[test]
fn nothing_is_lost_behind_a_hold_back_that_is_released() {
    let (_broker, settings) = broker();
    let hold_back = Arc::new(Backpressure::new(EmbeddedBroker::KEPT_BYTES * 4 / 5));
    let producer = Producer::connect(&settings, Some(Arc::clone(&hold_back))).unwrap();
    let reader = std::thread::spawn({
        let settings = settings.clone();
        move || {
            let consumer =
                Consumer::assign(&settings, "g", &from_the_start(USERS_CREATED, PARTITIONS)).unwrap();
            let (mut offsets, mut numbers) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new());
            while numbers.len() < VALUES as usize {
                let (partition, offset, number, bytes) = consumer
                    .next(PATIENCE, |record| {
                        let number = record.value.unwrap()[..4].try_into().unwrap();
                        (record.partition, record.offset, u32::from_be_bytes(number), record.size())
                    })
                    .unwrap()
                    .expect("nothing is lost, so the next comes");
                assert!(numbers.insert(number), "{number} came twice");
                offsets.entry(partition).or_default().push(offset);
                hold_back.release(USERS_CREATED, partition, bytes);
            }
            offsets
        }
    });
    for n in 0..VALUES {
        // Half of all to one partition, so that it is the one that fills.
        let key = if n % 2 == 0 { 0 } else { n };
        let mut value = vec![0; VALUE_BYTES];
        // Noise, so that compression on the way does not make it small.
        let mut noise = n | 1;
        for byte in &mut value {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            *byte = noise as u8;
        }
        value[..4].copy_from_slice(&n.to_be_bytes());
        producer.publish(&record(Some(&key.to_be_bytes()), &value)).unwrap();
    }
    producer.flush().unwrap();
    for (partition, offsets) in reader.join().unwrap() {
        let all: Vec<_> = (0..offsets.len() as i64).map(Offset).collect();
        assert_eq!(offsets, all, "partition {partition}: each offset once, in order");
    }
}

#[test]
fn a_hold_back_that_nobody_releases_blocks_until_it_is_closed() {
    let (_broker, settings) = broker();
    let limit = EmbeddedBroker::KEPT_BYTES / 5;
    let hold_back = Arc::new(Backpressure::new(limit));
    let producer = Arc::new(Producer::connect(&settings, Some(Arc::clone(&hold_back))).unwrap());
    let too_large = producer.publish(&record(None, &vec![0; limit + 1])).unwrap_err();
    assert!(matches!(too_large, StreamError::TooLarge { .. }) && too_large.class() == Class::DeadLetter);

    let value = vec![7; VALUE_BYTES];
    let fitting = limit / record(None, &value).size();
    for _ in 0..fitting {
        producer.publish(&record(None, &value)).unwrap();
    }
    let went_through = Arc::new(AtomicBool::new(false));
    let blocked = std::thread::spawn({
        let (producer, went_through) = (Arc::clone(&producer), Arc::clone(&went_through));
        move || {
            let result = producer.publish(&record(None, &value));
            went_through.store(true, Ordering::SeqCst);
            result
        }
    });
    producer.flush().unwrap();
    assert!(!went_through.load(Ordering::SeqCst), "it waits for room");
    let end = Topics::connect(&settings).unwrap().watermarks(USERS_CREATED).unwrap()[&0];
    assert_eq!(end, Watermarks { begin: Offset::ZERO, end: Offset(fitting as i64) }, "nothing was dropped");
    hold_back.close();
    let error = blocked.join().unwrap().unwrap_err();
    assert!(matches!(error, StreamError::Abandoned), "{error}");
}

#[test]
fn an_offset_that_the_broker_dropped_is_an_error_and_no_jump() {
    let (_broker, settings) = broker();
    let producer =
        Producer::connect(&ClientSettings { compression: "none", ..settings.clone() }, None).unwrap();
    for n in 0..200_u8 {
        producer.publish(&record(None, &vec![n; VALUE_BYTES])).unwrap();
    }
    producer.flush().unwrap();
    let begin = Topics::connect(&settings).unwrap().watermarks(USERS_CREATED).unwrap()[&0].begin;
    assert!(begin > Offset::ZERO, "the broker keeps no 12 MB");
    let consumer = Consumer::assign(&settings, "g", &from_the_start(USERS_CREATED, 1)).unwrap();
    let error = loop {
        match consumer.next(PATIENCE, |record| record.offset) {
            Ok(Some(offset)) => panic!("went on at offset {offset}"),
            Ok(None) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, StreamError::Consume { topic, .. } if topic == USERS_CREATED), "{error}");
}

#[test]
fn a_commit_is_read_by_another_consumer_of_the_group() {
    let (_broker, settings) = broker();
    let producer = Producer::connect(&settings, None).unwrap();
    for _ in 0..3 {
        producer.publish(&record(None, b"x")).unwrap();
    }
    producer.flush().unwrap();
    let committed = |group: &str| {
        let other: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &settings.brokers)
            .set("group.id", group)
            .create()
            .unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition(USERS_CREATED, 0);
        other.committed_offsets(asked, PATIENCE).unwrap().elements()[0].offset()
    };
    let consumer = Consumer::assign(&settings, "mine", &from_the_start(USERS_CREATED, 1)).unwrap();
    for offset in 0..3 {
        assert_eq!(next(&consumer).offset, offset);
    }
    assert_eq!(committed("mine"), KafkaOffset::Invalid, "reading commits nothing");
    consumer.commit(USERS_CREATED, 0, Offset(2)).unwrap();
    drop(consumer);
    assert_eq!(committed("mine"), KafkaOffset::Offset(2));
    assert_eq!(committed("another"), KafkaOffset::Invalid);
    let resumed = BTreeMap::from([(TopicPartition::new(USERS_CREATED, 0), Offset(2))]);
    assert_eq!(next(&Consumer::assign(&settings, "mine", &resumed).unwrap()).offset, 2);
}

#[test]
fn offsets_are_those_of_the_life_on_every_side() {
    let (_broker, plain) = broker();
    let letters = dead_letters_of(USERS_CREATED);
    let (letter_place, place) = (TopicPartition::new(letters, 0), |p| TopicPartition::new(USERS_CREATED, p));
    let bases = BTreeMap::from([(place(0), Offset(1_000)), (letter_place.clone(), Offset(70))]);
    let settings = ClientSettings { base_offsets: BaseOffsets::new(&bases), ..plain.clone() };
    let starts: BTreeMap<_, _> = (0..PARTITIONS)
        .map(|partition| {
            let place = place(partition);
            let first = bases.get(&place).copied().unwrap_or_default();
            (place, first)
        })
        .collect();
    let producer = Producer::connect(&settings, None).unwrap();
    for key in 0..60 {
        let key = format!("user-{key}");
        producer.publish(&record(Some(key.as_bytes()), b"x")).unwrap();
    }
    producer.flush().unwrap();
    let ends = producer.acknowledged().ends();
    let consumer = Consumer::assign(&settings, "g", &starts).unwrap();
    let mut read = millrace_stream::offset_set::OffsetSet::default();
    let reason = DecodeError::WrongType { path: "$.phone".to_owned(), found: "an array", expected: "a text" };
    for _ in 0..60 {
        let taken = consumer.next(PATIENCE, |record| {
            assert!(read.insert(record.topic, record.partition, record.offset));
            if record.partition == 0 && record.offset == Offset(1_000) {
                publish_record(&producer, record, &reason, Millis(0)).unwrap();
            }
        });
        taken.unwrap().expect("a record");
    }
    assert!(read == producer.acknowledged().of_topic(USERS_CREATED));
    assert_eq!(read.ends(), ends);
    let last = ends[&place(0)];
    assert!(last > Offset(1_000) && ends[&place(1)] < Offset(60), "{ends:?}");

    // What is committed is the broker's own offset, and a reader who goes on says the generation's.
    consumer.commit(USERS_CREATED, 0, last).unwrap();
    let watermarks = Topics::connect(&plain).unwrap().watermarks(USERS_CREATED).unwrap();
    assert_eq!(watermarks[&0].end + 1_000, last.next());
    let resumed = BTreeMap::from([(place(0), last)]);
    assert_eq!(next(&Consumer::assign(&settings, "g", &resumed).unwrap()).offset, last.get());

    producer.flush().unwrap();
    let starts = BTreeMap::from([(letter_place.clone(), Offset(70))]);
    let letter = next(&Consumer::assign(&settings, "g", &starts).unwrap());
    assert_eq!((letter.offset, letter.header("source-offset")), (70, Some("1000")));
    assert_eq!(producer.acknowledged().ends()[&letter_place], Offset(70));
}

#[test]
fn a_dead_letter_holds_the_record_untouched_and_its_whole_story() {
    let (_broker, settings) = broker();
    let producer = Producer::connect(&settings, None).unwrap();
    let headers: [(&str, Option<&[u8]>); 3] =
        [("content-type", Some(b"application/json")), ("trace", None), ("attempts", Some(b"2"))];
    let failed: [(&[u8], &[_]); 2] = [(b"first \0\xff", &headers), (b"second", &headers[..2])];
    for (value, headers) in failed {
        producer.publish(&OutgoingRecord { headers, ..record(Some(b"key"), value) }).unwrap();
    }
    producer.flush().unwrap();
    let reason = DecodeError::WrongType { path: "$.phone".to_owned(), found: "an array", expected: "a text" };
    let consumer = Consumer::assign(&settings, "g", &from_the_start(USERS_CREATED, PARTITIONS)).unwrap();
    let mut partition = 0;
    for _ in &failed {
        let sent = consumer.next(PATIENCE, |record| {
            partition = record.partition;
            publish_record(&producer, record, &reason, Millis(1_770_091_600_000))
        });
        sent.unwrap().expect("a record").unwrap();
    }
    producer.flush().unwrap();

    let letters = dead_letters_of(USERS_CREATED);
    let letters = Consumer::assign(&settings, "g", &from_the_start(&letters, 1)).unwrap();
    for (offset, attempts) in [(0_i64, "3"), (1, "1")] {
        let letter = next(&letters);
        let (value, _) = failed[usize::try_from(offset).unwrap()];
        assert_eq!((letter.key.as_deref(), letter.value.as_deref()), (Some(&b"key"[..]), Some(value)));
        assert_eq!(letter.header("content-type"), Some("application/json"));
        assert!(letter.headers.contains(&("trace".to_owned(), None)));
        let told: Vec<_> =
            FAILURE_HEADERS.iter().map(|name| letter.header(name).unwrap_or_default().to_owned()).collect();
        let expected = [
            "wrong_type",
            &reason.to_string(),
            USERS_CREATED,
            &partition.to_string(),
            &offset.to_string(),
            "2026-02-03T04:05:06.123Z",
            "2026-02-03T04:06:40.000Z",
            attempts,
        ];
        assert_eq!(told, expected);
        for name in FAILURE_HEADERS {
            assert_eq!(letter.headers.iter().filter(|(header, _)| header == name).count(), 1, "{name}");
        }
        assert_eq!(letter.timestamp, Some(1_770_091_600_000), "its own instant");
    }
}

#[tokio::test]
async fn topics_that_are_there_are_left_though_the_broker_tells_no_limits() {
    let (_broker, settings) = broker();
    let begin = std::time::Instant::now();
    let topics = Topics::connect(&settings).unwrap();
    for _ in 0..4 {
        topics.ensure(USERS_CREATED).await.unwrap();
    }
    assert!(begin.elapsed() < settings.reach_timeout, "it waits for an answer that does not come");
}
