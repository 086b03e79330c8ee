//! The driver with land-events in this process, and over a Lambda endpoint's HTTP.

#![allow(clippy::unwrap_used)]

use millrace_events::failure::Classified;
use millrace_events::instant::{Micros, Millis};
use millrace_events::position::{Offset, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use land_events::Function;
use millrace_event_source::http_invoke::HttpInvoke;
use millrace_event_source::invoke::{Invoke, InvokeError, Invoked};
use millrace_event_source::on_failure_destination::{FailureDestination, InMemory, ToFile};
use millrace_event_source::{BatchPolicy, Driver, OwnedRecord};
use millrace_lake::{FolderStore, RawObjectName, Store};
use millrace_runtime::Deadline;
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::peek::{Peek, Peeked, Start, Until};
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::OutgoingRecord;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// land-events, which fails when the script says so.
struct InProcess {
    function: Function,
    errs: std::sync::Mutex<u32>,
}

#[async_trait]
impl Invoke for InProcess {
    async fn invoke(&self, payload: Vec<u8>) -> Result<Invoked, InvokeError> {
        {
            let mut errs = self.errs.lock().unwrap();
            if *errs > 0 {
                *errs -= 1;
                return Ok(Invoked::FunctionError("scripted".to_owned()));
            }
        }
        let event = serde_json::from_slice(&payload).unwrap();
        match self.function.invoke(&event, Micros(1_770_091_200_000_000), Deadline::never()).await {
            Ok(answer) => Ok(Invoked::Answer(serde_json::to_vec(&answer).unwrap())),
            Err(error) => Ok(Invoked::FunctionError(error.to_string())),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafkas_records_land_through_the_function_and_poison_reaches_the_queue() {
    const RECORDS: i64 = 300;
    let broker = EmbeddedBroker::start().unwrap();
    broker.create_topic("users_created", 3).unwrap();
    broker.create_topic("users_created.dlq", 1).unwrap();
    let client = ClientSettings::new(broker.brokers());
    let producer = Producer::connect(&client, None).unwrap();
    let headers = [("content-type", Some(&b"application/json"[..]))];
    for number in 0..RECORDS {
        let user = format!(r#"{{"user_id":"u-{number}"}}"#);
        let value = if number % 100 == 7 { "no json" } else { user.as_str() };
        let (key, topic, timestamp) = (number.to_string(), "users_created", Millis(1_770_091_200_000));
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        producer.publish(&OutgoingRecord { topic, key, value, timestamp, headers: &headers }).unwrap();
    }
    producer.flush().unwrap();

    let lake = tempfile::tempdir().unwrap();
    let settings = [
        ("MILLRACE_LAKE", lake.path().to_str().unwrap().to_owned()),
        ("MILLRACE_GENERATION", "0001".to_owned()),
        ("MILLRACE_BROKERS", broker.brokers()),
    ];
    let environment = Environment::of(settings.map(|(key, value)| (key.to_owned(), value)));
    let function = Function::new(environment, Arc::new(SecretsExtension::new(1, None)));
    let driver = Driver {
        policy: BatchPolicy { records: 40, window: Duration::from_millis(50), ..BatchPolicy::default() },
        invoke: InProcess { function, errs: std::sync::Mutex::new(2) },
        on_failure: InMemory::default(),
        bootstrap_servers: broker.brokers(),
        pause: Duration::from_millis(1),
    };
    let starts = (0..3).map(|p| (TopicPartition::new("users_created", p), Offset::ZERO)).collect();
    let consumer = Consumer::assign(&client, "driver", &starts).unwrap();
    let report = driver
        .run(Box::new(consumer), std::future::pending(), |report| report.read >= RECORDS as u64)
        .await
        .unwrap();
    assert_eq!((report.read, report.done, report.given_up), (300, 300, 0));
    assert!(report.redelivered > 0 && report.invocations > 7);

    let objects = FolderStore::new(lake.path()).list("raw/users/").await.unwrap();
    let names: Vec<_> = objects.iter().map(|object| RawObjectName::of_key(&object.key).unwrap()).collect();
    let mut ends = BTreeMap::new();
    for name in &names {
        let end = ends.entry(name.partition()).or_insert(Offset::ZERO);
        *end = name.last_offset().max(*end);
    }
    assert_eq!(ends.len(), 3);
    let mut letters = Peek::open(&client, "users_created.dlq", Start::Beginning, Until::End).unwrap();
    let mut kinds = Vec::new();
    while let Peeked::Record(kind) = letters
        .next(Duration::from_secs(10), |record| record.header("error-kind").unwrap().to_owned())
        .unwrap()
    {
        kinds.push(kind);
    }
    assert_eq!(kinds, ["undecodable"; 3]);
}

/// Answers each call with the next response, and tells the heads and bodies heard.
async fn endpoint(responses: Vec<&'static str>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        for response in responses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4_096];
            let mut request = String::new();
            while !request.ends_with("{}") {
                let read = stream.read(&mut buffer).await.unwrap();
                request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
            stream.write_all(response.as_bytes()).await.unwrap();
            heard.push(request);
        }
        heard
    });
    (address, heard)
}

#[tokio::test]
async fn an_endpoint_answers_errs_and_refuses() {
    let (address, heard) = endpoint(vec![
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnull",
        "HTTP/1.1 200 OK\r\nx-amz-function-error: Unhandled\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ])
    .await;
    let invoke = HttpInvoke::new(&address, "land-events", Duration::from_secs(10)).unwrap();
    let call = || invoke.invoke(b"{}".to_vec());
    assert_eq!(call().await.unwrap(), Invoked::Answer(b"null".to_vec()));
    assert_eq!(call().await.unwrap(), Invoked::FunctionError("{}".to_owned()));
    let error = call().await.unwrap_err();
    assert_eq!(error.class(), millrace_events::failure::Class::Retry);
    let error = call().await.unwrap_err();
    assert_eq!(error.to_string(), format!("{address} refused to invoke land-events with status 404"));
    let first = heard.await.unwrap().remove(0);
    assert!(first.starts_with("POST /2015-03-31/functions/land-events/invocations HTTP/1.1"), "{first}");
    assert!(HttpInvoke::new("ftp://x", "f", Duration::from_secs(1)).is_err());
}

#[tokio::test]
async fn what_is_given_up_can_be_invoked_again_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given-up.jsonl");
    let topic = "t".to_owned();
    let record = OwnedRecord {
        topic,
        partition: 0,
        offset: Offset(9),
        timestamp: Some(Millis(1)),
        key: None,
        value: Some(b"v".to_vec()),
        headers: vec![],
    };
    let file = ToFile::new(&path);
    file.keep(std::slice::from_ref(&record)).await.unwrap();
    file.keep(std::slice::from_ref(&record)).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2);
    let event = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let read = millrace_stream::lambda_event::records(&event).unwrap();
    assert!(OwnedRecord::from(&read[0].as_record()) == record);
}
