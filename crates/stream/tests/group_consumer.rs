//! Members of a group, on the embedded broker and on a real one.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod real_cluster;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::client::ClientSettings;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::group_consumer::{Commit, GroupConsumer, Turn};
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::OutgoingRecord;
use real_cluster::{PATIENCE, await_partitions, create, fresh, from_the_start, plain, produce, record};

const PARTITIONS: i32 = 6;

/// A member that holds records for a while before they are durable, as the landing does.
struct Lander {
    member: GroupConsumer,
    /// Taken and not yet durable, with the offset that follows.
    open: BTreeMap<TopicPartition, Vec<Offset>>,
    starts: BTreeMap<TopicPartition, Offset>,
    dropped: usize,
}

/// What became durable: how often each position did.
type Lake = BTreeMap<(TopicPartition, Offset), usize>;

impl Lander {
    fn join(settings: &ClientSettings, group: &str, topic: &str) -> Self {
        let member = GroupConsumer::join(settings, group, &[topic]).unwrap();
        Self { member, open: BTreeMap::new(), starts: BTreeMap::new(), dropped: 0 }
    }

    fn turn(&mut self) {
        let taken = |record: &millrace_stream::record::Record<'_>| {
            (TopicPartition::new(record.topic, record.partition), record.offset)
        };
        match self.member.next(Duration::from_millis(20), taken).unwrap() {
            Turn::Record((place, offset)) => {
                let next = self.starts.get_mut(&place).expect("nothing comes before its partition");
                assert_eq!(offset, *next, "in order, without a gap, from where it was assigned");
                *next = next.next();
                self.open.entry(place).or_default().push(offset);
            }
            Turn::Nothing => {}
            Turn::Assigned(starts) => self.starts.extend(starts),
            Turn::Revoked(places) => {
                for place in places {
                    assert!(self.starts.remove(&place).is_some(), "what was never given cannot be taken");
                    self.dropped += self.open.remove(&place).map_or(0, |open| open.len());
                    assert_eq!(
                        self.member.commit(&place.topic, place.partition, Offset(1)).unwrap(),
                        Commit::Moved
                    );
                }
            }
        }
        let owned: Vec<_> = self.starts.keys().collect();
        assert!(self.member.owned().iter().eq(owned), "the member and its reader agree");
    }

    /// Makes what the partitions hold durable, but for the newest `keep` records of each, then commits it.
    fn land(&mut self, keep: usize, lake: &mut Lake) {
        for (place, open) in &mut self.open {
            let landed = open.len().saturating_sub(keep);
            if landed == 0 {
                continue;
            }
            match self.member.commit(&place.topic, place.partition, open[landed - 1].next()).unwrap() {
                // Nothing can come between the two here, so that a position which is durable twice is a fault.
                Commit::Done => {
                    open.drain(..landed)
                        .for_each(|offset| *lake.entry((place.clone(), offset)).or_default() += 1);
                }
                Commit::Later => {}
                Commit::Moved => panic!("its revocation was not told"),
            }
        }
    }
}

/// Two members share a topic while it is written; the second comes later and leaves early.
fn share(settings: &ClientSettings, topic: &str, records: u32) {
    let group = fresh("sharing");
    let producer = Producer::connect(settings, None).unwrap();
    produce(&producer, topic, 0..records / 2);
    let mut lake = Lake::new();
    let begin = Instant::now();
    let patient = |what: &str| assert!(begin.elapsed() < PATIENCE, "{what} does not come");

    let mut first = Lander::join(settings, &group, topic);
    while first.open.values().map(Vec::len).sum::<usize>() < records as usize / 2 {
        first.turn();
        patient("the first half of the records");
    }
    assert_eq!(first.starts.len(), PARTITIONS as usize, "alone it has them all");
    // The newest stay open: those of the partitions that move are dropped here and read again there.
    first.land(20, &mut lake);

    let mut second = Lander::join(settings, &group, topic);
    while second.starts.len() != 3 || first.starts.len() != 3 {
        first.turn();
        second.turn();
        patient("a fair share");
    }
    assert!(first.starts.keys().all(|place| !second.starts.contains_key(place)), "each has one owner");
    produce(&producer, topic, records / 2..records);
    while second.open.values().map(Vec::len).sum::<usize>() < records as usize / 8 {
        first.turn();
        second.turn();
        first.land(16, &mut lake);
        patient("the second's part");
    }
    assert!(first.dropped >= 3 * 20, "what moved was open");
    second.land(8, &mut lake);
    // It leaves, and what it holds open is lost with it.
    assert!(second.open.values().any(|open| !open.is_empty()));
    drop(second);

    while lake.len() < records as usize {
        first.turn();
        first.land(0, &mut lake);
        patient("every record");
    }
    assert_eq!(first.starts.len(), PARTITIONS as usize, "what was left is taken over");
    let acknowledged = producer.acknowledged();
    assert_eq!(acknowledged.len(), u64::from(records));
    assert!(lake.values().all(|times| *times == 1), "nothing is durable twice");
    let ends = acknowledged.ends();
    let landed: BTreeSet<_> = lake.keys().map(|(place, _)| place.clone()).collect();
    assert!(landed.iter().eq(ends.keys()), "every partition was read");

    // Another run of the program goes on where this one ended.
    drop(first);
    let mut again = Lander::join(settings, &group, topic);
    while again.starts.len() != PARTITIONS as usize {
        again.turn();
        patient("the group's place");
    }
    for (place, last) in ends {
        assert_eq!(again.starts[&place], last.next());
    }
}

