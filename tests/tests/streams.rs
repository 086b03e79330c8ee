//! What users do, beside the users: four streams through one consumer, each of which adds up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use millrace_events::event_catalogue;
use millrace_events::instant::Millis;
use millrace_events::randomuser::{AnswerContext, PageUser, SIMULATOR, SourceClock, read_answer};
use millrace_sources::{Batch, Behaviour, BehaviourSettings, Share, Simulation, Stream, Streams};
use millrace_tests::program::{DAY, Ended, Summary, TIDY, millrace, query_count, simulate};
use millrace_tests::{letters, tables, whole_lake};

const USERS: u64 = 3_000;
const SEED: u64 = 11;
const EVENTS: u64 = 40_000;
/// The day of the scenarios.
const DAY_START: Millis = Millis(1_769_817_600_000);

fn share(text: &str) -> Result<Share> {
    Ok(text.parse::<Share>()?)
}

/// Both manners of users: what is added to the arguments.
const MANNERS: [&[&str]; 2] = [&[], &[TIDY]];

fn run(lake: &Path, manner: &[&str]) -> Result<Summary> {
    let events = EVENTS.to_string();
    let faulty = ["--broken", "1%", "--repeat", "5%", "--late", "2%"];
    let streams = ["--streams", "all", "--events", &events];
    Ended::of(simulate(lake, USERS, SEED, &[&faulty[..], &streams[..], manner].concat())?)?.summary(0)
}

/// The ids of the run's users, in the order in which they are produced.
fn ids(manner: &[&str]) -> Result<Vec<String>> {
    let tidy = Simulation::new(SEED, share("1%")?, share("5%")?);
    let simulation = if manner.contains(&TIDY) { tidy } else { tidy.untidy() };
    let mut body = Vec::new();
    simulation.write_answer(0, usize::try_from(USERS)?, 1, &mut body);
    let clock = SourceClock::Logical { day_start: DAY_START.micros(), users_before: 0 };
    let context = AnswerContext { source: SIMULATOR, page: 1, clock, limit: usize::MAX };
    let page = read_answer(&body, &context)?;
    let keys = page.users.iter().filter_map(|user| match user {
        PageUser::Event { key: Some(key), .. } => Some(String::from_utf8_lossy(page.bytes(key)).into_owned()),
        _ => None,
    });
    Ok(keys.collect())
}

/// The same simulation once more: by topic, what was sent and of which kinds its broken records are.
struct Expected {
    records: BTreeMap<&'static str, u64>,
    kinds: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    late: u64,
}

fn expected(manner: &[&str]) -> Result<Expected> {
    let streams = Streams::ALL.without(Stream::Users).context("three streams")?;
    let settings = BehaviourSettings {
        broken: share("1%")?,
        repeat: share("5%")?,
        late: share("2%")?,
        acts_per_second: EVENTS as f64 / 3_600.0,
        ..BehaviourSettings::new(SEED, DAY_START, streams)
    };
    let mut behaviour = Behaviour::among(settings, &ids(manner)?)?;
    let mut batch = Batch::new();
    behaviour.fill(&mut batch, usize::try_from(EVENTS)?)?;
    let mut expected = Expected { records: BTreeMap::new(), kinds: BTreeMap::new(), late: 0 };
    for record in batch.iter() {
        let topic = record.stream.topic();
        *expected.records.entry(topic).or_default() += 1;
        if let Some(fault) = record.fault {
            *expected.kinds.entry(topic).or_default().entry(fault.kind()).or_default() += 1;
        }
    }
    expected.late = streams.iter().map(|stream| behaviour.counts(stream).late).sum();
    Ok(expected)
}

#[test]
fn every_stream_adds_up_and_every_broken_record_has_its_reason() -> Result<()> {
    MANNERS.into_iter().try_for_each(adds_up)
}

