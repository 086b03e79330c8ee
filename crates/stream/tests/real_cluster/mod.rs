//! A real Kafka for tests: the one that `cargo xtask test` (or `up`) started and the MILLRACE_TEST_KAFKA variables name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use millrace_events::instant::Millis;
use millrace_events::position::{Offset, TopicPartition};
use millrace_runtime::Secret;
use millrace_skips::skipped;
use millrace_stream::authority::Authority;
use millrace_stream::client::ClientSettings;
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::OutgoingRecord;
use millrace_stream::security::Security;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

/// How long a test waits for what has to come: far beyond what it takes, so that only a hang ends there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The value of a variable of the cluster; without it, says that `check` was skipped.
pub(crate) fn named(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok();
    if value.is_none() {
        skipped("real Kafka", &format!("{variable} names none; cargo xtask test starts one"));
    }
    value
}

/// The machine may be building something beside.
pub(crate) fn patient(brokers: String) -> ClientSettings {
    ClientSettings { reach_timeout: Duration::from_secs(30), ..ClientSettings::new(brokers) }
}

pub(crate) fn plain() -> Option<ClientSettings> {
    named("MILLRACE_TEST_KAFKA").map(patient)
}

/// The listener with SASL_SSL, and what opens it.
pub(crate) struct Guarded {
    pub(crate) brokers: String,
    pub(crate) user: String,
    pub(crate) password: Secret,
    pub(crate) ca: PathBuf,
}

impl Guarded {
    pub(crate) fn find() -> Option<Self> {
        Some(Self {
            brokers: named("MILLRACE_TEST_KAFKA_TLS")?,
            user: named("MILLRACE_TEST_KAFKA_USER")?,
            password: Secret::new(named("MILLRACE_TEST_KAFKA_PASSWORD")?),
            ca: named("MILLRACE_TEST_KAFKA_CA")?.into(),
        })
    }

    pub(crate) fn scram(&self) -> Security {
        let (user, password) = (self.user.clone(), self.password.clone());
        Security::Scram { user, password, ca: Some(Authority::File(self.ca.clone())) }
    }

    pub(crate) fn settings(&self, security: Security) -> ClientSettings {
        patient(self.brokers.clone()).secured(security)
    }
}

/// A name that no test and no run before has used.
pub(crate) fn fresh(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{name}.{}.{}.{number}", std::process::id(), since_1970.as_nanos())
}

pub(crate) fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

pub(crate) async fn create(brokers: &str, topic: &str, partitions: i32) {
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let made = admin(brokers).create_topics(&[topic], &options).await.unwrap();
    made.into_iter().for_each(|made| drop(made.unwrap()));
}

/// Waits until a topic has as many partitions, `None`: until it is gone.
pub(crate) fn await_partitions(settings: &ClientSettings, topic: &str, partitions: Option<i32>) {
    let begin = std::time::Instant::now();
    while millrace_stream::topics::Topics::connect(settings).unwrap().partitions(topic).unwrap() != partitions
    {
        assert!(begin.elapsed() < PATIENCE, "{topic} does not come to have {partitions:?} partitions");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The first offset of each of a topic's partitions.
pub(crate) fn from_the_start(topic: &str, partitions: i32) -> BTreeMap<TopicPartition, Offset> {
    (0..partitions).map(|partition| (TopicPartition::new(topic, partition), Offset::ZERO)).collect()
}

/// Produces the numbers as keys and values, and waits until they are safe.
pub(crate) fn produce(producer: &Producer, topic: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let text = number.to_string();
        producer.publish(&record(topic, text.as_bytes())).unwrap();
    }
    producer.flush().unwrap();
}

pub(crate) fn record<'a>(topic: &'a str, text: &'a [u8]) -> OutgoingRecord<'a> {
    // Of now: a broker forgets the sequence of a producer whose records are older than a day, see `Publisher`.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let timestamp = Millis(i64::try_from(now.as_millis()).unwrap());
    OutgoingRecord { topic, key: Some(text), value: Some(text), timestamp, headers: &[] }
}
