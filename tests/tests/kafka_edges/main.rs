//! What people reported of other tools, on a real Kafka: limits of one side, offsets without a record, transactions that stay open,
//! partitions that come later.

mod cluster;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cluster::{Cluster, abort, commit, send};
use millrace_tests::program::{Ended, millrace, query_count};
use serde_json::{Value, json};

fn videos(numbers: std::ops::Range<u32>) -> Vec<String> {
    let video = |number| {
        json!({ "event_id": format!("v{number}"), "user_id": "u1", "session_id": "s1", "video_id": "m1",
                "action": "START", "event_timestamp": "2026-01-02T03:04:05Z" })
        .to_string()
    };
    numbers.map(video).collect()
}

fn interactions(numbers: std::ops::Range<u32>) -> Vec<String> {
    let interaction = |number| {
        json!({ "event_id": format!("i{number}"), "user_id": "u1", "session_id": "s1", "event_type": "SEARCH",
                "event_timestamp": "2026-01-02T03:04:05Z" })
        .to_string()
    };
    numbers.map(interaction).collect()
}

fn landed(ended: &Ended, rows: u64) -> Result<Value> {
    ensure!(ended.code == Some(0), "ended with {:?}: {}", ended.code, ended.stderr);
    let told: Value = serde_json::from_str(ended.stdout.trim())?;
    ensure!(told["rows"] == rows, "{told}: {}", ended.stderr);
    ensure!(!ended.stderr.contains("aged away"), "{}", ended.stderr);
    Ok(told)
}

/// How a landing of a range ended, and what it tells of its offsets.
fn range(ended: &Ended, code: i32, rows: i64, without_record: i64, gone: i64) -> Result<()> {
    ensure!(ended.code == Some(code), "ended with {:?}: {}", ended.code, ended.stderr);
    let told: Value = serde_json::from_str(ended.stdout.trim())?;
    let counts = [&told["rows"], &told["without_record"], &told["gone"]].map(Value::as_i64);
    ensure!(counts == [rows, without_record, gone].map(Some), "{told}: {}", ended.stderr);
    Ok(())
}

/// Text that no compression makes much shorter.
fn noise(characters: usize) -> String {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b'0' + (state % 75) as u8)
    };
    (0..characters).map(|_| next()).filter(char::is_ascii_alphanumeric).collect()
}

fn ad(number: u32, ad_id: &str, campaign: Value) -> String {
    json!({ "event_id": format!("e{number}"), "user_id": "u1", "session_id": "s1", "ad_id": ad_id,
            "campaign_id": campaign, "event_timestamp": "2026-01-02T03:04:05Z" })
    .to_string()
}

/// Two tests make this topic.
static AD_EVENTS: Mutex<()> = Mutex::new(());

#[test]
fn a_poison_record_that_its_queue_cannot_take_stops_nothing() -> Result<()> {
    let topic = "ad_events";
    let _alone = AD_EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(cluster) = Cluster::with(topic, &[("max.message.bytes", "5242880")])? else { return Ok(()) };
    let lake = tempfile::tempdir()?;
    let place = lake.path().to_string_lossy().into_owned();
    let poison = ad(2, &noise(3_000_000), Value::Null);
    let values = [ad(1, "a1", "c1".into()), poison.clone(), ad(3, "a1", "c1".into())];
    send(&cluster.sender()?, topic, 0, &values)?;

    let first = cluster.land(&place, topic, "edges-letters")?;
    let told = landed(&first, 2)?;
    ensure!(told["dead_letters"] == 1, "{told}");
    // The queue is too small from the start, and then for this letter.
    for word in ["ad_events.dlq takes 1048588", "--add-config max.message.bytes=5308416", "offset=\"1\""] {
        ensure!(first.stderr.contains(word), "{word} is not in: {}", first.stderr);
    }
    let again = landed(&cluster.land(&place, topic, "edges-letters")?, 0)?;
    ensure!(again["dead_letters"] == 0, "{again}");
    ensure!(cluster.lag(topic, "edges-letters")? == 0);
    ensure!(query_count(lake.path(), "SELECT COUNT(*) AS n FROM raw_ad_events")? == 2);

    let peeked = cluster.run(&["peek", "ad_events.dlq"])?.stdout;
    let letters = peeked.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    ensure!(letters.len() == 1 && letters[0]["bytes"].is_null(), "{peeked}");
    let headers = &letters[0]["headers"];
    let length = poison.len().to_string();
    ensure!(headers["value-omitted"] == length, "{headers}");
    ensure!(headers["source-offset"] == "1" && headers["source-topic"] == topic, "{headers}");
    Ok(())
}

