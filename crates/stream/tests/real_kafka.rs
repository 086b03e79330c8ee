//! Topics, producing, consuming and looking on a real Kafka.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod real_cluster;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Millis;
use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::StreamError;
use millrace_stream::broker_description::{Told, describe_broker};
use millrace_stream::consumer::Consumer;
use millrace_stream::peek::{Peek, Peeked, Start, Until};
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::topics::{PARTITIONS, Topics, check_generation, dead_letters_of};
use rdkafka::admin::AdminOptions;
use real_cluster::{
    PATIENCE, admin, await_partitions, create, fresh, from_the_start, plain, produce, record,
};

#[tokio::test]
async fn topics_are_made_once_and_stay_as_they_are() {
    let Some(settings) = plain() else { return };
    let topic = fresh("made");
    let topics = Topics::connect(&settings).unwrap();
    assert_eq!(topics.partitions(&topic).unwrap(), None);
    topics.ensure(&topic).await.unwrap();
    await_partitions(&settings, &topic, Some(PARTITIONS));
    await_partitions(&settings, &dead_letters_of(&topic), Some(1));
    topics.ensure(&topic).await.unwrap();
    assert_eq!(topics.partitions(&topic).unwrap(), Some(PARTITIONS));

    let bad = topics.ensure("no/such name").await.unwrap_err();
    assert!(matches!(&bad, StreamError::Topic { .. }) && bad.class() == Class::Stop, "{bad}");
}

#[tokio::test]
async fn what_is_produced_is_read_and_what_is_committed_is_kept() {
    let Some(settings) = plain() else { return };
    let topic = fresh("carried");
    create(&settings.brokers, &topic, 3).await;
    await_partitions(&settings, &topic, Some(3));
    let producer = Producer::connect(&settings, None).unwrap();
    produce(&producer, &topic, 0..300);
    assert_eq!(producer.acknowledged().len(), 300);

    let group = fresh("group");
    let consumer = Consumer::assign(&settings, &group, &from_the_start(&topic, 3)).unwrap();
    let mut seen = BTreeSet::new();
    let mut ends = BTreeMap::new();
    while seen.len() < 300 {
        let (place, text) = consumer
            .next(PATIENCE, |record| {
                let value = std::str::from_utf8(record.value.unwrap()).unwrap().to_owned();
                ((record.partition, record.offset), value)
            })
            .unwrap()
            .expect("a record that was acknowledged comes");
        assert!(seen.insert(text), "each once");
        assert_eq!(
            ends.insert(place.0, place.1).map_or(Offset::ZERO, Offset::next),
            place.1,
            "in order, without a gap"
        );
    }
    for (&partition, &last) in &ends {
        consumer.commit(&topic, partition, last.next()).unwrap();
    }

    let broker = describe_broker(&settings).unwrap();
    assert_eq!(broker.groups, Told::Told);
    let found = broker.topics.iter().find(|found| found.topic == topic).unwrap();
    assert_eq!(found.messages(), 300);
    let reader = found.readers.iter().find(|reader| reader.group == group).unwrap();
    let committed =
        ends.iter().map(|(partition, last)| (*partition, last.next())).collect::<BTreeMap<_, _>>();
    assert_eq!((&reader.committed, reader.lag), (&committed, 0));
}

#[tokio::test]
async fn a_look_gives_everything_once_and_changes_nothing() {
    let Some(settings) = plain() else { return };
    let topic = fresh("looked-at");
    create(&settings.brokers, &topic, 2).await;
    await_partitions(&settings, &topic, Some(2));
    produce(&Producer::connect(&settings, None).unwrap(), &topic, 0..50);
    let look = |start| {
        let mut peek = Peek::open(&settings, &topic, start, Until::End).unwrap();
        let mut seen = BTreeSet::new();
        loop {
            match peek.next(PATIENCE, |record| (record.partition, record.offset)).unwrap() {
                Peeked::Record(place) => assert!(seen.insert(place)),
                Peeked::Nothing => panic!("more has to come"),
                Peeked::End => return seen.len(),
            }
        }
    };
    assert_eq!(look(Start::Beginning), 50);
    assert_eq!(look(Start::Timestamp(Millis(1_600_000_000_000))), 50);
    assert_eq!((look(Start::Timestamp(Millis(4_000_000_000_000))), look(Start::End)), (0, 0));
    let missing = Peek::open(&settings, &fresh("missing"), Start::Beginning, Until::End).unwrap_err();
    assert!(missing.to_string().contains("does not exist"), "{missing}");
}

#[tokio::test]
async fn a_topic_made_anew_is_another_life() {
    let Some(settings) = plain() else { return };
    let topic = fresh("reborn");
    create(&settings.brokers, &topic, 1).await;
    await_partitions(&settings, &topic, Some(1));
    produce(&Producer::connect(&settings, None).unwrap(), &topic, 0..20);
    let landed = Offset(19);
    let same_generation = || {
        let ends = Topics::connect(&settings).unwrap().watermarks(&topic).unwrap();
        check_generation(&topic, "g1", &ends, [(0, landed)])
    };
    assert!(same_generation().is_ok());

    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    admin(&settings.brokers).delete_topics(&[&topic], &options).await.unwrap()[0].as_ref().unwrap();
    await_partitions(&settings, &topic, None);
    create(&settings.brokers, &topic, 1).await;
    await_partitions(&settings, &topic, Some(1));
    produce(&Producer::connect(&settings, None).unwrap(), &topic, 0..5);
    let error = same_generation().unwrap_err();
    let told = matches!(error, StreamError::AnotherGeneration { end: Offset(5), landed: Offset(19), .. });
    assert!(told, "{error}");
    assert_eq!(error.class(), Class::Stop);
}

#[tokio::test]
async fn an_offset_that_aged_away_is_an_error_and_no_jump() {
    let Some(settings) = plain() else { return };
    let topic = fresh("short");
    create(&settings.brokers, &topic, 1).await;
    await_partitions(&settings, &topic, Some(1));
    produce(&Producer::connect(&settings, None).unwrap(), &topic, 0..5);
    let starts = BTreeMap::from([(TopicPartition::new(&topic, 0), Offset(99))]);
    let consumer = Consumer::assign(&settings, &fresh("group"), &starts).unwrap();
    let begin = std::time::Instant::now();
    let error = loop {
        match consumer.next(Duration::from_secs(1), |_| ()) {
            Err(error) => break error,
            Ok(got) => {
                assert!(got.is_none() && begin.elapsed() < PATIENCE, "an offset of nowhere is no record")
            }
        }
    };
    assert_eq!(error.class(), Class::Stop, "{error}");
}

#[tokio::test]
async fn a_topic_that_is_not_there_cannot_be_produced_to() {
    let Some(settings) = plain() else { return };
    let topic = fresh("nowhere");
    let error = Producer::connect(&settings, None).unwrap().publish(&record(&topic, b"1")).unwrap_err();
    assert!(error.to_string().contains(&topic) && error.class() == Class::Stop, "{error}");
}
