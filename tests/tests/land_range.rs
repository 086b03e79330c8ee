//! `millrace land --topic --partition --from --to`: a range that the lake has lost is landed again, and nothing else changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use millrace_events::instant::Millis;
use millrace_lake::RawObjectName;
use millrace_stream::client::ClientSettings;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::OutgoingRecord;
use millrace_stream::topics::{Topics, dead_letters_of};
use millrace_tests::program::{DAY, Ended, millrace, query_count};
use millrace_tests::running::{Running, SOON};
use millrace_tests::{tables, whole_lake};
use nix::sys::signal::Signal;
use serde_json::Value;

const TOPIC: &str = "users_created";
const PARTITIONS: i32 = 2;

fn broker(topic: &str) -> Result<EmbeddedBroker> {
    let broker = EmbeddedBroker::start()?;
    broker.create_topic(topic, PARTITIONS)?;
    broker.create_topic(&dead_letters_of(topic), 1)?;
    Ok(broker)
}

/// Users of [`DAY`], some of them broken and some sent twice.
fn send(broker: &EmbeddedBroker, seed: &str, events: &str) -> Result<()> {
    let (brokers, start) = (broker.brokers(), format!("{DAY}T06:00:00Z"));
    let simulate = ["simulate", "--streams", "users", "--events", events, "--seed", seed, "--start", &start];
    let more = ["--broken", "3%", "--repeat", "5%", "--brokers", &brokers];
    let ended = Ended::of(millrace(&[&simulate[..], &more].concat())?)?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    Ok(())
}

fn land(broker: &EmbeddedBroker, lake: &Path, more: &[&str]) -> Result<Ended> {
    let brokers = broker.brokers();
    let land = ["land", "--brokers", &brokers, "--generation", "g1", "--json"];
    let mut command = millrace(&[&land[..], more, &["--lake"]].concat())?;
    command.arg(lake);
    Ended::of(command)
}

fn land_all(broker: &EmbeddedBroker, lake: &Path) -> Result<()> {
    let ended = land(broker, lake, &["--topics", TOPIC, "--until-idle", "2"])?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    Ok(())
}

fn range(broker: &EmbeddedBroker, lake: &Path, [partition, from, to]: [i64; 3]) -> Result<Ended> {
    let [partition, from, to] = [partition, from, to].map(|number| number.to_string());
    land(broker, lake, &["--topic", TOPIC, "--partition", &partition, "--from", &from, "--to", &to])
}

fn told(ended: &Ended, code: i32) -> Result<Value> {
    ensure!(ended.code == Some(code), "ended with {:?}: {}{}", ended.code, ended.stdout, ended.stderr);
    Ok(serde_json::from_str(ended.stdout.trim())?)
}

/// The day's tables, made of what raw holds now, at an hour of the day after.
fn backfill(lake: &Path, hour: u32) -> Result<()> {
    let at = format!("2026-02-01T{hour:02}:00:00Z");
    let mut command = millrace(&["backfill", "--from", DAY, "--to", DAY, "--started-at", &at, "--lake"])?;
    let ended = Ended::of({
        command.arg(lake);
        command
    })?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    Ok(())
}

/// All files below these folders of the lake, by their names within it.
fn files(lake: &Path, folders: &[&str]) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for folder in folders {
        for path in whole_lake::files(&lake.join(folder))? {
            files.insert(path.strip_prefix(lake)?.to_owned(), std::fs::read(path)?);
        }
    }
    Ok(files)
}

const TABLES: [&str; 3] = ["curated", "analytics", "timeseries"];

fn copy(from: &Path, to: &Path) -> Result<()> {
    for file in whole_lake::files(from)? {
        let target = to.join(file.strip_prefix(from)?);
        std::fs::create_dir_all(target.parent().context("a folder")?)?;
        std::fs::copy(&file, target)?;
    }
    Ok(())
}

