//! Consumers that are killed at random while they land a topic: each record is a row or a dead letter in the end, and none is both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use millrace_bench_report::Report;
use millrace_events::event_catalogue::by_topic;
use millrace_events::frame::Encoding;
use millrace_events::position::{Offset, TopicPartition};
use millrace_sources::Stream;
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::offset_set::OffsetSet;
use millrace_stream::topics::{Topics, dead_letters_of};
use millrace_tests::{tables, whole_lake};

use crate::input;
use crate::ours::{self, Pace};

const STREAM: Stream = Stream::Ads;
const GROUP: &str = "killed";
/// Consumers at a time: partitions move at each death and each birth.
const CONSUMERS: usize = 2;
const KILLS: u32 = 16;

pub(crate) fn prove(report: &Report, brokers: &str, records: usize) -> anyhow::Result<()> {
    let topic = STREAM.topic();
    let filled = input::fill(brokers, STREAM, Encoding::Protobuf, records, "1%".parse()?)?;
    // As `millrace land` does when it starts: the dead letters' topic.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(Topics::connect(&ClientSettings::new(brokers))?.ensure(topic))?;
    let lake = tempfile::tempdir()?;
    let born = || -> anyhow::Result<Child> {
        Ok(ours::consumer(brokers, topic, GROUP, lake.path(), Pace::Hurried)?
            .stdout(Stdio::null())
            .spawn()?)
    };
    let mut consumers = (0..CONSUMERS).map(|_| born()).collect::<anyhow::Result<Vec<_>>>()?;
    let mut mid_work = 0;
    for kill in 0..KILLS {
        // Of no rhythm that objects, commits or the group have.
        std::thread::sleep(Duration::from_millis(900 + u64::from(kill) * 977 % 2_300));
        let mut killed = consumers.remove(0);
        mid_work += u32::from(killed.try_wait()?.is_none());
        killed.kill()?;
        killed.wait()?;
        consumers.push(born()?);
    }
    for mut consumer in consumers {
        ensure!(consumer.wait()?.success(), "a consumer that nobody killed failed");
    }
    let (mut landed, rows) = rows(lake.path())?;
    let overlaps = rows - landed.len();
    let letters = letters(brokers)?;
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for (partition, offset, kind) in &letters {
        ensure!(
            landed.insert(topic, *partition, Offset(*offset)),
            "{partition}/{offset} is a row and a dead letter"
        );
        *kinds.entry(kind).or_default() += 1;
    }
    ensure!(
        landed == filled.acknowledged.of_topic(topic),
        "{} rows and dead letters of {records} records, or others",
        landed.len()
    );
    ensure!(kinds == filled.poison, "dead letters are of {kinds:?} instead of {:?}", filled.poison);
    report.note(&format!(
        "kills: {records} records, {KILLS} consumers killed ({mid_work} of them at work): {} rows and {} dead letters, each position \
         once; {overlaps} positions stand in a second object too, which readers count once",
        landed.len() - letters.len() as u64,
        letters.len(),
    ));
    Ok(())
}

/// The positions of the lake's rows, and how many rows its objects have.
fn rows(lake: &Path) -> anyhow::Result<(OffsetSet, u64)> {
    let (mut landed, mut rows) = (OffsetSet::default(), 0);
    let table = by_topic(STREAM.topic()).context("the stream has an event")?.table();
    for object in whole_lake::raw_objects_of(lake, table)? {
        for batch in tables::read(&object)? {
            let column = |name| batch.column_by_name(name).with_context(|| format!("no column {name}"));
            let partitions =
                column("_partition")?.as_primitive_opt::<Int32Type>().context("_partition's type")?;
            let offsets = column("_offset")?.as_primitive_opt::<Int64Type>().context("_offset's type")?;
            for (partition, offset) in partitions.values().iter().zip(offsets.values()) {
                landed.insert(STREAM.topic(), *partition, Offset(*offset));
                rows += 1;
            }
        }
    }
    Ok((landed, rows))
}

/// The dead letters by the position that they are of, with their kind: one that died twice counts once.
fn letters(brokers: &str) -> anyhow::Result<BTreeSet<(i32, i64, String)>> {
    let settings = ClientSettings::new(brokers);
    let topic = dead_letters_of(STREAM.topic());
    let ends = Topics::connect(&settings)?.watermarks(&topic)?;
    let starts =
        ends.keys().map(|partition| (TopicPartition::new(&*topic, *partition), Offset::ZERO)).collect();
    let consumer = Consumer::assign(&settings, "looking", &starts)?;
    let (mut letters, mut seen) = (BTreeSet::new(), 0);
    let sent: i64 = ends.values().map(|watermarks| watermarks.messages()).sum();
    while seen < sent {
        let letter = consumer.next(Duration::from_secs(30), |record| {
            let header = |name: &str| record.header(name).with_context(|| format!("no header {name}"));
            let position = (header("source-partition")?.parse()?, header("source-offset")?.parse()?);
            anyhow::Ok((position.0, position.1, header("error-kind")?.to_owned()))
        })?;
        letters.insert(letter.transpose()?.context("the dead letters end early")?);
        seen += 1;
    }
    Ok(letters)
}
