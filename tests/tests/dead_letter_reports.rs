//! `millrace land` and `dev` tell of the records that became dead letters: how many of how many, why, and at the first one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use land_events::Function;
use millrace_events::instant::Micros;
use millrace_runtime::Deadline;
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_stream::client::ClientSettings;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::topics::{Topics, dead_letters_of};
use millrace_tests::program::{Ended, millrace};
use serde_json::Value;

const TOPIC: &str = "user_interactions";
const EVENTS: u64 = 600;

/// A topic of which a share is broken.
fn broker(broken: &str) -> Result<EmbeddedBroker> {
    let broker = EmbeddedBroker::start()?;
    broker.create_topic(TOPIC, 3)?;
    broker.create_topic(&dead_letters_of(TOPIC), 1)?;
    send(&broker, broken)?;
    Ok(broker)
}

fn send(broker: &EmbeddedBroker, broken: &str) -> Result<()> {
    let (brokers, events) = (broker.brokers(), EVENTS.to_string());
    let simulate =
        ["simulate", "--streams", "interactions", "--events", &events, "--seed", "3", "--broken", broken];
    let ended = Ended::of(millrace(&[&simulate[..], &["--brokers", &brokers]].concat())?)?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    Ok(())
}

fn letters(broker: &EmbeddedBroker) -> Result<u64> {
    let marks =
        Topics::connect(&ClientSettings::new(broker.brokers()))?.watermarks(&dead_letters_of(TOPIC))?;
    Ok(u64::try_from(marks.values().map(|marks| marks.end.get()).sum::<i64>())?)
}

fn land(broker: &EmbeddedBroker, lake: &Path, more: &[&str]) -> Result<Ended> {
    let brokers = broker.brokers();
    let land = ["land", "--brokers", &brokers, "--topics", TOPIC, "--generation", "g1", "--until-idle", "2"];
    let mut command = millrace(&[&land[..], more, &["--lake"]].concat())?;
    command.arg(lake);
    Ended::of(command)
}

/// What a summary says of `dead` letters of `of` records.
fn check_told(told: &Value, dead: u64, of: u64) -> Result<()> {
    ensure!(dead > 0 && told["dead_letters"] == dead, "{dead} of {of} became dead letters: {told}");
    let kinds = told["dead_letters_by_kind"].as_object().context("no kinds")?;
    let records: u64 = kinds.values().filter_map(|kind| kind["records"].as_u64()).sum();
    ensure!(records == dead, "{told}");
    for kind in kinds.values() {
        let sample = kind["sample"].as_str().context("no sample")?;
        ensure!(sample.starts_with("user_interactions/") && sample.contains(", offset "), "{sample}");
    }
    Ok(())
}

#[test]
fn a_landing_tells_how_many_of_how_many_and_why() -> Result<()> {
    let (broker, folder) = (broker("5%")?, tempfile::tempdir()?);
    let ended = land(&broker, &folder.path().join("a"), &["--json"])?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    let told: Value = serde_json::from_str(&ended.stdout)?;
    let dead = letters(&broker)?;
    check_told(&told, dead, EVENTS)?;
    ensure!(told["rows"] == EVENTS - dead && told["interrupted"] == false, "{told}");
    ensure!(ended.stderr.matches("warning: the first dead letter, ").count() == 1, "{}", ended.stderr);

    let ended = land(&broker, &folder.path().join("b"), &["--group", "words"])?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    let words = format!("{dead} of {EVENTS} records became dead letters, which are no rows");
    ensure!(ended.stdout.contains(&words) && ended.stdout.contains(", such as "), "{}", ended.stdout);
    Ok(())
}

#[test]
fn a_landing_of_dead_letters_alone_is_a_failure() -> Result<()> {
    let (broker, folder) = (broker("100%")?, tempfile::tempdir()?);
    let words = [format!("all {EVENTS} records became dead letters")];
    let ended = land(&broker, folder.path(), &["--json"])?;
    ended.refusal(1, &words.each_ref().map(String::as_str))?;
    let told: Value = serde_json::from_str(&ended.stdout)?;
    ensure!(told["rows"] == 0 && told["dead_letters"] == EVENTS, "{told}");
    // Nothing to do is no failure.
    ensure!(land(&broker, folder.path(), &[])?.code == Some(0));
    Ok(())
}

/// land-events behind Lambda's endpoint.
fn function(brokers: String, lake: &Path) -> Result<String> {
    let settings = [
        ("MILLRACE_LAKE", lake.to_string_lossy().into_owned()),
        ("MILLRACE_GENERATION", "g1".to_owned()),
        ("MILLRACE_BROKERS", brokers),
    ];
    let environment = Environment::of(settings.map(|(key, value)| (key.to_owned(), value)));
    let function = Function::new(environment, Arc::new(SecretsExtension::new(1, None)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that breaks is a failed invocation, which is delivered again.
            let _ = invoked(stream, &function, &runtime);
        }
    });
    Ok(format!("http://{address}"))
}

fn invoked(mut stream: TcpStream, function: &Function, runtime: &tokio::runtime::Runtime) -> Result<()> {
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
    let event = serde_json::from_slice(&body)?;
    let now = Micros(1_770_091_200_000_000);
    let answer = runtime.block_on(function.invoke(&event, now, Deadline::never()))?;
    let answer = serde_json::to_string(&answer)?;
    let length = answer.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}")?;
    Ok(())
}

fn dev(broker: &EmbeddedBroker, endpoint: &str, more: &[&str]) -> Result<Ended> {
    let brokers = broker.brokers();
    let dev = ["dev", "--brokers", &brokers, "--topics", TOPIC, "--endpoint", endpoint, "--until-idle", "3"];
    Ended::of(millrace(&[&dev[..], more].concat())?)
}

#[test]
fn a_mapping_tells_what_its_function_made_dead_letters_of() -> Result<()> {
    let (broker, lake) = (broker("5%")?, tempfile::tempdir()?);
    let endpoint = function(broker.brokers(), lake.path())?;
    let ended = dev(&broker, &endpoint, &["--json"])?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    let told: Value = serde_json::from_str(&ended.stdout)?;
    ensure!(told["done"] == EVENTS, "{told}");
    let dead = letters(&broker)?;
    check_told(&told, dead, EVENTS)?;
    ensure!(ended.stderr.matches("warning: the first dead letter, ").count() == 1, "{}", ended.stderr);

    // Letters that were there before are another's.
    send(&broker, "0%")?;
    let ended = dev(&broker, &endpoint, &[])?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    ensure!(!ended.stdout.contains("dead letters") && !ended.stderr.contains("warning"), "{}", ended.stdout);
    ensure!(ended.stdout.contains(&format!("{EVENTS} done")), "{}", ended.stdout);
    Ok(())
}

#[test]
fn a_mapping_of_dead_letters_alone_is_a_failure() -> Result<()> {
    let (broker, lake) = (broker("100%")?, tempfile::tempdir()?);
    let endpoint = function(broker.brokers(), lake.path())?;
    let ended = dev(&broker, &endpoint, &[])?;
    ended.refusal(1, &[&format!("all {EVENTS} records became dead letters")])?;
    ensure!(
        ended.stdout.contains(&format!("{EVENTS} of {EVENTS} records became dead letters")),
        "{}",
        ended.stdout
    );
    Ok(())
}