#[test]
fn a_lost_range_is_landed_again_and_the_tables_are_those_of_a_lake_that_never_lost_it() -> Result<()> {
    let (broker, folder) = (broker(TOPIC)?, tempfile::tempdir()?);
    let (whole, lost) = (folder.path().join("whole"), folder.path().join("lost"));
    for seed in ["1", "2", "3"] {
        send(&broker, seed, "400")?;
        land_all(&broker, &whole)?;
    }
    copy(&whole, &lost)?;
    // Of the second landing, so that the highest durable offset lies behind the gap.
    let mut names = Vec::new();
    for path in whole_lake::raw_objects(&lost)? {
        let name: RawObjectName =
            path.file_name().and_then(|name| name.to_str()).context("a name")?.parse()?;
        names.push((name, path));
    }
    names.retain(|(name, _)| name.partition() == 1);
    names.sort();
    let (name, object) = names.get(names.len() / 2).context("several objects")?;
    ensure!(names.iter().any(|(later, _)| later.first_offset() > name.last_offset()), "{names:?}");
    let (first, last) = (name.first_offset().get(), name.last_offset().get());
    std::fs::remove_file(object)?;
    backfill(&whole, 4)?;
    backfill(&lost, 3)?;
    ensure!(tables::users_transformed(&whole, DAY)? != tables::users_transformed(&lost, DAY)?);

    let asked = [1, first, last];
    let again = told(&range(&broker, &lost, asked)?, 0)?;
    let offsets = u64::try_from(last - first + 1)?;
    ensure!(again["records"] == offsets && again["gone"] == 0 && again["without_record"] == 0, "{again}");
    ensure!(again["next"] == last + 1 && again["first_day"] == DAY && again["last_day"] == DAY, "{again}");
    let (rows, dead) = (again["rows"].as_u64(), again["dead_letters"].as_u64());
    ensure!(rows.zip(dead).map(|(rows, dead)| rows + dead) == Some(offsets), "{again}");
    backfill(&lost, 4)?;
    let (of_whole, of_lost) = (files(&whole, &TABLES)?, files(&lost, &TABLES)?);
    let differing: Vec<_> = of_whole
        .iter()
        .filter(|(path, bytes)| of_lost.get(*path) != Some(*bytes))
        .map(|(path, _)| path)
        .collect();
    ensure!(
        of_whole.len() > 10 && of_whole.len() == of_lost.len(),
        "{} and {}",
        of_whole.len(),
        of_lost.len()
    );
    ensure!(differing.is_empty(), "{differing:?}");
    let positions =
        "SELECT COUNT(*) FROM (SELECT DISTINCT _topic, _generation, _partition, _offset FROM raw_users) AS p";
    ensure!(query_count(&whole, positions)? == query_count(&lost, positions)?);
    // As the runbook checks it.
    let check = format!(
        "SELECT COUNT(DISTINCT _offset) FROM raw_users WHERE _generation = 'g1' AND _partition = 1 AND _offset BETWEEN {first} AND {last}"
    );
    ensure!(Some(query_count(&lost, &check)?) == rows);

    // Twice changes nothing, nor does a range that is not lost and lies across others' bounds.
    let before = files(&lost, &["raw"])?;
    let twice = told(&range(&broker, &lost, asked)?, 0)?;
    ensure!(twice["objects_there"] == twice["objects"] && twice["rows"] == again["rows"], "{twice}");
    ensure!(files(&lost, &["raw"])? == before);
    told(&range(&broker, &lost, [0, 3, 300])?, 0)?;
    ensure!(query_count(&whole, positions)? == query_count(&lost, positions)?);
    backfill(&lost, 5)?;
    backfill(&whole, 5)?;
    ensure!(
        files(&lost, &TABLES)? == files(&whole, &TABLES)?,
        "a range across others' bounds changed tables"
    );
    the_erased_are_left_out(&broker, &lost, asked)
}

