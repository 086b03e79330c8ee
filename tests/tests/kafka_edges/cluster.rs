//! A real Kafka with the topics of one test, as other programs write to it: by librdkafka alone.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use millrace_skips::skipped;
use millrace_tests::program::{Ended, millrace};
use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// The topics are the contract's own, so each test has another, made anew at its begin and gone at its end.
pub(crate) struct Cluster {
    pub(crate) brokers: String,
    topics: Vec<String>,
    runtime: tokio::runtime::Runtime,
}

pub(crate) type Sender = ThreadedProducer<DefaultProducerContext>;

impl Cluster {
    /// `topic` with one partition and `settings`, and its dead letters' topic as the broker makes it unless told otherwise.
    pub(crate) fn with(topic: &str, settings: &[(&str, &str)]) -> Result<Option<Self>> {
        let Ok(brokers) = std::env::var("MILLRACE_TEST_KAFKA") else {
            skipped("edges of Kafka", "MILLRACE_TEST_KAFKA names no broker; cargo xtask test starts one");
            return Ok(None);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let cluster = Self { brokers, topics: vec![topic.to_owned(), format!("{topic}.dlq")], runtime };
        cluster.delete()?;
        let own = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
        let own = settings.iter().fold(own, |own, (name, value)| own.set(name, value));
        let letters = NewTopic::new(&cluster.topics[1], 1, TopicReplication::Fixed(1));
        let admin = cluster.admin()?;
        let begin = Instant::now();
        for new in [own, letters] {
            // A topic of that name may still be on its way out.
            loop {
                let made = cluster.runtime.block_on(admin.create_topics([&new], &options()))?;
                match made.into_iter().next().context("an answer")? {
                    Ok(_) => break,
                    Err((topic, code)) if begin.elapsed() > PATIENCE => bail!("{topic}: {code}"),
                    Err(_) => std::thread::sleep(Duration::from_millis(200)),
                }
            }
        }
        Ok(Some(cluster))
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        Ok(ClientConfig::new().set("bootstrap.servers", &self.brokers).create()?)
    }

    fn delete(&self) -> Result<()> {
        let topics: Vec<_> = self.topics.iter().map(String::as_str).collect();
        // Those that are not there are what is wanted.
        self.runtime.block_on(self.admin()?.delete_topics(&topics, &options()))?;
        Ok(())
    }

    pub(crate) fn add_partitions(&self, topic: &str, count: usize) -> Result<()> {
        let new = NewPartitions::new(topic, count);
        let made = self.runtime.block_on(self.admin()?.create_partitions([&new], &options()))?;
        made.into_iter().try_for_each(|made| made.map(drop).map_err(|(_, code)| anyhow::anyhow!("{code}")))
    }

    /// Removes all that the partition holds, as retention does after its time.
    pub(crate) fn expire(&self, topic: &str) -> Result<()> {
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(topic, 0, rdkafka::Offset::End)?;
        self.runtime.block_on(self.admin()?.delete_records(&all, &options()))?;
        Ok(())
    }

    /// The offsets of the records that the partition holds.
    pub(crate) fn held(&self, topic: &str) -> Result<Vec<i64>> {
        let mut config = ClientConfig::new();
        let consumer: BaseConsumer =
            config.set("bootstrap.servers", &self.brokers).set("group.id", "edges-looks").create()?;
        let (_, end) = consumer.fetch_watermarks(topic, 0, PATIENCE)?;
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(topic, 0, rdkafka::Offset::Beginning)?;
        consumer.assign(&all)?;
        let mut held = Vec::new();
        // The newest record is never compacted away.
        while held.last().is_none_or(|last| last + 1 < end) {
            held.push(consumer.poll(PATIENCE).context("no record came")??.offset());
        }
        Ok(held)
    }

    /// Writes these values under one key, each into a segment of its own, and waits until all but two are compacted away: the newest,
    /// which stands in the open segment, and the one before it. Nothing more goes until something is written. Answers the offsets that
    /// are left. For a topic with `segment.ms`.
    pub(crate) fn compacted(&self, topic: &str, values: &[String]) -> Result<Vec<i64>> {
        let sender = self.sender()?;
        for value in values {
            send_under(&sender, topic, 0, Some("one"), std::slice::from_ref(value))?;
            std::thread::sleep(Duration::from_millis(300));
        }
        let begin = Instant::now();
        loop {
            let held = self.held(topic)?;
            if held.len() <= 2 {
                return Ok(held);
            }
            ensure!(begin.elapsed() < PATIENCE, "it was not compacted to the end: {held:?}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    pub(crate) fn sender(&self) -> Result<Sender> {
        let mut config = ClientConfig::new();
        Ok(config.set("bootstrap.servers", &self.brokers).set("message.max.bytes", "5242880").create()?)
    }

    /// A producer of transactions, in one that it has begun.
    pub(crate) fn in_transaction(&self) -> Result<Sender> {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let id = format!("edges-{}-{number}", std::process::id());
        let mut config = ClientConfig::new();
        let sender: Sender =
            config.set("bootstrap.servers", &self.brokers).set("transactional.id", id).create()?;
        sender.init_transactions(PATIENCE)?;
        sender.begin_transaction()?;
        Ok(sender)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ended> {
        Ended::of(millrace(&[arguments, &["--brokers", &self.brokers]].concat())?)
    }

    /// `millrace land` until nothing came for some seconds.
    pub(crate) fn land(&self, lake: &str, topic: &str, group: &str) -> Result<Ended> {
        let arguments = ["land", "--topics", topic, "--group", group, "--lake", lake, "--generation", "g1"];
        self.run(&[&arguments[..], &["--age", "1", "--until-idle", "4", "--json"]].concat())
    }

    /// `millrace land` of offsets of partition 0, both included.
    pub(crate) fn land_range(&self, lake: &str, topic: &str, [from, to]: [i64; 2]) -> Result<Ended> {
        let (from, to) = (from.to_string(), to.to_string());
        let arguments = ["land", "--topic", topic, "--partition", "0", "--from", &from, "--to", &to];
        self.run(&[&arguments[..], &["--lake", lake, "--generation", "g1", "--json"]].concat())
    }

    /// What `millrace topics` tells of one, as JSON.
    pub(crate) fn look(&self, topic: &str, group: &str) -> Result<Value> {
        let ended = self.run(&["topics", "--topic", topic, "--group", group, "--json"])?;
        ensure!(ended.code == Some(0), "{}", ended.stderr);
        Ok(serde_json::from_str::<Value>(&ended.stdout)?["topics"][0].take())
    }

    /// How far the group is behind; it is told once.
    pub(crate) fn lag(&self, topic: &str, group: &str) -> Result<i64> {
        let told = self.look(topic, group)?;
        let groups = told["groups"].as_array().context("groups")?;
        ensure!(groups.len() == 1, "the group is told {} times: {told}", groups.len());
        groups[0]["lag"].as_i64().context("a lag")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.delete();
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE))
}

/// Sends JSON values and waits until they are written.
pub(crate) fn send(sender: &Sender, topic: &str, partition: i32, values: &[String]) -> Result<()> {
    send_under(sender, topic, partition, None, values)
}

fn send_under(
    sender: &Sender,
    topic: &str,
    partition: i32,
    key: Option<&str>,
    values: &[String],
) -> Result<()> {
    for value in values {
        let header = Header { key: "content-type", value: Some("application/json") };
        let headers = OwnedHeaders::new().insert(header);
        let record: BaseRecord<'_, str, str> =
            BaseRecord::to(topic).partition(partition).payload(value.as_str()).headers(headers);
        let record = BaseRecord { key, ..record };
        sender.send(record).map_err(|(error, _)| error)?;
    }
    sender.flush(PATIENCE)?;
    Ok(())
}

pub(crate) fn commit(sender: &Sender) -> Result<()> {
    Ok(sender.commit_transaction(PATIENCE)?)
}

pub(crate) fn abort(sender: &Sender) -> Result<()> {
    Ok(sender.abort_transaction(PATIENCE)?)
}
