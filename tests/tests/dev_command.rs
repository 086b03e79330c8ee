//! `millrace dev`: what AWS does between Kafka and a function, with a function that fails now and then.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::topics::{PARTITIONS, dead_letters_of};
use millrace_tests::program::{Ended, millrace};
use serde_json::{Value, json};

/// How often each record was delivered and done, by partition and offset.
type Done = Arc<Mutex<BTreeMap<(i64, i64), u32>>>;

/// Answers as Lambda's endpoint does. Of each third payload it names the last record as failed.
fn function(done: Done) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || serve(&listener, &done));
    Ok(format!("http://{address}"))
}

fn serve(listener: &TcpListener, done: &Done) {
    for (number, stream) in listener.incoming().flatten().enumerate() {
        // A connection that breaks is a failed invocation, which is delivered again.
        let _ = invoked(stream, number, done);
    }
}

/// One that is not there yet, then refuses what it is given, then has its first event wait while it is built, as
/// `cargo lambda watch` does; from then on as [`function`].
fn built_with_its_first_event(done: Done) -> Result<String> {
    // Bound and left: whoever connects is refused.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    std::thread::spawn(move || -> Result<()> {
        std::thread::sleep(Duration::from_secs(2));
        let listener = TcpListener::bind(address)?;
        for stream in listener.incoming().flatten().take(2) {
            refuse(stream)?;
        }
        let (first, _) = listener.accept()?;
        std::thread::sleep(Duration::from_secs(6));
        invoked(first, 0, &done)?;
        serve(&listener, &done);
        Ok(())
    });
    Ok(format!("http://{address}"))
}

fn refuse(mut stream: TcpStream) -> Result<()> {
    read_payload(&stream)?;
    write!(stream, "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(())
}

fn read_payload(stream: &TcpStream) -> Result<Value> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

fn invoked(mut stream: TcpStream, number: usize, done: &Done) -> Result<()> {
    let event = read_payload(&stream)?;
    let mut failures = Vec::new();
    for (partition, records) in event["records"].as_object().context("records")? {
        let records = records.as_array().context("a list")?;
        let mut before = -1;
        for (place, record) in records.iter().enumerate() {
            let offset = record["offset"].as_i64().context("an offset")?;
            assert!(offset > before, "the records of {partition} are out of order");
            before = offset;
            if number % 3 == 2 && place + 1 == records.len() {
                failures.push(json!({ "itemIdentifier": { "partition": partition, "offset": offset } }));
            } else {
                let place = (record["partition"].as_i64().context("a partition")?, offset);
                *done.lock().expect("no test thread panicked").entry(place).or_default() += 1;
            }
        }
    }
    let answer = json!({ "batchItemFailures": failures }).to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )?;
    Ok(())
}

#[test]
fn every_record_is_delivered_until_it_is_done() -> Result<()> {
    let broker = EmbeddedBroker::start()?;
    broker.create_topic("user_interactions", PARTITIONS)?;
    broker.create_topic(&dead_letters_of("user_interactions"), 1)?;
    let brokers = broker.brokers();
    let simulate =
        ["simulate", "--streams", "interactions", "--events", "700", "--seed", "3", "--brokers", &brokers];
    ensure!(Ended::of(millrace(&simulate)?)?.code == Some(0));

    let done = Done::default();
    let endpoint = function(Arc::clone(&done))?;
    let folder = tempfile::tempdir()?;
    let failed = folder.path().join("failed.jsonl").to_string_lossy().into_owned();
    let dev = [
        "dev",
        "--brokers",
        &brokers,
        "--topics",
        "user_interactions",
        "--endpoint",
        &endpoint,
        "--batch",
        "50",
        "--window",
        "100",
        "--until-idle",
        "8",
        "--on-failure",
        &failed,
        "--json",
    ];
    let ended = Ended::of(millrace(&dev)?)?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    let told: Value = serde_json::from_str(&ended.stdout)?;
    ensure!(told["done"] == 700 && told["given_up"] == 0, "{told}");
    ensure!(told["redelivered"].as_u64().unwrap_or(0) > 0, "nothing failed: {told}");
    let done = done.lock().expect("no test thread panicked");
    ensure!(done.len() == 700, "{} records of 700 were done", done.len());
    ensure!(done.values().all(|times| *times == 1), "what was done came again");
    Ok(())
}

#[test]
fn a_function_that_is_built_with_its_first_event_is_given_nothing_twice() -> Result<()> {
    let broker = EmbeddedBroker::start()?;
    broker.create_topic("user_interactions", PARTITIONS)?;
    broker.create_topic(&dead_letters_of("user_interactions"), 1)?;
    let brokers = broker.brokers();
    let simulate = ["simulate", "--streams", "interactions", "--events", "400", "--brokers", &brokers];
    ensure!(Ended::of(millrace(&simulate)?)?.code == Some(0));

    let done = Done::default();
    let endpoint = built_with_its_first_event(Arc::clone(&done))?;
    let begin = Instant::now();
    let dev = [
        "dev",
        "--brokers",
        &brokers,
        "--topics",
        "user_interactions",
        "--endpoint",
        &endpoint,
        "--until-idle",
        "3",
        "--json",
    ];
    let ended = Ended::of(millrace(&dev)?)?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    ensure!(begin.elapsed() > Duration::from_secs(8), "the function was there at once");
    let told: Value = serde_json::from_str(&ended.stdout)?;
    ensure!(told["read"] == 400 && told["done"] == 400 && told["moved"] == 0 && told["left"] == 0, "{told}");
    // Told once, however often it was tried.
    ensure!(ended.stderr.matches("function_not_invoked").count() == 1, "{}", ended.stderr);
    let done = done.lock().expect("no test thread panicked");
    ensure!(done.len() == 400 && done.values().all(|times| *times == 1), "lost, or given twice");
    Ok(())
}
