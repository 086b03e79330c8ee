//! `millrace run` against a broker of another process: its own records alone are counted, whoever else writes there.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_events::instant::Millis;
use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::OutgoingRecord;
use millrace_stream::topics::{PARTITIONS, USERS_CREATED, dead_letters_of};
use millrace_tests::program::{DAY, Ended, Summary, run_command, simulate};
use millrace_tests::{tables, whole_lake};

const USERS: u64 = 2_000;
/// The day of the scenarios.
const DAY_START: Millis = Millis(1_769_817_600_000);

fn broker() -> Result<EmbeddedBroker> {
    let broker = EmbeddedBroker::start()?;
    broker.create_topic(USERS_CREATED, PARTITIONS)?;
    broker.create_topic(&dead_letters_of(USERS_CREATED), 1)?;
    Ok(broker)
}

/// Another team's producer: `sound` users and as many records that are none.
struct Others(Producer);

impl Others {
    fn of(broker: &EmbeddedBroker) -> Result<Self> {
        Ok(Self(Producer::connect(&ClientSettings::new(broker.brokers()), None)?))
    }

    fn produce(&self, name: &str, sound: u64) -> Result<()> {
        for number in 0..sound {
            let id = format!("{name}-{number}");
            let user = format!(r#"{{"id":"{id}","first_name":"Lærke","email":"l@example.com"}}"#);
            for value in [user.as_str(), "{"] {
                self.0.publish(&OutgoingRecord {
                    topic: USERS_CREATED,
                    key: Some(id.as_bytes()),
                    value: Some(value.as_bytes()),
                    timestamp: DAY_START,
                    headers: &[("content-type", Some(b"application/json"))],
                })?;
            }
        }
        Ok(self.0.flush()?)
    }
}

fn start(broker: &EmbeddedBroker, lake: &Path, generation: &str, seed: u64) -> Result<Child> {
    let brokers = broker.brokers();
    let more = ["--brokers", &brokers, "--generation", generation, "--broken", "2%"];
    Ok(simulate(lake, USERS, seed, &more)?.spawn()?)
}

fn finish(run: Child) -> Result<Ended> {
    Ok(run.wait_with_output()?.into())
}

/// Letters on the broker, by the topic or source that their failure context names.
fn letters(broker: &EmbeddedBroker) -> Result<BTreeMap<String, u64>> {
    let starts = BTreeMap::from([(TopicPartition::new(dead_letters_of(USERS_CREATED), 0), Offset::ZERO)]);
    let consumer = Consumer::assign(&ClientSettings::new(broker.brokers()), "looking", &starts)?;
    let mut letters = BTreeMap::new();
    let (mut last, mut silence) = (-1, 0);
    while silence < 20 {
        let record = consumer.next(Duration::from_millis(100), |record| {
            (record.offset.get(), record.header("source-topic").unwrap_or("nowhere").to_owned())
        })?;
        let Some((offset, topic)) = record else {
            silence += 1;
            continue;
        };
        ensure!(offset == last + 1, "offset {offset} behind {last}");
        (last, silence) = (offset, 0);
        *letters.entry(topic).or_default() += 1;
    }
    Ok(letters)
}

fn own_counts(summary: &Summary) -> Result<()> {
    summary.check_hops()?;
    summary.check_tables()?;
    ensure!(summary.generation()? == "g0001", "{}", summary.0);
    ensure!(summary.count("fetched")? == USERS && summary.count("rejected")? > 10, "{}", summary.0);
    ensure!(summary.count("dead_lettered")? == 0, "the others' letters were counted: {}", summary.0);
    ensure!(summary.count("landed")? == summary.count("produced")?, "{}", summary.0);
    Ok(())
}

#[test]
fn a_broker_shared_with_others_and_then_made_anew() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let (mut rejected, mut landed) = (0, 0);
    {
        let broker = broker()?;
        let others = Others::of(&broker)?;
        others.produce("before", 50)?;
        for seed in 1..=2 {
            let mut run = start(&broker, lake.path(), "g0001", seed)?;
            let mut rounds = 0;
            while run.try_wait()?.is_none() {
                others.produce(&format!("during-{seed}-{rounds}"), 2)?;
                rounds += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            ensure!(rounds > 3, "the others wrote nothing during the run");
            let summary = finish(run)?.summary(0)?;
            own_counts(&summary)?;
            rejected += summary.count("rejected")?;
            landed += summary.count("landed")?;
            whole_lake::check(lake.path(), DAY)?;
            let raw = tables::raw_rows(whole_lake::raw_objects(lake.path())?)?;
            ensure!(raw.keys().all(|position| position.generation == "g0001"));
            let of_others = |row: &&tables::RawRow| {
                row.user_id.as_ref().is_some_and(|id| id.starts_with("during-") || id.starts_with("before-"))
            };
            let foreign: Vec<_> = raw.values().filter(of_others).collect();
            ensure!(raw.len() as u64 == landed + foreign.len() as u64, "{} rows, {landed} own", raw.len());
            ensure!(!foreign.is_empty(), "none of the others' records came between the run's own");
            ensure!(
                foreign.iter().all(|row| row.user_id.as_ref().is_some_and(|id| !id.starts_with("before-")))
            );
        }
        let letters = letters(&broker)?;
        ensure!(letters.get("simulator") == Some(&rejected), "{letters:?}, but {rejected} were rejected");
        ensure!(letters.get(USERS_CREATED).is_some_and(|&others| others > 0), "{letters:?}");
    }

    let anew = broker()?;
    let before = whole_lake::raw_objects(lake.path())?;
    finish(start(&anew, lake.path(), "g0001", 3)?)?.refusal(1, &["--generation", "g0001", USERS_CREATED])?;
    ensure!(whole_lake::raw_objects(lake.path())? == before, "something landed of another generation");
    let summary = finish(start(&anew, lake.path(), "g0002", 3)?)?.summary(0)?;
    summary.check_hops()?;
    summary.check_tables()?;
    whole_lake::check(lake.path(), DAY)
}

#[test]
fn an_unreachable_broker_is_named() -> Result<()> {
    let lake = tempfile::tempdir()?;
    // A port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let run = simulate(lake.path(), 10, 1, &["--brokers", &closed, "--generation", "g0001"])?;
    Ended::of(run)?.refusal(1, &["no broker answered", &closed])?;
    ensure!(whole_lake::raw_objects(lake.path())?.is_empty());
    Ok(())
}

#[test]
fn arguments_at_odds_are_wrong_usage() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    for (arguments, word) in [
        (&["--brokers", "127.0.0.1:9"][..], "--generation"),
        (&["--generation", "g0001"], "--brokers"),
        (&["--brokers", "127.0.0.1:9", "--generation", "G 1"], "generation"),
        (&["--source", "api", "--as-of", DAY], "--as-of"),
        (&["--source", "recorded:x", "--broken", "1%"], "--source simulator"),
        (&["--source", "recorded:x", "--tidy"], "--source simulator"),
        (&["--source", "api", "--tidy"], "--source simulator"),
        (&["--source", "nowhere"], "recorded:PATH"),
        (&["--users", "0"], "--users"),
        (&["--broken", "200%"], "--broken"),
    ] {
        let ended = Ended::of(run_command(&lake, arguments)?)?;
        ended.refusal(2, &[word]).with_context(|| format!("{arguments:?}"))?;
        ensure!(!lake.exists(), "{arguments:?} made a lake");
    }
    Ok(())
}
