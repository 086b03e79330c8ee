//! `millrace simulate`, `topics` and `peek` against a broker of another process.

use anyhow::{Context, Result, ensure};
use millrace_sources::Stream;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::topics::{PARTITIONS, dead_letters_of};
use millrace_tests::program::{Ended, millrace};
use serde_json::Value;

const SEEDED: [&str; 6] = ["simulate", "--seed", "9", "--start", "2026-01-31T12:00:00Z", "--json"];

fn broker() -> Result<EmbeddedBroker> {
    let broker = EmbeddedBroker::start()?;
    for stream in Stream::ALL {
        broker.create_topic(stream.topic(), PARTITIONS)?;
        broker.create_topic(&dead_letters_of(stream.topic()), 1)?;
    }
    Ok(broker)
}

fn run(arguments: &[&str]) -> Result<Ended> {
    let ended = Ended::of(millrace(arguments)?)?;
    ensure!(ended.code == Some(0), "{arguments:?} ended with {:?}: {}", ended.code, ended.stderr);
    Ok(ended)
}

fn lines(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[test]
fn what_is_simulated_is_seen_in_every_encoding() -> Result<()> {
    for format in ["protobuf", "avro", "json"] {
        let broker = broker()?;
        let brokers = broker.brokers();
        let more = ["--events", "3000", "--format", format, "--brokers", &brokers];
        let told: Value = serde_json::from_str(run(&[&SEEDED[..], &more].concat())?.stdout.trim())?;
        let seen: Value = serde_json::from_str(&run(&["topics", "--brokers", &brokers, "--json"])?.stdout)?;
        let mut messages = 0;
        for stream in Stream::ALL {
            let topics = seen["topics"].as_array().context("a list of topics")?;
            let topic = topics.iter().find(|topic| topic["topic"] == stream.topic()).context("the topic")?;
            ensure!(topic["messages"] == told["streams"][stream.topic()]["records"], "{topic} and {told}");
            messages += topic["messages"].as_u64().context("a count")?;
            ensure!(topic["partitions"].as_array().map(Vec::len) == Some(6), "{topic}");
        }
        ensure!(messages == 3_000, "{messages} messages");

        let peeked = run(&["peek", "user_interactions", "--brokers", &brokers, "--decode"])?;
        let records = lines(&peeked.stdout)?;
        ensure!(
            records.len() as u64
                == told["streams"]["user_interactions"]["records"].as_u64().context("a count")?
        );
        for record in &records {
            ensure!(record["undecodable"].is_null(), "{format}: {record}");
            ensure!(
                record["value"]["event_type"].is_string() && record["key"] == record["value"]["user_id"],
                "{record}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_same_seed_shows_the_same_records() -> Result<()> {
    let once = run(&[&SEEDED[..], &["--events", "2500", "--late", "2%"]].concat())?.stdout;
    ensure!(lines(&once)?.len() == 2_500);
    ensure!(once == run(&[&SEEDED[..], &["--events", "2500", "--late", "2%"]].concat())?.stdout);
    let other =
        ["simulate", "--seed", "10", "--start", "2026-01-31T12:00:00Z", "--events", "2500", "--late", "2%"];
    ensure!(once != run(&other)?.stdout);
    Ok(())
}

#[test]
fn a_rate_is_kept_within_one_percent() -> Result<()> {
    let ended = run(&[&SEEDED[..], &["--events", "3000", "--rate", "1000/s"]].concat())?;
    let told: Value = serde_json::from_str(ended.stderr.trim())?;
    let seconds = told["seconds"].as_f64().context("seconds")?;
    // Never faster; how much slower is the machine's.
    ensure!(seconds >= 2.97, "3,000 records at 1,000 a second took {seconds} s");
    Ok(())
}

#[test]
fn wrong_names_are_told() -> Result<()> {
    let broker = broker()?;
    let brokers = broker.brokers();
    Ended::of(millrace(&["peek", "user_interaction", "--brokers", &brokers])?)?
        .refusal(1, &["user_interaction", "did you mean user_interactions?"])?;
    Ended::of(millrace(&["topics", "--topic", "nothing", "--brokers", &brokers])?)?
        .refusal(1, &["nothing"])?;
    Ended::of(millrace(&["simulate", "--streams", "adds"])?)?.refusal(2, &["adds", "interactions"])?;
    Ended::of(millrace(&["schema", "check"])?)?.refusal(1, &["--registry"])?;
    Ok(())
}
