//! Positions, ends and lag on a real Kafka whose offsets are not all records.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod real_cluster;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::broker_description::describe_broker;
use millrace_stream::client::ClientSettings;
use millrace_stream::group_consumer::{Commit, GroupConsumer, Turn};
use millrace_stream::open_transaction::OpenTransaction;
use millrace_stream::peek::{Peek, Peeked, Start, Until};
use millrace_stream::producer::Producer;
use millrace_stream::topics::Topics;
use millrace_stream::unread::{unread, unread_by_group};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use real_cluster::{PATIENCE, admin, await_partitions, create, fresh, plain, produce};

type Transactional = ThreadedProducer<DefaultProducerContext>;

fn transactional(settings: &ClientSettings) -> Transactional {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.brokers).set("transactional.id", fresh("transactions"));
    let producer: Transactional = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

/// Begins a transaction of so many records in partition 0.
fn begin(producer: &Transactional, topic: &str, records: usize) {
    producer.begin_transaction().unwrap();
    for _ in 0..records {
        let record: BaseRecord<'_, str, str> = BaseRecord::to(topic).partition(0).payload("x");
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

/// Turns until nothing comes; answers how many records did.
fn rest(member: &mut GroupConsumer) -> usize {
    let (mut records, mut last) = (0, Instant::now());
    while member.owned().is_empty() || last.elapsed() < Duration::from_secs(2) {
        match member.next(Duration::from_millis(100), |_| ()).unwrap() {
            Turn::Record(()) => (records, last) = (records + 1, Instant::now()),
            Turn::Assigned(_) => last = Instant::now(),
            Turn::Nothing | Turn::Revoked(_) => {}
        }
    }
    records
}

#[tokio::test]
async fn positions_pass_what_is_never_given_and_stand_before_an_open_transaction() {
    let Some(settings) = plain() else { return };
    let (topic, group) = (fresh("gaps"), fresh("group"));
    create(&settings.brokers, &topic, 1).await;
    await_partitions(&settings, &topic, Some(1));
    let place = TopicPartition::new(&topic, 0);
    let producer = transactional(&settings);
    begin(&producer, &topic, 5);
    producer.commit_transaction(PATIENCE).unwrap();
    begin(&producer, &topic, 3);
    producer.abort_transaction(PATIENCE).unwrap();

    let mut member = GroupConsumer::join(&settings, &group, &[&topic]).unwrap();
    assert_eq!(rest(&mut member), 5);
    assert_eq!(
        member.positions().unwrap(),
        BTreeMap::from([(place.clone(), Offset(10))]),
        "two marks, three aborted"
    );
    let left = unread_by_group(&settings, &group, &[&topic]).unwrap();
    assert_eq!((left[0].next, left[0].high_watermark, &left[0].open), (Offset(0), Offset(10), &None));
    assert_eq!(member.commit_patiently(&topic, 0, Offset(10)).unwrap(), Commit::Done);
    assert!(unread_by_group(&settings, &group, &[&topic]).unwrap().is_empty());

    begin(&producer, &topic, 2);
    assert_eq!(rest(&mut member), 0);
    let (last_stable, high_watermark) = (Offset(10), Offset(12));
    let open = OpenTransaction { topic: topic.clone(), partition: 0, last_stable, high_watermark };
    let brokers = Topics::connect(&settings).unwrap();
    assert_eq!(brokers.open_transactions(&topic).unwrap(), std::slice::from_ref(&open));
    let left = unread(&brokers, &member.positions().unwrap()).unwrap();
    assert_eq!(left.iter().map(|left| left.open.clone()).collect::<Vec<_>>(), [Some(open.clone())]);
    let described =
        describe_broker(&settings).unwrap().topics.into_iter().find(|told| told.topic == topic).unwrap();
    assert_eq!((described.readers[0].lag, described.open), (2, vec![open]));

    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(rest(&mut member), 2);
    assert_eq!(member.positions().unwrap()[&place], Offset(13));
    assert!(brokers.open_transactions(&topic).unwrap().is_empty());
}

#[tokio::test]
async fn new_partitions_are_found_by_a_group_and_by_a_look() {
    let Some(settings) = plain() else { return };
    let topic = fresh("growing");
    create(&settings.brokers, &topic, 1).await;
    await_partitions(&settings, &topic, Some(1));
    let mut member = GroupConsumer::join(&settings, &fresh("group"), &[&topic]).unwrap();
    let mut look = Peek::open(&settings, &topic, Start::End, Until::Followed).unwrap();
    rest(&mut member);

    let new = NewPartitions::new(&topic, 3);
    let made =
        admin(&settings.brokers).create_partitions([&new], &AdminOptions::new()).await.unwrap().remove(0);
    made.unwrap();
    let begin = Instant::now();
    while member.owned().len() < 3 {
        member.next(Duration::from_millis(100), |_| ()).unwrap();
        // Ten seconds, and some for a machine that is busy; without a look they are found after five minutes.
        assert!(begin.elapsed() < Duration::from_secs(20), "the group does not find them");
    }
    await_partitions(&settings, &topic, Some(3));
    produce(&Producer::connect(&settings, None).unwrap(), &topic, 0..60);
    let mut seen: BTreeMap<i32, usize> = BTreeMap::new();
    let begin = Instant::now();
    while seen.values().sum::<usize>() < 60 {
        if let Peeked::Record(partition) =
            look.next(Duration::from_millis(200), |record| record.partition).unwrap()
        {
            *seen.entry(partition).or_default() += 1;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "the look sees {seen:?} alone");
    }
    assert_eq!(seen.len(), 3);
}
