//! `cargo xtask bench land`: records of a real Kafka into durable Parquet, by the library behind `millrace land`, beside Spark's
//! Structured Streaming.
//!
//! A consumer is a process of its own, so that its CPU seconds are ours alone: the broker shares the machine. Each figure is the
//! median of its runs, ours and Spark's taken in turn. Last, consumers are killed at random, and every record is looked for.
//! Arguments that are no options choose among `goal`, `spark` and `kills`; `--records N` is the size.

mod floor;
mod input;
mod kills;
mod ours;
mod spark;

use anyhow::{Context, ensure};
use millrace_bench_report::cost::Landed;
use millrace_bench_report::{Measure, Report, median};
use millrace_events::frame::Encoding;
use millrace_sources::{Share, Stream};

use crate::ours::Run;

/// What landing from Kafka has to reach, in records a second of CPU, the client's threads included.
const GOAL: f64 = 900_000.0;

/// The brokers, as `cargo xtask bench land` names them.
const BROKERS: &str = "MILLRACE_TEST_KAFKA";
const RUNS: usize = 3;
const PARTITIONS: i32 = 4;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, rest @ ..] = arguments.as_slice() {
        match role.as_str() {
            ours::ROLE => return ours::land(rest),
            floor::ROLE => return floor::read(rest),
            _ => {}
        }
    }
    let mut report = Report::new(arguments.iter().any(|argument| argument == "--json"));
    let records = match arguments.iter().position(|argument| argument == "--records") {
        Some(at) => arguments.get(at + 1).and_then(|n| n.parse().ok()).context("--records takes a number")?,
        None => 2_000_000,
    };
    let Ok(brokers) = std::env::var(BROKERS) else {
        report.note("skipped: bench land: no real Kafka, MILLRACE_TEST_KAFKA is not set; cargo xtask bench land starts one");
        return Ok(());
    };
    let chosen = |part: &str| {
        let parts = ["goal", "spark", "kills"];
        arguments.iter().any(|name| name == part)
            || !arguments.iter().any(|name| parts.contains(&name.as_str()))
    };
    if chosen("goal") {
        goal(&mut report, &brokers, records)?;
    }
    if chosen("spark") {
        side_by_side(&mut report, &brokers, records / 4)?;
    }
    if chosen("kills") {
        kills::prove(&report, &brokers, records)?;
    }
    report.finish();
    Ok(())
}

/// Interactions as Protobuf, with the headers of traced producers: the goal's 300 bytes.
fn goal(report: &mut Report, brokers: &str, records: usize) -> anyhow::Result<()> {
    let topic = Stream::Interactions.topic();
    let bytes = input::fill(brokers, Stream::Interactions, Encoding::Protobuf, records, Share::NONE)?.bytes;
    report.note(&format!(
        "{records} interactions as Protobuf in {PARTITIONS} partitions, {:.0} bytes a record (key, value, headers)",
        bytes as f64 / records as f64
    ));
    let (mut runs, mut floor) = (Vec::new(), Vec::new());
    for number in 0..RUNS {
        let run = ours::run(brokers, topic, &format!("goal-{number}"))?;
        ensure!(run.rows == records as u64, "{} rows of {records} records", run.rows);
        runs.push(run);
        floor.push(floor::run(brokers, topic, &format!("floor-{number}"), records)?);
    }
    let cpu = median(runs.iter().map(|run| run.cpu_seconds).collect());
    let rate = records as f64 / cpu;
    let Run { bytes, objects, peak_rss_bytes, seconds, .. } = runs[RUNS - 1];
    report.note(&format!(
        "landed in {seconds:.1} s of wall time the broker included: {objects} objects, {:.0} bytes a row, {} MiB at most",
        bytes as f64 / records as f64,
        peak_rss_bytes >> 20,
    ));
    report.add(Measure {
        name: "land: Kafka to Parquet, Protobuf, the goal".to_owned(),
        ours: rate,
        peer: GOAL,
        peer_name: "the goal".to_owned(),
        unit: "records/s of CPU",
        ratio: rate / GOAL,
        goal: 1.0,
    });
    let floor = median(floor);
    report.note(&format!(
        "the floor: a member of a group that takes the records and drops them, {:.0} records/s of CPU; {:.2} of the {:.2} µs that landing \
         one takes",
        records as f64 / floor,
        floor / records as f64 * 1e6,
        cpu / records as f64 * 1e6,
    ));
    let landed = Landed { what: "interactions", records, cpu_seconds: cpu, objects };
    report.note(&landed.in_a_process());
    Ok(())
}

/// Video engagements as JSON, which Spark reads without a jar of its own: the same records for both.
fn side_by_side(report: &mut Report, brokers: &str, records: usize) -> anyhow::Result<()> {
    let topic = Stream::Videos.topic();
    let Some(spark) = spark::Spark::found() else {
        report.note("skipped: Spark: MILLRACE_SPARK_PYTHON and MILLRACE_SPARK_KAFKA_JARS are not set; cargo xtask bench land sets them");
        return Ok(());
    };
    let bytes = input::fill(brokers, Stream::Videos, Encoding::Json, records, Share::NONE)?.bytes;
    report.note(&format!(
        "{records} video engagements as JSON, {:.0} bytes a record; Spark's JVM is started and warm before its time begins, \
         and it leaves out our checks, partitions by hour, dead letters and names",
        bytes as f64 / records as f64
    ));
    let (mut ours_cpu, mut ours_wall, mut theirs_cpu, mut theirs_wall) = (vec![], vec![], vec![], vec![]);
    for number in 0..RUNS {
        let ours = ours::run(brokers, topic, &format!("spark-{number}"))?;
        ensure!(ours.rows == records as u64, "{} rows of {records} records", ours.rows);
        let theirs = spark.run(brokers, topic)?;
        ensure!(theirs.rows == records as u64, "Spark wrote {} rows of {records} records", theirs.rows);
        ours_cpu.push(ours.cpu_seconds);
        ours_wall.push(ours.seconds);
        theirs_cpu.push(theirs.cpu_seconds);
        theirs_wall.push(theirs.seconds);
    }
    for (what, unit, ours, theirs) in [
        ("CPU", "records/s of CPU", median(ours_cpu), median(theirs_cpu)),
        ("wall time", "records/s", median(ours_wall), median(theirs_wall)),
    ] {
        report.add(Measure {
            name: format!("land: Kafka to Parquet, JSON, {what}"),
            ours: records as f64 / ours,
            peer: records as f64 / theirs,
            peer_name: "PySpark 3.5 Structured Streaming".to_owned(),
            unit,
            ratio: theirs / ours,
            goal: 3.0,
        });
    }
    Ok(())
}
