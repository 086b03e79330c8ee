//! Letters on the embedded broker, sent back and landed again.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use land_events::{LandSettings, RawWriter};
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::{Key, Store, TopicGeneration};
use millrace_runtime::Deadline;
use millrace_stream::client::ClientSettings;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::peek::{Peek, Peeked, Start, Until};
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::OutgoingRecord;
use replay_dead_letters::{LakeLetters, QueueLetters, Report, Request, replay};
use serde_json::json;

/// 2026-02-03T04:00:00Z.
const HOUR: Millis = Millis(1_770_091_200_000);

struct Bench {
    _broker: EmbeddedBroker,
    client: ClientSettings,
    producer: Arc<Producer>,
    landed_before: Offset,
}

impl Bench {
    fn new() -> Self {
        let broker = EmbeddedBroker::start().unwrap();
        broker.create_topic("users_created", 1).unwrap();
        broker.create_topic("users_created.dlq", 1).unwrap();
        let client = ClientSettings::new(broker.brokers());
        let producer = Arc::new(Producer::connect(&client, None).unwrap());
        Self { _broker: broker, client, producer, landed_before: Offset::ZERO }
    }

    fn produce(&self, key: &str, value: &str) {
        let headers = [("content-type", Some(&b"application/json"[..])), ("trace", Some(&b"7"[..]))];
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        let record =
            OutgoingRecord { topic: "users_created", key, value, timestamp: HOUR, headers: &headers };
        self.producer.publish(&record).unwrap();
        self.producer.flush().unwrap();
    }

    /// Lands what is new in the topic: rows and dead letters.
    async fn land(&mut self) -> (u64, u64) {
        let store = Arc::new(MemoryStore::new());
        let generation = TopicGeneration::new("0001").unwrap();
        let mut landing =
            RawWriter::new(store, Arc::clone(&self.producer), generation, LandSettings::default());
        let start = Start::Offset(self.landed_before);
        let mut peek = Peek::open(&self.client, "users_created", start, Until::End).unwrap();
        while let Peeked::Record(next) = peek
            .next(Duration::from_secs(10), |record| {
                landing.push(record, HOUR.micros()).unwrap();
                record.offset.next()
            })
            .unwrap()
        {
            self.landed_before = next;
        }
        landing.roll_all(HOUR.micros()).await.unwrap();
        self.producer.flush().unwrap();
        (landing.counts().rows, landing.counts().dead_letters)
    }

    /// Of each letter in the queue: its kind, attempts and whether it was sent back once.
    fn letters(&self) -> Vec<(String, String, bool)> {
        let mut peek = Peek::open(&self.client, "users_created.dlq", Start::Beginning, Until::End).unwrap();
        let mut letters = Vec::new();
        while let Peeked::Record(letter) = peek
            .next(Duration::from_secs(10), |record| {
                let header = |name| record.header(name).map(str::to_owned);
                assert_eq!(header("trace").as_deref(), Some("7"), "its own headers are kept");
                (
                    header("error-kind").unwrap(),
                    header("attempts").unwrap(),
                    header("replayed-from").is_some(),
                )
            })
            .unwrap()
        {
            letters.push(letter);
        }
        letters
    }

    fn replay(&self, request: &Request) -> Report {
        let mut source = QueueLetters::new(self.client.clone(), "users_created");
        let report =
            replay(&mut source, &*self.producer, request, &RefusedIds::default(), Deadline::never()).unwrap();
        let left = report.passed_over + report.filtered + report.superseded + report.doubles;
        let left = left
            + report.erased
            + report.above_max_attempts
            + report.without_value
            + report.too_large
            + report.unmendable;
        assert_eq!(report.letters, report.sent + left + report.unmended + report.left, "{report:?}");
        report
    }
}

fn request(more: serde_json::Value) -> Request {
    let mut request = json!({"topic": "users_created", "dry_run": false});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(request).unwrap()
}

