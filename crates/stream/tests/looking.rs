//! What `millrace topics` and `millrace peek` look at, on the embedded broker.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Millis;
use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::broker_description::{self, Told};
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::peek::{Peek, Peeked, Start, Until};
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::range_reader::{RangeReader, Ranged};
use millrace_stream::record::OutgoingRecord;
use millrace_stream::topics::Watermarks;

/// Far beyond what it takes, so that only a hang ends there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Records of one topic, of two partitions at least: the n-th has the key and the value n and the timestamp 1000 × (n + 1),
/// as librdkafka takes 0 for now.
fn produce(settings: &ClientSettings, topic: &str, numbers: std::ops::Range<u8>) {
    let producer = Producer::connect(settings, None).unwrap();
    for number in numbers {
        let timestamp = Millis((i64::from(number) + 1) * 1_000);
        let (key, value) = (Some(&[number][..]), Some(&[number][..]));
        producer.publish(&OutgoingRecord { topic, key, value, timestamp, headers: &[] }).unwrap();
    }
    producer.flush().unwrap();
}

fn broker(topics: &[(&str, i32)]) -> (EmbeddedBroker, ClientSettings) {
    let broker = EmbeddedBroker::start().unwrap();
    for (topic, partitions) in topics {
        broker.create_topic(topic, *partitions).unwrap();
    }
    let settings = ClientSettings::new(broker.brokers());
    (broker, settings)
}

/// The numbers that a look gives until its end, sorted.
fn all(mut peek: Peek) -> Vec<u8> {
    let mut numbers = Vec::new();
    loop {
        match peek.next(PATIENCE, |record| record.value.unwrap()[0]).unwrap() {
            Peeked::Record(number) => numbers.push(number),
            Peeked::End => break,
            Peeked::Nothing => panic!("it neither goes on nor ends after {numbers:?}"),
        }
    }
    numbers.sort_unstable();
    numbers
}

#[test]
fn topics_are_told_with_their_offsets_and_messages() {
    let (_broker, settings) = broker(&[("users", 3), ("empty", 1), ("__internal", 1)]);
    produce(&settings, "users", 0..50);
    let begin = Instant::now();
    let broker = broker_description::describe_broker(&settings).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(30), "groups that are not told are not waited for long");
    let names: Vec<_> = broker.topics.iter().map(|topic| (topic.topic.as_str(), topic.messages())).collect();
    assert_eq!(names, [("empty", 0), ("users", 50)]);
    let none = Watermarks { begin: Offset(0), end: Offset(0) };
    assert_eq!(broker.topics[0].partitions, BTreeMap::from([(0, none)]));
    assert_eq!(broker.topics[1].partitions.len(), 3);
    let Told::NotTold(why) = broker.groups else { panic!("the embedded broker lists no groups") };
    assert!(why.contains("groups"), "{why}");
}

#[test]
fn a_group_known_by_name_is_told_with_its_lag_and_not_joined() {
    let (_broker, settings) = broker(&[("users", 2), ("other", 1)]);
    produce(&settings, "users", 0..40);
    let mut topics = broker_description::describe_broker(&settings).unwrap().topics;
    broker_description::reader(&settings, "landing", &mut topics).unwrap();
    assert!(topics.iter().all(|topic| topic.readers.is_empty()), "it has committed nothing yet");

    let ends = topics[1].partitions.clone();
    let starts = BTreeMap::from([(TopicPartition::new("users", 0), Offset(0))]);
    let consumer = Consumer::assign(&settings, "landing", &starts).unwrap();
    consumer.commit("users", 0, Offset(3)).unwrap();
    broker_description::reader(&settings, "landing", &mut topics).unwrap();
    assert!(topics[0].readers.is_empty(), "{topics:?}");
    let reader = &topics[1].readers[0];
    assert_eq!((reader.group.as_str(), &reader.committed), ("landing", &BTreeMap::from([(0, Offset(3))])));
    // The partition of which it committed nothing is yet to be read, whole.
    assert_eq!(reader.lag, ends[&0].end.get() - 3 + ends[&1].end.get());
}

#[test]
fn a_broker_that_is_away_is_an_error_to_retry() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = ClientSettings {
        reach_timeout: Duration::from_millis(500),
        ..ClientSettings::new(nobody.to_string())
    };
    assert_eq!(broker_description::describe_broker(&settings).unwrap_err().class(), Class::Retry);
    let error = Peek::open(&settings, "users", Start::Beginning, Until::End).unwrap_err();
    assert_eq!(error.class(), Class::Retry);
}

