//! A real broker of the test's own, killed with kill −9 in mid-flow: nothing is lost, nothing doubled.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod real_cluster;

use millrace_events::failure::Classified;
use millrace_events::position::{Offset, TopicPartition};
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::producer::{Producer, Publisher};
use real_cluster::{PATIENCE, await_partitions, create, from_the_start, named, record};

const TOPIC: &str = "through_a_kill";
const PARTITIONS: i32 = 3;
const RECORDS: u32 = 20_000;

/// One broker that is its own controller, plain, in a folder of its own.
struct Broker {
    lib: String,
    folder: PathBuf,
    brokers: String,
    child: Option<Child>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Broker {
    fn new(lib: String, folder: &Path) -> Self {
        let (plain, controller) = (free_port(), free_port());
        // As cargo xtask has it (xtask/src/servers/kafka_properties.rs), without the second listener.
        let properties = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\nlog.dirs={}\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
             auto.create.topics.enable=false\nlog.flush.interval.messages=1\n\
             broker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\n",
            folder.join("data").display()
        );
        std::fs::write(folder.join("server.properties"), properties).unwrap();
        let broker =
            Self { lib, folder: folder.to_owned(), brokers: format!("127.0.0.1:{plain}"), child: None };
        let mut format = broker.java("kafka.tools.StorageTool");
        format.args(["format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", "server.properties"]);
        assert!(format.status().unwrap().success());
        broker
    }

    fn java(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx384m", "-XX:+UseSerialGC", "-cp", &format!("{}/*", self.lib), class]);
        java.current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        java
    }

    fn start(&mut self) {
        self.child = Some(self.java("kafka.Kafka").arg("server.properties").spawn().unwrap());
        let begin = Instant::now();
        while TcpStream::connect(&self.brokers).is_err() {
            assert!(begin.elapsed() < PATIENCE, "the broker does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// SIGKILL: it has no time to write anything.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test]
async fn a_broker_that_is_killed_loses_and_doubles_nothing() {
    let Some(lib) = named("MILLRACE_TEST_KAFKA_LIB") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::new(lib, folder.path());
    broker.start();
    let settings = ClientSettings {
        reach_timeout: Duration::from_secs(30),
        delivery_timeout: PATIENCE,
        ..ClientSettings::new(&broker.brokers)
    };
    create(&broker.brokers, TOPIC, PARTITIONS).await;
    await_partitions(&settings, TOPIC, Some(PARTITIONS));

    let (produced, landed) = (AtomicU32::new(0), AtomicU32::new(0));
    let mut lake: BTreeMap<(i32, i64), u32> = BTreeMap::new();
    let acknowledged = std::thread::scope(|scope| {
        let producing = scope.spawn(|| {
            let producer = Producer::connect(&settings, None).unwrap();
            for number in 0..RECORDS {
                producer.publish(&record(TOPIC, number.to_string().as_bytes())).unwrap();
                produced.store(number, Ordering::Relaxed);
                // Slow enough that the broker dies in the middle.
                if number % 100 == 0 {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            producer.flush().unwrap();
            producer.acknowledged()
        });
        let landing = scope.spawn(|| {
            let starts = from_the_start(TOPIC, PARTITIONS);
            let consumer = Consumer::assign(&settings, "landing", &starts).unwrap();
            let begin = Instant::now();
            while lake.len() < RECORDS as usize {
                assert!(begin.elapsed() < PATIENCE * 2, "{} of {RECORDS} records came", lake.len());
                let taken = consumer.next(Duration::from_millis(200), |record| {
                    let number = std::str::from_utf8(record.value.unwrap()).unwrap().parse::<u32>().unwrap();
                    ((record.partition, record.offset.get()), number)
                });
                let Some((place, number)) = taken.unwrap() else { continue };
                assert!(lake.insert(place, number).is_none(), "{place:?} came twice");
                landed.store(u32::try_from(lake.len()).unwrap(), Ordering::Relaxed);
                if lake.len().is_multiple_of(500) {
                    // One that the dying broker does not take is followed by another.
                    match consumer.commit(TOPIC, place.0, Offset(place.1 + 1)) {
                        Ok(()) => {}
                        Err(error) => {
                            assert_eq!(error.class(), millrace_events::failure::Class::Retry, "{error:?}");
                        }
                    }
                }
            }
        });
        let in_mid_flow = |count: &AtomicU32, least: u32| {
            let begin = Instant::now();
            while count.load(Ordering::Relaxed) < least {
                assert!(begin.elapsed() < PATIENCE, "the flow does not begin");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        in_mid_flow(&landed, RECORDS / 4);
        broker.kill();
        let before = produced.load(Ordering::Relaxed);
        assert!(before < RECORDS - 1, "it was killed after the end");
        std::thread::sleep(Duration::from_secs(1));
        broker.start();
        let acknowledged = producing.join().unwrap();
        landing.join().unwrap();
        acknowledged
    });

    assert_eq!(acknowledged.len(), u64::from(RECORDS));
    let mut places: BTreeMap<u32, Vec<(i32, i64)>> = BTreeMap::new();
    for (place, number) in &lake {
        places.entry(*number).or_default().push(*place);
    }
    let doubled: Vec<_> = places.iter().filter(|(_, places)| places.len() > 1).collect();
    let lost: Vec<_> = (0..RECORDS).filter(|number| !places.contains_key(number)).collect();
    assert!(doubled.is_empty() && lost.is_empty(), "doubled {doubled:?}, lost {lost:?}");
    for partition in 0..PARTITIONS {
        let offsets = lake.keys().filter(|(of, _)| *of == partition).map(|(_, offset)| *offset);
        let offsets: Vec<_> = offsets.collect();
        assert!(offsets.iter().copied().eq(0..offsets.len() as i64), "no gap in partition {partition}");
        let last = acknowledged.ends()[&TopicPartition::new(TOPIC, partition)];
        assert_eq!(last.get() + 1, offsets.len() as i64, "what was acknowledged is what was read");
    }
}