#[test]
fn marks_of_transactions_and_what_they_aborted_are_no_losses() -> Result<()> {
    let topic = "video_engagements";
    let Some(cluster) = Cluster::with(topic, &[])? else { return Ok(()) };
    let lake = tempfile::tempdir()?;
    let place = lake.path().to_string_lossy().into_owned();
    let land = |group: &str| cluster.land(&place, topic, group);
    let transaction = |values: &[String], end: fn(&cluster::Sender) -> Result<()>| {
        let sender = cluster.in_transaction()?;
        send(&sender, topic, 0, values)?;
        end(&sender)
    };
    transaction(&videos(0..5), commit)?;
    transaction(&videos(100..103), abort)?;
    landed(&land("edges-markers")?, 5)?;
    ensure!(
        cluster.lag(topic, "edges-markers")? == 0,
        "a mark and three aborted records are nobody's to read"
    );
    // The same of a range, which ends with a mark, within the aborted records, and with the first of them.
    range(&cluster.land_range(&place, topic, [0, 9])?, 0, 5, 5, 0)?;
    range(&cluster.land_range(&place, topic, [3, 7])?, 0, 2, 3, 0)?;
    range(&cluster.land_range(&place, topic, [5, 5])?, 0, 0, 1, 0)?;
    cluster.expire(topic)?;
    landed(&land("edges-markers")?, 0)?;
    transaction(&videos(10..14), commit)?;
    landed(&land("edges-markers")?, 4)?;
    range(&cluster.land_range(&place, topic, [4, 14])?, 3, 4, 1, 6)?;
    ensure!(cluster.lag(topic, "edges-markers")? == 0);
    ensure!(query_count(lake.path(), "SELECT COUNT(*) AS n FROM raw_video_engagements")? == 9);

    // What nobody had read is lost, and what to do about it doubles nothing.
    transaction(&videos(20..22), commit)?;
    cluster.expire(topic)?;
    transaction(&videos(30..31), commit)?;
    let lost = land("edges-markers")?;
    lost.refusal(1, &["aged away", "offsets 15 to 17 of partition 0", "same generation"])?;
    landed(&land("edges-markers-again")?, 1)?;
    ensure!(query_count(lake.path(), "SELECT COUNT(*) AS n FROM raw_video_engagements")? == 10);
    Ok(())
}

#[test]
fn what_compaction_took_is_no_loss() -> Result<()> {
    let topic = "ad_events";
    let _alone = AD_EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let settings =
        [("cleanup.policy", "compact"), ("segment.ms", "100"), ("min.cleanable.dirty.ratio", "0.01")];
    let Some(cluster) = Cluster::with(topic, &settings)? else { return Ok(()) };
    let lake = tempfile::tempdir()?;
    let place = lake.path().to_string_lossy().into_owned();
    let ads = |numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers.map(|number| ad(number, "a1", "c1".into())).collect()
    };
    // From the beginning, and behind what was committed.
    let (mut end, mut rows) = (0, 0);
    for numbers in [0..12, 12..24] {
        let held = cluster.compacted(topic, &ads(numbers))?;
        let unread = held.iter().filter(|offset| **offset >= end).count() as u64;
        ensure!(unread <= 2, "{held:?}");
        landed(&cluster.land(&place, topic, "edges-compacted")?, unread)?;
        ensure!(cluster.lag(topic, "edges-compacted")? == 0);
        end += 12;
        rows += unread;
        let held = held.len() as i64;
        range(&cluster.land_range(&place, topic, [0, end - 1])?, 0, held, end - held, 0)?;
    }
    ensure!(query_count(lake.path(), "SELECT COUNT(*) AS n FROM raw_ad_events")? == rows);
    Ok(())
}