/// Kafka has their records still, under positions that the lake no longer has.
fn the_erased_are_left_out(broker: &EmbeddedBroker, lake: &Path, asked: [i64; 3]) -> Result<()> {
    let over = |arguments: &[&str]| -> Result<String> {
        let mut command = millrace(&[arguments, &["--lake"]].concat())?;
        command.arg(lake);
        let ended = Ended::of(command)?;
        ensure!(ended.code == Some(0), "{arguments:?}: {}", ended.stderr);
        Ok(ended.stdout)
    };
    ensure!(told(&range(broker, lake, asked)?, 0)?["erased"] == 0);
    let [partition, first, last] = asked;
    let some = format!(
        "SELECT user_id FROM raw_users WHERE user_id IS NOT NULL AND _generation = 'g1' AND _partition = {partition} \
         AND _offset BETWEEN {first} AND {last} ORDER BY _offset LIMIT 1"
    );
    let id = over(&["query", &some, "--format", "csv"])?;
    let id = id.lines().nth(1).context("a user")?.to_owned();
    over(&["erase", &id, "--yes"])?;
    let again = told(&range(broker, lake, asked)?, 0)?;
    let count = |name: &str| again[name].as_u64().unwrap_or(0);
    ensure!(count("erased") > 0, "{again}");
    ensure!(count("records") == count("rows") + count("dead_letters") + count("erased"), "{again}");
    let left = format!("SELECT COUNT(*) FROM raw_users WHERE user_id = '{id}'");
    ensure!(query_count(lake, &left)? == 0, "they came back");
    Ok(())
}

#[test]
fn what_is_no_range_of_the_topic_is_told_with_what_is() -> Result<()> {
    let (broker, folder) = (broker(TOPIC)?, tempfile::tempdir()?);
    let lake = folder.path().join("lake");
    send(&broker, "1", "400")?;
    range(&broker, &lake, [0, 0, 9])?.refusal(1, &["no lake"])?;
    ensure!(!lake.exists(), "a lake was made");
    land_all(&broker, &lake)?;
    let before = files(&lake, &["raw"])?;
    let ends = Topics::connect(&ClientSettings::new(broker.brokers()))?.watermarks(TOPIC)?;
    let end = ends[&0].end.get();
    let words =
        format!("offsets {end} to {} were never written: partition 0 has offsets 0 to {}", end + 5, end - 1);
    range(&broker, &lake, [0, 5, end + 5])?.refusal(1, &[&words, "both ends included"])?;
    range(&broker, &lake, [7, 0, 9])?.refusal(1, &[TOPIC, "no partition 7: give one of 0 to 1"])?;
    range(&broker, &lake, [0, 9, 5])?.refusal(2, &["--from 9 lies behind --to 5"])?;
    let range = ["--partition", "0", "--from", "0", "--to", "9"];
    let of = |topic: &'static str| [&["--topic", topic][..], &range].concat();
    land(&broker, &lake, &of("user_created"))?.refusal(2, &["did you mean users_created?"])?;
    land(&broker, &lake, &of("ad_events"))?.refusal(1, &["there is no topic ad_events at"])?;
    land(&broker, &lake, &["--topic", TOPIC, "--partition", "0"])?.refusal(2, &["--from", "--to"])?;
    let other = [&of(TOPIC)[..], &["--generation", "g2"]].concat();
    let brokers = broker.brokers();
    let mut command = millrace(&[&["land", "--brokers", &brokers][..], &other, &["--lake"]].concat())?;
    command.arg(&lake);
    Ended::of(command)?.refusal(1, &["nothing of generation g2 of users_created, but of g1"])?;
    ensure!(files(&lake, &["raw"])? == before, "something was landed");
    Ok(())
}

const LARGE: &str = "user_interactions";

/// Records of ten thousand bytes each that no compression makes much shorter, in the partition of their key.
fn send_large(broker: &EmbeddedBroker, records: u32) -> Result<()> {
    let mut state = 0x9e37_79b9_u32;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b'A' + (state % 26) as u8)
    };
    let producer = Producer::connect(&ClientSettings::new(broker.brokers()), None)?;
    for number in 0..records {
        let session: String = (0..10_000).map(|_| noise()).collect();
        let value =
            serde_json::json!({ "event_id": format!("i{number}"), "user_id": "u1", "session_id": session,
                "event_type": "SEARCH", "event_timestamp": "2026-01-31T03:04:05Z" })
            .to_string();
        let headers = [("content-type", Some(&b"application/json"[..]))];
        let timestamp = Millis(1_769_828_645_000);
        let value = Some(value.as_bytes());
        producer.publish(&OutgoingRecord {
            topic: LARGE,
            key: Some(b"u1"),
            value,
            timestamp,
            headers: &headers,
        })?;
    }
    Ok(producer.flush()?)
}