fn adds_up(manner: &[&str]) -> Result<()> {
    let lake = tempfile::tempdir()?;
    let summary = run(lake.path(), manner)?;
    summary.check_hops()?;
    summary.check_tables()?;
    let expected = expected(manner)?;
    ensure!(expected.late > EVENTS / 100 && expected.kinds.len() == 3, "the simulation has nothing to find");
    for (topic, sent) in &expected.records {
        let told = &summary.0["streams"][topic];
        let broken: u64 = expected.kinds[topic].values().sum();
        for (name, count) in [("produced", *sent), ("landed", sent - broken), ("dead_lettered", broken)] {
            ensure!(told[name].as_u64() == Some(count), "{topic}: {name} is not {count} in {told}");
        }
        let table = event_catalogue::by_topic(topic).context("an event")?.table();
        let landed = query_count(lake.path(), &format!("SELECT COUNT(*) AS n FROM raw_{table}"))?;
        ensure!(landed == sent - broken, "raw_{table} has {landed} rows instead of {}", sent - broken);
        let mut kinds = BTreeMap::new();
        for letter in letters::of_topic(lake.path(), topic, summary.generation()?)? {
            *kinds.entry(letters::header(&letter, "error-kind")?.to_owned()).or_insert(0) += 1;
            ensure!(letters::header(&letter, "source-topic")? == *topic);
        }
        let wanted: BTreeMap<_, _> =
            expected.kinds[topic].iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        ensure!(kinds == wanted, "{topic}: dead letters are of {kinds:?} instead of {wanted:?}");
    }
    whole_lake::check(lake.path(), DAY)?;
    everybody_exists(lake.path())
}

/// Each event is of a user who was sent to users_created.
fn everybody_exists(lake: &Path) -> Result<()> {
    let users: BTreeSet<_> = tables::users_transformed(lake, DAY)?.into_values().flatten().collect();
    for table in ["user_interactions", "video_engagements", "ad_events"] {
        for file in whole_lake::raw_objects_of(lake, table)? {
            for batch in tables::read(&file)? {
                let strangers =
                    tables::texts(&batch, "user_id")?.into_iter().flatten().find(|id| !users.contains(id));
                ensure!(strangers.is_none(), "{table} tells of {strangers:?}, who is no user");
            }
        }
    }
    Ok(())
}

#[test]
fn the_users_tables_are_what_they_are_without_the_other_streams() -> Result<()> {
    let (all, alone) = (tempfile::tempdir()?, tempfile::tempdir()?);
    run(all.path(), &[])?;
    Ended::of(simulate(alone.path(), USERS, SEED, &["--broken", "1%", "--repeat", "5%"])?)?.summary(0)?;
    let of = |lake: &Path| {
        tables::users_transformed(lake, DAY).map(|users| users.into_values().collect::<Vec<_>>())
    };
    ensure!(of(all.path())? == of(alone.path())?, "other streams changed the users");
    Ok(())
}

#[test]
fn a_forgotten_person_is_in_no_stream() -> Result<()> {
    let lake = tempfile::tempdir()?;
    run(lake.path(), &[])?;
    let folder = lake.path().to_string_lossy().into_owned();
    // Somebody of whom every stream tells, dead letters too where there are any.
    let mut busy: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for table in ["user_interactions", "video_engagements", "ad_events"] {
        for file in whole_lake::raw_objects_of(lake.path(), table)? {
            for batch in tables::read(&file)? {
                for id in tables::texts(&batch, "user_id")?.into_iter().flatten() {
                    busy.entry(id).or_default().insert(table);
                }
            }
        }
    }
    let (person, _) = busy.iter().find(|(_, tables)| tables.len() == 3).context("a busy person")?;
    let forgotten = Ended::of(millrace(&["erase", person, "--yes", "--lake", &folder])?)?;
    ensure!(forgotten.code == Some(0), "{}", forgotten.stderr);
    for table in ["users", "user_interactions", "video_engagements", "ad_events"] {
        let sql = format!("SELECT COUNT(*) AS n FROM raw_{table} WHERE user_id = '{person}'");
        ensure!(query_count(lake.path(), &sql)? == 0, "{table} still tells of the person");
    }
    let again = Ended::of(millrace(&["erase", person, "--json", "--lake", &folder])?)?;
    let left: serde_json::Value = serde_json::from_str(&again.stdout)?;
    let places = left["places"].as_object().context("places")?;
    ensure!(places.values().all(|place| place["rows"].as_u64().unwrap_or(0) == 0), "{left}");
    Ok(())
}