#[test]
fn a_look_goes_from_any_start_to_the_ends_that_it_saw() {
    let (_broker, settings) = broker(&[("users", 3), ("one", 1), ("empty", 2)]);
    produce(&settings, "users", 0..60);
    produce(&settings, "one", 0..20);
    let look = |topic, start| all(Peek::open(&settings, topic, start, Until::End).unwrap());
    assert_eq!(look("users", Start::Beginning), (0..60).collect::<Vec<_>>());
    assert_eq!(look("users", Start::End), [0; 0]);
    assert_eq!(look("one", Start::Offset(Offset(15))), (15..20).collect::<Vec<_>>());
    assert_eq!(look("one", Start::Offset(Offset(-7))).len(), 20, "the nearest that it has");
    assert_eq!(look("one", Start::Offset(Offset(99))), [0; 0]);
    // The embedded broker does not look instants up; the answer is the same.
    assert_eq!(look("users", Start::Timestamp(Millis(58_001))), [58, 59]);
    assert_eq!(look("one", Start::Timestamp(Millis(0))).len(), 20);
    assert_eq!(look("one", Start::Timestamp(Millis(i64::MAX))), [0; 0]);
    assert_eq!(look("empty", Start::Beginning), [0; 0]);
    assert_eq!(look("empty", Start::Timestamp(Millis(1))), [0; 0]);

    let error = Peek::open(&settings, "nobodys", Start::Beginning, Until::End).unwrap_err();
    assert_eq!(error.class(), Class::Stop);
    assert!(error.to_string().contains("nobodys"), "{error}");
}

#[test]
fn what_comes_later_is_given_only_where_it_is_followed() {
    let (_broker, settings) = broker(&[("users", 2)]);
    produce(&settings, "users", 0..10);
    let bounded = Peek::open(&settings, "users", Start::Beginning, Until::End).unwrap();
    let mut followed = Peek::open(&settings, "users", Start::End, Until::Followed).unwrap();
    let soon = Duration::from_millis(200);
    assert_eq!(followed.next(soon, |_| ()).unwrap(), Peeked::Nothing);
    produce(&settings, "users", 10..20);
    assert_eq!(all(bounded), (0..10).collect::<Vec<_>>());

    let mut later = Vec::new();
    while later.len() < 10 {
        match followed.next(PATIENCE, |record| record.value.unwrap()[0]).unwrap() {
            Peeked::Record(number) => later.push(number),
            other => panic!("{other:?} after {later:?}"),
        }
    }
    later.sort_unstable();
    assert_eq!(later, (10..20).collect::<Vec<_>>());
    assert_eq!(followed.next(soon, |_| ()).unwrap(), Peeked::Nothing, "it has no end");
}

#[test]
fn a_look_leaves_no_commit() {
    let (_broker, settings) = broker(&[("users", 1)]);
    produce(&settings, "users", 0..5);
    assert_eq!(all(Peek::open(&settings, "users", Start::Beginning, Until::End).unwrap()).len(), 5);
    let mut topics = broker_description::describe_broker(&settings).unwrap().topics;
    broker_description::reader(&settings, "millrace-peek", &mut topics).unwrap();
    assert!(topics[0].readers.is_empty(), "{topics:?}");
}

#[test]
fn a_range_is_given_from_its_first_offset_to_its_last_and_no_further() {
    let (_broker, settings) = broker(&[("users", 1)]);
    produce(&settings, "users", 0..50);
    let open = |partition, from, to| {
        RangeReader::open(&settings, TopicPartition::new("users", partition), Offset(from), Offset(to))
    };
    for (from, to) in [(10, 14), (7, 7), (45, 49)] {
        let (mut reader, mut offsets) = (open(0, from, to).unwrap(), Vec::new());
        let begin = Instant::now();
        loop {
            match reader.next(Duration::from_millis(100), |record| record.offset.get()).unwrap() {
                Ranged::Record(offset) => offsets.push(offset),
                Ranged::Nothing => assert!(begin.elapsed() < PATIENCE, "it stands after {offsets:?}"),
                Ranged::Held(open) => panic!("{open}"),
                Ranged::End => break,
            }
        }
        assert_eq!(offsets, (from..=to).collect::<Vec<_>>());
        assert_eq!((reader.reached(), reader.gone().len()), (Offset(to + 1), 0));
    }
    for (refused, words) in [
        (open(0, 40, 50), "offsets 50 to 50 were never written: partition 0 has offsets 0 to 49"),
        (open(1, 0, 9), "it has no partition 1, only partition 0"),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.class(), Class::Stop);
        assert!(error.to_string().contains(words), "{error}");
    }
}