#[test]
fn what_kafka_no_longer_has_is_told_and_is_a_code_of_its_own() -> Result<()> {
    let (broker, lake) = (broker(LARGE)?, tempfile::tempdir()?);
    send_large(&broker, 3_000)?;
    let ends = Topics::connect(&ClientSettings::new(broker.brokers()))?.watermarks(LARGE)?;
    let (partition, kept) = ends.into_iter().max_by_key(|(_, kept)| kept.end).context("a partition")?;
    let (begin, end) = (kept.begin.get(), kept.end.get());
    ensure!(begin > 10 && end - begin > 20, "the embedded broker dropped nothing: {kept:?}");
    let range = |from: i64, to: i64, more: &[&str]| {
        let [partition, from, to] = [i64::from(partition), from, to].map(|number| number.to_string());
        let range = ["--topic", LARGE, "--partition", &partition, "--from", &from, "--to", &to];
        land(&broker, lake.path(), &[&range[..], more].concat())
    };
    // A lake has to be there.
    Ended::of(millrace_tests::program::simulate(lake.path(), 50, 1, &[])?)?.summary(0)?;
    let partly = told(&range(begin - 10, begin + 4, &[])?, 3)?;
    ensure!(partly["gone"] == 10 && partly["records"] == 5 && partly["rows"] == 5, "{partly}");
    ensure!(partly["gone_ranges"][0] == serde_json::json!([begin - 10, begin - 1]), "{partly}");
    let all = told(&range(0, begin - 1, &[])?, 3)?;
    ensure!(all["gone"] == begin && all["records"] == 0 && all["next"] == begin, "{all}");
    let kept = told(&range(begin, end - 1, &[])?, 0)?;
    ensure!(kept["rows"] == end - begin && kept["gone"] == 0, "{kept}");
    ensure!(
        query_count(lake.path(), "SELECT COUNT(DISTINCT _offset) FROM raw_user_interactions")?
            == (end - begin).unsigned_abs()
    );
    Ok(())
}

#[test]
fn ctrl_c_lands_what_was_taken_and_the_same_command_finishes() -> Result<()> {
    let (broker, lake) = (broker(TOPIC)?, tempfile::tempdir()?);
    // Of nothing, so that there is a lake.
    land_all(&broker, lake.path())?;
    send(&broker, "1", "16000")?;
    let ends = Topics::connect(&ClientSettings::new(broker.brokers()))?.watermarks(TOPIC)?;
    let last = (ends[&0].end.get() - 1).to_string();
    let brokers = broker.brokers();
    let asked = ["land", "--topic", TOPIC, "--partition", "0", "--from", "0", "--to", &last, "--json"];
    let command = || -> Result<std::process::Command> {
        let mut command =
            millrace(&[&asked[..], &["--brokers", &brokers, "--generation", "g1", "--lake"]].concat())?;
        command.arg(lake.path()).env("MILLRACE_LOG", "off,land_events=trace");
        Ok(command)
    };
    let mut landing = Running::start(command()?)?;
    landing.says("range_begun")?;
    landing.signal(Signal::SIGINT)?;
    let code = landing.ends_within(SOON)?;
    let first: Value = serde_json::from_str(landing.stdout.trim())?;
    // It may have been quicker than the signal.
    ensure!(code == Some(130) || (code == Some(0) && first["interrupted"] == false), "{code:?}: {first}");
    ensure!(first["interrupted"] == (code == Some(130)), "{first}");
    let whole = told(&Ended::of(command()?)?, 0)?;
    ensure!(whole["next"].as_i64() == Some(last.parse::<i64>()? + 1), "{whole}");
    let positions = "SELECT COUNT(DISTINCT _offset) FROM raw_users WHERE _generation = 'g1'";
    ensure!(Some(query_count(lake.path(), positions)?) == whole["rows"].as_u64(), "{whole}");
    Ok(())
}