#[test]
fn members_share_a_topic_of_the_embedded_broker() {
    let broker = EmbeddedBroker::start().unwrap();
    broker.create_topic("shared", PARTITIONS).unwrap();
    share(&ClientSettings::new(broker.brokers()), "shared", 2_000);
}

#[tokio::test]
async fn members_share_a_topic_of_a_real_broker() {
    let Some(settings) = plain() else { return };
    let topic = fresh("shared");
    create(&settings.brokers, &topic, PARTITIONS).await;
    await_partitions(&settings, &topic, Some(PARTITIONS));
    share(&settings, &topic, 4_000);
}

/// A record as it is compared: key, value, headers.
type Whole = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

/// A member takes records where they lie in the client's fetches: they have to be what was sent, whatever is in them.
fn records_are_whole(settings: &ClientSettings, topic: &str) {
    let producer = Producer::connect(settings, None).unwrap();
    let timestamp = record(topic, b"").timestamp;
    let (mut sent, mut got) = (BTreeMap::new(), BTreeMap::new());
    for number in 0..3_000_u32 {
        let key = number.to_string();
        let owned = |bytes: &[u8]| bytes.to_vec();
        let value = match number % 5 {
            0 => None,
            1 => Some(Vec::new()),
            _ => Some(vec![b'v'; (number % 700) as usize]),
        };
        let headers = (0..number % 4).map(|at| match at {
            0 => ("number".to_owned(), Some(owned(key.as_bytes()))),
            1 => ("nothing".to_owned(), None),
            _ => ("number".to_owned(), Some(vec![0xff; (number % 300) as usize])),
        });
        let headers: Vec<_> = headers.collect();
        let shown: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let outgoing = OutgoingRecord {
            topic,
            key: Some(key.as_bytes()),
            value: value.as_deref(),
            timestamp,
            headers: &shown,
        };
        producer.publish(&outgoing).unwrap();
        let whole: Whole = (Some(owned(key.as_bytes())), value, headers);
        sent.insert(number, whole);
    }
    producer.flush().unwrap();
    let mut member = GroupConsumer::join(settings, &fresh("whole"), &[topic]).unwrap();
    let begin = Instant::now();
    while got.len() < sent.len() {
        assert!(begin.elapsed() < PATIENCE, "{} of {} came", got.len(), sent.len());
        let turn = member.next(Duration::from_millis(50), |record| {
            assert_eq!((record.topic, record.timestamp), (topic, Some(timestamp)));
            let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
            let headers = record.headers.iter().map(|(name, value)| ((*name).to_owned(), owned(*value)));
            let whole: Whole = (owned(record.key), owned(record.value), headers.collect());
            whole
        });
        if let Turn::Record(whole) = turn.unwrap() {
            let number: u32 = std::str::from_utf8(whole.0.as_deref().unwrap()).unwrap().parse().unwrap();
            assert_eq!(got.insert(number, whole), None, "{number} came twice");
        }
    }
    assert!(sent == got, "a record is another than was sent");
}

