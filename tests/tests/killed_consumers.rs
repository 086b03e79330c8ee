//! Four streams landed by consumers that die at any moment: each record is one row or one dead letter in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use land_events::{LandSettings, RawWriter};
use millrace_events::event_catalogue;
use millrace_events::instant::Millis;
use millrace_events::position::{Offset, TopicPartition};
use millrace_lake::{FolderStore, Store, TopicGeneration};
use millrace_sources::{Batch, Behaviour, BehaviourSettings, RecordFault, Share, Stream, Streams};
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::offset_set::OffsetSet;
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::OutgoingRecord;
use millrace_stream::topics::{PARTITIONS, dead_letters_of};
use millrace_tests::{tables, whole_lake};

/// Few enough that the embedded broker keeps them all.
const RECORDS: usize = 24_000;
/// The day of the scenario.
const DAY_START: Millis = Millis(1_769_817_600_000);
const GENERATION: &str = "g1";

type Ends = BTreeMap<TopicPartition, Offset>;

/// What was produced: the positions of all records, and of the broken ones their kind.
struct Produced {
    acknowledged: OffsetSet,
    /// By topic: how many records of each kind have to become dead letters.
    kinds: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

fn produce(broker: &EmbeddedBroker) -> Result<Produced> {
    let share = |text: &str| text.parse::<Share>();
    let settings = BehaviourSettings {
        broken: share("1%")?,
        repeat: share("5%")?,
        late: share("2%")?,
        ..BehaviourSettings::new(3, DAY_START, Streams::ALL)
    };
    let mut behaviour = Behaviour::new(settings)?;
    let mut batch = Batch::new();
    behaviour.fill(&mut batch, RECORDS)?;
    let producer = Producer::connect(&ClientSettings::new(broker.brokers()), None)?;
    let mut kinds: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for record in batch.iter() {
        let mut value = record.value.to_vec();
        if let Some(fault) = record.fault {
            fault.break_bytes(&mut value);
            // Users are refused before they are records; their JSON alone says something else.
            if !matches!(fault, RecordFault::User(_)) {
                *kinds.entry(record.stream.topic()).or_default().entry(fault.kind()).or_default() += 1;
            }
        }
        if matches!(record.fault, Some(RecordFault::User(_))) {
            continue;
        }
        producer.publish(&OutgoingRecord {
            topic: record.stream.topic(),
            key: record.key,
            value: Some(&value),
            timestamp: record.timestamp,
            headers: &[("content-type", Some(record.content_type().as_bytes()))],
        })?;
    }
    producer.flush()?;
    Ok(Produced { acknowledged: producer.acknowledged(), kinds })
}

/// A consumer that lands until it has taken `patience` records, and dies without a word; what it committed stays.
fn live_and_die(
    broker: &EmbeddedBroker,
    store: &Arc<dyn Store>,
    committed: &mut Ends,
    ends: &Ends,
    patience: usize,
) -> Result<bool> {
    let settings = ClientSettings::new(broker.brokers());
    let consumer = Consumer::assign(&settings, "landing", committed)?;
    let dead_letters = Arc::new(Producer::connect(&settings, None)?);
    // Small objects: commits come at many moments of a consumer's life.
    let bounds = LandSettings { partition_bytes: 20_000, batch_rows: 64, ..LandSettings::default() };
    let mut landing =
        RawWriter::new(Arc::clone(store), dead_letters, TopicGeneration::new(GENERATION)?, bounds);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut reached = committed.clone();
    let now = DAY_START.micros();
    for taken in 0.. {
        let came = consumer.next(Duration::from_millis(50), |record| {
            reached.insert(TopicPartition::new(record.topic, record.partition), record.offset.next());
            landing.push(record, now)
        })?;
        let done = reached.iter().all(|(place, next)| ends.get(place).is_none_or(|end| next > end));
        let landed = if done && came.is_none() {
            runtime.block_on(landing.roll_all(now))?
        } else {
            runtime.block_on(landing.roll_due(now))?
        };
        came.transpose()?;
        for part in landed {
            committed.insert(TopicPartition::new(part.topic, part.partition), part.next_offset);
        }
        if done && committed.iter().all(|(place, next)| ends.get(place).is_none_or(|end| next > end)) {
            return Ok(true);
        }
        if taken >= patience {
            break;
        }
    }
    Ok(false)
}

#[test]
fn consumers_that_die_lose_nothing_and_double_nothing() -> Result<()> {
    let broker = EmbeddedBroker::start()?;
    for stream in Stream::ALL {
        broker.create_topic(stream.topic(), PARTITIONS)?;
        broker.create_topic(&dead_letters_of(stream.topic()), 1)?;
    }
    let produced = produce(&broker)?;
    let lake = tempfile::tempdir()?;
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let places = Stream::ALL.into_iter().flat_map(|stream| {
        (0..PARTITIONS).map(move |partition| (TopicPartition::new(stream.topic(), partition), Offset::ZERO))
    });
    let (mut committed, ends) = (places.collect::<Ends>(), produced.acknowledged.ends());
    let (mut deaths, mut patience) = (0, 700);
    while !live_and_die(&broker, &store, &mut committed, &ends, patience)? {
        deaths += 1;
        // Of no rhythm that objects or partitions have.
        patience = 400 + (deaths * 977) % 2_600;
        ensure!(deaths < 200, "the consumers never come to an end");
    }
    ensure!(deaths >= 5, "only {deaths} consumers died");
    for stream in Stream::ALL {
        check(&broker, lake.path(), stream.topic(), &produced)?;
    }
    Ok(())
}

/// Every position of the topic is a row or a dead letter, and none is both.
fn check(broker: &EmbeddedBroker, lake: &Path, topic: &'static str, produced: &Produced) -> Result<()> {
    let table = event_catalogue::by_topic(topic).context("an event")?.table();
    let rows = tables::raw_rows(whole_lake::raw_objects_of(lake, table)?)?;
    let mut landed = OffsetSet::default();
    for position in rows.keys() {
        ensure!(position.topic == topic && position.generation == GENERATION, "{position:?} in {table}");
        landed.insert(topic, position.partition, Offset(position.offset));
    }
    let letters = letters(broker, topic)?;
    let mut kinds = BTreeMap::new();
    for (partition, offset, kind) in &letters {
        ensure!(
            landed.insert(topic, *partition, Offset(*offset)),
            "{topic} {partition}/{offset} is a row and a dead letter"
        );
        *kinds.entry(kind.as_str()).or_insert(0) += 1;
    }
    ensure!(
        landed == produced.acknowledged.of_topic(topic),
        "{topic}: rows and dead letters are not what was produced"
    );
    let wanted = produced.kinds.get(topic).cloned().unwrap_or_default();
    ensure!(kinds == wanted, "{topic}: dead letters are of {kinds:?} instead of {wanted:?}");
    Ok(())
}

/// The dead letters of a topic, by the position that they are of: one that died twice counts once.
fn letters(broker: &EmbeddedBroker, topic: &str) -> Result<BTreeSet<(i32, i64, String)>> {
    let starts = BTreeMap::from([(TopicPartition::new(dead_letters_of(topic), 0), Offset::ZERO)]);
    let consumer = Consumer::assign(&ClientSettings::new(broker.brokers()), "looking", &starts)?;
    let (mut letters, mut silence) = (BTreeSet::new(), 0);
    while silence < 20 {
        let letter = consumer.next(Duration::from_millis(100), |record| {
            let header = |name: &str| record.header(name).with_context(|| format!("no {name}"));
            ensure!(header("source-topic")? == topic);
            let (partition, offset) =
                (header("source-partition")?.parse()?, header("source-offset")?.parse()?);
            Ok((partition, offset, header("error-kind")?.to_owned()))
        })?;
        match letter.transpose()? {
            Some(letter) => drop(letters.insert(letter)),
            None => silence += 1,
        }
    }
    Ok(letters)
}
