//! Simulated events in a topic of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use millrace_events::event_catalogue::by_topic;
use millrace_events::frame::Encoding;
use millrace_events::instant::Millis;
use millrace_events::row::RowBuffer;
use millrace_sources::{Batch, Behaviour, BehaviourSettings, Share, Stream};
use millrace_stream::client::ClientSettings;
use millrace_stream::offset_set::OffsetSet;
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::OutgoingRecord;
use millrace_stream::topics::Topics;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use tokio::runtime::Builder;

/// What a record carries beside its event, as traced producers send it.
const TRACE: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CHUNK: usize = 10_000;

/// What a topic was filled with.
#[derive(Debug)]
pub(crate) struct Filled {
    /// Of keys, values and headers.
    pub(crate) bytes: u64,
    pub(crate) acknowledged: OffsetSet,
    /// How many records of each kind have to become dead letters.
    pub(crate) poison: BTreeMap<&'static str, u64>,
}

/// Makes the stream's topic and fills it; `broken` of the records cannot be rows.
pub(crate) fn fill(
    brokers: &str,
    stream: Stream,
    encoding: Encoding,
    records: usize,
    broken: Share,
) -> anyhow::Result<Filled> {
    create(brokers, stream.topic())?;
    // A broker takes no record that is stamped more than an hour from now, and keeps old ones no longer than it likes.
    let start = Millis(now_millis() - 24 * 3_600_000);
    let mut settings = BehaviourSettings::new(7, start, stream.into());
    (settings.first_users, settings.acts_per_second, settings.broken) = (20_000, 2_000.0, broken);
    let mut behaviour = Behaviour::new(settings)?;
    let event = by_topic(stream.topic()).context("the stream has an event")?;
    let headers: [(&str, Option<&[u8]>); 4] = [
        ("content-type", Some(encoding.content_type().as_bytes())),
        ("event-type", Some(event.message().as_bytes())),
        ("schema-version", Some(b"1")),
        ("traceparent", Some(TRACE)),
    ];
    let of_headers: usize =
        headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum();
    let producer = Producer::connect(&ClientSettings::new(brokers), None)?;
    let (mut batch, mut row, mut value) = (Batch::new(), RowBuffer::new(event), Vec::new());
    let (mut sent, mut bytes, mut poison) = (0, 0, BTreeMap::new());
    while sent < records {
        batch.clear();
        behaviour.fill(&mut batch, CHUNK.min(records - sent))?;
        for record in batch.iter() {
            value.clear();
            match encoding {
                Encoding::Protobuf => value.extend_from_slice(record.value),
                _ => event.transcode(record.value, encoding, None, &mut row, &mut value)?,
            }
            if let Some(fault) = record.fault {
                fault.break_bytes(&mut value);
                *poison.entry(fault.kind()).or_insert(0) += 1;
            }
            producer.publish(&OutgoingRecord {
                topic: stream.topic(),
                key: record.key,
                value: Some(&value),
                timestamp: record.timestamp,
                headers: &headers,
            })?;
            bytes += (record.key.map_or(0, <[u8]>::len) + value.len() + of_headers) as u64;
            sent += 1;
        }
    }
    producer.flush()?;
    Ok(Filled { bytes, acknowledged: producer.acknowledged(), poison })
}

fn create(brokers: &str, topic: &str) -> anyhow::Result<()> {
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let new = NewTopic::new(topic, crate::PARTITIONS, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    let made = Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(admin.create_topics([&new], &options))?;
    ensure!(
        made.iter().all(Result::is_ok),
        "the topic {topic} could not be made ({made:?}): give a broker that has none, as cargo xtask bench land starts it"
    );
    // A broker answers that it is made before it tells everybody of it.
    let topics = Topics::connect(&ClientSettings::new(brokers))?;
    for _ in 0..100 {
        if topics.partitions(topic)? == Some(crate::PARTITIONS) && topics.watermarks(topic).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    anyhow::bail!("the topic {topic} was made and is not there after 10 s")
}

/// Milliseconds since 1970, UTC.
fn now_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
