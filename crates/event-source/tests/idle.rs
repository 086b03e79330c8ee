//! A source may commit what is never given only when all that was given is settled.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use millrace_event_source::invoke::{Invoke, InvokeError, Invoked};
use millrace_event_source::on_failure_destination::InMemory;
use millrace_event_source::source::RecordSource;
use millrace_event_source::{BatchPolicy, Driver, OwnedRecord};
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_stream::StreamError;

struct Done;

#[async_trait]
impl Invoke for Done {
    async fn invoke(&self, _payload: Vec<u8>) -> Result<Invoked, InvokeError> {
        Ok(Invoked::Answer(b"null".to_vec()))
    }
}

/// One record, then nothing more; writes down what it is told.
struct Script {
    record: Option<OwnedRecord>,
    told: Arc<Mutex<Vec<String>>>,
}

impl RecordSource for Script {
    fn poll(&mut self, _patience: Duration) -> Result<Option<OwnedRecord>, StreamError> {
        std::thread::sleep(Duration::from_millis(1));
        Ok(self.record.take())
    }

    fn commit(&mut self, topic: &str, partition: i32, next_offset: Offset) -> Result<(), StreamError> {
        self.told.lock().unwrap().push(format!("commit {topic}/{partition} {next_offset}"));
        Ok(())
    }

    fn idle(&mut self) -> Result<(), StreamError> {
        self.told.lock().unwrap().push("idle".to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn it_is_idle_once_what_was_read_is_committed() {
    let record = OwnedRecord {
        topic: "t".to_owned(),
        partition: 0,
        offset: Offset(7),
        timestamp: Some(Millis(1)),
        key: None,
        value: None,
        headers: Vec::new(),
    };
    let told = Arc::new(Mutex::new(Vec::new()));
    let source = Script { record: Some(record), told: Arc::clone(&told) };
    let driver = Driver {
        // The record waits for others while nothing more comes.
        policy: BatchPolicy { window: Duration::from_millis(100), ..BatchPolicy::default() },
        invoke: Done,
        on_failure: InMemory::default(),
        bootstrap_servers: "b:9092".to_owned(),
        pause: Duration::ZERO,
    };
    let heard = Arc::clone(&told);
    driver.run(Box::new(source), std::future::pending(), |_| heard.lock().unwrap().len() > 2).await.unwrap();
    assert_eq!(told.lock().unwrap()[..3], ["commit t/0 8", "idle", "idle"]);
}