fn letter(kind: &str, attempts: &str, replayed: bool) -> (String, String, bool) {
    (kind.to_owned(), attempts.to_owned(), replayed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mended_letter_lands_and_an_unmended_one_comes_back_until_it_is_left() {
    let mut bench = Bench::new();
    bench.produce("a", r#"{"username":"u-1","email":["x"]}"#);
    bench.produce("b", "no json");
    assert_eq!(bench.land().await, (0, 2));
    let first = bench.letters();
    assert_eq!(first[1], letter("undecodable", "1", false));

    let rules = json!([{"when": {"kind": first[0].0}, "change": [{"drop": "/email"}]}]);
    let dry = bench.replay(&request(json!({"rules": rules, "mended_only": false, "dry_run": true})));
    assert_eq!((dry.sent, dry.mended, dry.samples.len()), (2, 1, 2));
    assert!(!format!("{dry:?}").contains("u-1") && !serde_json::to_string(&dry).unwrap().contains("u-1"));
    assert_eq!(bench.land().await, (0, 0), "a dry run sends nothing");

    let sent = bench.replay(&request(json!({"rules": rules, "mended_only": false})));
    assert_eq!((sent.sent, sent.mended, sent.next_offset), (2, 1, Offset(2)));
    assert_eq!(bench.land().await, (1, 1));
    assert_eq!(bench.letters()[2..], [letter("undecodable", "2", true)]);

    // From where the report says; the one that came back is tried a second time and then left.
    let again = request(json!({"mended_only": false, "from_offset": sent.next_offset}));
    assert_eq!(bench.replay(&again).sent, 1);
    assert_eq!(bench.land().await, (0, 1));
    assert_eq!(bench.letters()[3..], [letter("undecodable", "3", true)]);
    let report = bench.replay(&again);
    assert_eq!((report.sent, report.superseded, report.above_max_attempts), (0, 1, 1), "no loop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cap_and_the_filter_bound_a_run() {
    let mut bench = Bench::new();
    for number in 0..5 {
        bench.produce(&format!("k-{number}"), "no json");
    }
    bench.produce("k-5", r#"{"first_name":"x"}"#);
    bench.land().await;
    let capped = bench.replay(&request(json!({"mended_only": false, "cap": 2, "dry_run": true})));
    assert_eq!((capped.sent, capped.left, capped.next_offset), (2, 4, Offset(2)));
    for (filter, fits) in [
        (json!({"kind": "undecodable"}), 5),
        (json!({"kind": "no_identity"}), 1),
        (json!({"key": "k-3"}), 1),
        (json!({"source_topic": "users_created"}), 6),
        (json!({"source_topic": "randomuser_api"}), 0),
        (json!({"from": "2026-02-03T04:00:00Z", "to": "2026-02-03T04:00:00.001Z"}), 6),
        (json!({"to": "2026-02-03T04:00:00Z"}), 0),
    ] {
        let report = bench.replay(&request(json!({"filter": filter, "mended_only": false, "dry_run": true})));
        assert_eq!((report.sent, report.filtered), (fits, 6 - fits), "{filter}");
    }
    assert_eq!(bench.replay(&request(json!({}))).unmended, 6, "unmended ones are left unless asked for");
    assert!(serde_json::from_value::<Request>(json!({"topic": "t", "filters": {}})).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_the_api_goes_from_the_lake_to_its_topic_with_its_source() {
    let mut bench = Bench::new();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let lines = concat!(
        r#"{"partition":0,"offset":3,"timestamp":null,"headers":[["content-type","application/json"],["trace","7"],"#,
        r#"["error-kind","wrong_type"],["error-message","$.email is a number where a text is meant"],"#,
        r#"["source-topic","randomuser_api"],["source-partition","1"],["source-offset","4"],"#,
        r#"["source-timestamp","2026-02-03T04:00:00.000Z"],["failed-at","2026-02-03T04:00:01.000Z"],["attempts","1"]],"#,
        // {"gender":"male","email":7,"login":{"uuid":"u-9"},"nat":"GB"}
        r#""key":null,"value":"eyJnZW5kZXIiOiJtYWxlIiwiZW1haWwiOjcsImxvZ2luIjp7InV1aWQiOiJ1LTkifSwibmF0IjoiR0IifQ=="}"#,
        "\n"
    );
    // Where runs keep them, by names of all versions, and where others may have put them; what is no letter is passed over.
    for place in [
        "users_created/0001.jsonl",
        "users_created/0001-00000000000000000003.jsonl",
        "users_created.dlq/0001.jsonl",
    ] {
        let key = Key::new(format!("_dead_letters/{place}")).unwrap();
        store.put(&key, bytes::Bytes::from(lines)).await.unwrap();
    }
    let notes = Key::new("_dead_letters/users_created/notes.txt").unwrap();
    store.put(&notes, bytes::Bytes::from("mine")).await.unwrap();
    let mut source = LakeLetters::read(&store, "users_created").await.unwrap();
    let request = request(json!({
        "from": "lake", "rules": [{"when": {"path": "$.email"}, "change": [{"set": "/email", "value": "a@b"}]}],
    }));
    let report =
        replay(&mut source, &*bench.producer, &request, &RefusedIds::default(), Deadline::never()).unwrap();
    assert_eq!((report.sent, report.mended, report.doubles), (1, 1, 2));
    let mut peek = Peek::open(&bench.client, "users_created", Start::Beginning, Until::End).unwrap();
    let Peeked::Record((source, timestamp)) = peek
        .next(Duration::from_secs(10), |record| {
            (record.header("source").map(str::to_owned), record.timestamp)
        })
        .unwrap()
    else {
        panic!("nothing came")
    };
    assert_eq!((source.as_deref(), timestamp), (Some("randomuser_api"), Some(HOUR)));
    assert_eq!(bench.land().await, (1, 0));
}