#[test]
fn records_of_the_embedded_broker_are_whole() {
    let broker = EmbeddedBroker::start().unwrap();
    for compression in ["none", "lz4", "zstd"] {
        let settings = ClientSettings { compression, ..ClientSettings::new(broker.brokers()) };
        let topic = format!("whole-{compression}");
        broker.create_topic(&topic, PARTITIONS).unwrap();
        records_are_whole(&settings, &topic);
    }
}

#[tokio::test]
async fn records_of_a_real_broker_are_whole() {
    let Some(settings) = plain() else { return };
    for compression in ["none", "lz4", "zstd"] {
        let settings = ClientSettings { compression, ..settings.clone() };
        let topic = fresh("whole");
        create(&settings.brokers, &topic, PARTITIONS).await;
        await_partitions(&settings, &topic, Some(PARTITIONS));
        records_are_whole(&settings, &topic);
    }
}

/// One member is busy with its first records for as long as another takes to come, to be given its share and to read it.
fn rest(settings: &ClientSettings, topic: &str, records: u32) {
    let group = fresh("resting");
    let producer = Producer::connect(settings, None).unwrap();
    produce(&producer, topic, 0..records);
    let begin = Instant::now();
    let patient = |what: &str| assert!(begin.elapsed() < PATIENCE, "{what} does not come");
    let mut busy = Lander::join(settings, &group, topic);
    while busy.open.len() < PARTITIONS as usize {
        busy.turn();
        patient("a record of each partition");
    }
    let taken: usize = busy.open.values().map(Vec::len).sum();
    assert!(taken < records as usize, "all records are taken: there is nothing that resting could lose");

    let mut second = Lander::join(settings, &group, topic);
    while second.starts.len() < 3 || busy.starts.len() > 3 {
        match busy.member.rest(Duration::from_millis(20)).unwrap() {
            Turn::Revoked(places) => places.iter().for_each(|place| {
                busy.starts.remove(place);
                busy.open.remove(place);
            }),
            Turn::Assigned(starts) => busy.starts.extend(starts),
            Turn::Nothing => {}
        }
        second.turn();
        patient("a share for the second beside a member that rests");
    }
    let mut lake = Lake::new();
    // In order and without a gap, as each turn asserts.
    while lake.len() < records as usize {
        busy.turn();
        second.turn();
        busy.land(0, &mut lake);
        second.land(0, &mut lake);
        patient("every record");
    }
    assert!(lake.values().all(|times| *times == 1), "nothing is durable twice");
}

#[test]
fn a_member_that_rests_takes_no_record_and_loses_none_on_the_embedded_broker() {
    let broker = EmbeddedBroker::start().unwrap();
    broker.create_topic("rested", PARTITIONS).unwrap();
    rest(&ClientSettings::new(broker.brokers()), "rested", 2_000);
}

#[tokio::test]
async fn a_member_that_rests_takes_no_record_and_loses_none_on_a_real_broker() {
    let Some(settings) = plain() else { return };
    let topic = fresh("rested");
    create(&settings.brokers, &topic, PARTITIONS).await;
    await_partitions(&settings, &topic, Some(PARTITIONS));
    rest(&settings, &topic, 4_000);
}

fn fails(settings: &ClientSettings, group: &str, topic: &str) -> millrace_stream::StreamError {
    let mut member = GroupConsumer::join(settings, group, &[topic]).unwrap();
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < PATIENCE, "it waits for ever");
        if let Err(error) = member.next(Duration::from_millis(200), |_| ()) {
            return error;
        }
    }
}

#[tokio::test]
async fn a_place_that_the_topic_does_not_have_is_told() {
    let Some(settings) = plain() else { return };
    let missing = fresh("missing");
    let error = fails(&settings, &fresh("group"), &missing);
    assert!(error.to_string().contains("does not exist") && error.class() == Class::Stop, "{error}");

    // A commit beyond the end is what a group has of a topic whose first generation was longer.
    let (topic, group) = (fresh("reborn"), fresh("group"));
    create(&settings.brokers, &topic, 1).await;
    await_partitions(&settings, &topic, Some(1));
    let starts = from_the_start(&topic, 1);
    let former = millrace_stream::consumer::Consumer::assign(&settings, &group, &starts).unwrap();
    former.commit(&topic, 0, Offset(500)).unwrap();
    drop(former);
    let error = fails(&settings, &group, &topic);
    let told = error.to_string();
    assert!(told.contains("offset 500") && told.contains("0 to 0") && told.contains("made anew"), "{told}");
    assert_eq!(error.class(), Class::Stop);
}