#[test]
fn an_open_transaction_is_told_and_a_new_partition_is_found() -> Result<()> {
    let topic = "user_interactions";
    let Some(cluster) = Cluster::with(topic, &[])? else { return Ok(()) };
    let (lake, group) = (tempfile::tempdir()?, "edges-open");
    let place = lake.path().to_string_lossy().into_owned();
    let plain = cluster.sender()?;
    send(&plain, topic, 0, &interactions(0..2))?;
    let open = cluster.in_transaction()?;
    send(&open, topic, 0, &interactions(2..3))?;
    send(&plain, topic, 0, &interactions(3..5))?;

    let words = ["user_interactions/0", "high watermark 5", "last stable offset 2"];
    let held_up = cluster.land(&place, topic, group)?;
    held_up.refusal(1, &words)?;
    ensure!(serde_json::from_str::<Value>(held_up.stdout.trim())?["rows"] == 2, "{}", held_up.stdout);
    let held_up = cluster.land_range(&place, topic, [1, 4])?;
    held_up.refusal(1, &["offsets 2 to 4 cannot be read yet", "last stable offset 2"])?;
    range(&held_up, 1, 1, 0, 0)?;
    range(&cluster.land_range(&place, topic, [0, 1])?, 0, 2, 0, 0)?;
    let told = cluster.look(topic, group)?;
    let partition = &told["partitions"][0];
    ensure!(partition["open_transaction"] == true && partition["last_stable"] == 2, "{told}");
    ensure!(partition["end"] == 5 && told["groups"][0]["lag"] == 3, "{told}");
    let table = cluster.run(&["topics", "--topic", topic])?.stdout;
    let peeked = cluster.run(&["peek", topic])?;
    for word in words {
        ensure!(table.contains(word), "{word} is not in {table}");
        ensure!(peeked.stderr.contains(word), "{word} is not in {}", peeked.stderr);
    }
    ensure!(peeked.code == Some(0) && peeked.stdout.lines().count() == 2, "{}", peeked.stdout);

    commit(&open)?;
    landed(&cluster.land(&place, topic, group)?, 3)?;
    ensure!(cluster.lag(topic, group)? == 0);
    range(&cluster.land_range(&place, topic, [1, 5])?, 0, 4, 1, 0)?;
    a_new_partition_is_found(&cluster, topic, group, &place)
}

fn a_new_partition_is_found(cluster: &Cluster, topic: &str, group: &str, place: &str) -> Result<()> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let arguments = ["land", "--topics", topic, "--group", group, "--lake", place, "--generation", "g1"];
    let more = ["--age", "1", "--metrics", &port, "--brokers", &cluster.brokers];
    let mut consumer = millrace(&[&arguments[..], &more].concat())?.spawn()?;
    let found = found(cluster, topic, group);
    consumer.kill()?;
    consumer.wait()?;
    found
}

fn found(cluster: &Cluster, topic: &str, group: &str) -> Result<()> {
    // It reads what there is before there is more.
    send(&cluster.sender()?, topic, 0, &interactions(10..11))?;
    let begin = Instant::now();
    while cluster.lag(topic, group)? > 0 {
        ensure!(begin.elapsed() < Duration::from_secs(60), "nothing is landed");
        std::thread::sleep(Duration::from_millis(200));
    }
    cluster.add_partitions(topic, 2)?;
    send(&cluster.sender()?, topic, 1, &interactions(20..23))?;
    let begin = Instant::now();
    ensure!(cluster.lag(topic, group)? == 3, "what nobody reads yet is behind");
    while cluster.lag(topic, group)? > 0 {
        // Ten seconds to find it; the rest is for the object's age and a machine that is busy.
        ensure!(begin.elapsed() < Duration::from_secs(20), "the new partition is not found");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

#[test]
fn a_run_waits_for_others_transactions_and_names_a_day_that_has_not_come() -> Result<()> {
    let topic = "users_created";
    let Some(cluster) = Cluster::with(topic, &[])? else { return Ok(()) };
    let lake = tempfile::tempdir()?;
    let place = lake.path().to_string_lossy().into_owned();
    let open = cluster.in_transaction()?;
    send(&open, topic, 0, &[r#"{"user_id":"u-open","email":"o@example.com"}"#.to_owned()])?;
    let run =
        ["run", "--source", "simulator", "--users", "50", "--seed", "3", "--generation", "g1", "--json"];
    let run = [&run[..], &["--lake", &place, "--brokers", &cluster.brokers]].concat();
    let waiting = millrace(&run)?.spawn()?;
    std::thread::sleep(Duration::from_secs(12));
    commit(&open)?;
    let ended = Ended::from(waiting.wait_with_output()?);
    let told = "a transaction is open in users_created/0: high watermark 51, last stable offset 0";
    ensure!(ended.stderr.contains(told), "{}", ended.stderr);
    let summary = ended.summary(0)?;
    ensure!(summary.count("landed")? == 50, "{}", summary.0);

    let ahead = chrono::Utc::now().date_naive() + chrono::Days::new(3);
    let ahead = ahead.to_string();
    let ended = Ended::of(millrace(&[&run[..], &["--as-of", &ahead]].concat())?)?;
    ended.refusal(1, &["users_created", "stamped", &ahead, "--as-of", "message.timestamp.after.max.ms"])?;

    let missing = cluster.run(&["peek", "user_created"])?;
    missing.refusal(1, &["user_created", "did you mean users_created?"])?;
    let missing = cluster.run(&["topics", "--topic", "users_created.dql"])?;
    missing.refusal(1, &["did you mean users_created.dlq?"])?;
    let nobody = cluster.run(&["topics", "--topic", topic, "--group", "nobody"])?.stdout;
    ensure!(nobody.contains("group nobody: has committed nothing"), "{nobody}");
    Ok(())
}
