//! Kafka's records into durable Parquet objects in a folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use land_events::{LandCounts, LandSettings, RawWriter};
use millrace_bench_report::cost::Landed;
use millrace_bench_report::{Measure, Report, cpu_seconds, median};
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_lake::{FolderStore, Store, TopicGeneration};
use millrace_sources::Stream;
use millrace_stream::producer::NoRecords;
use millrace_stream::record::Record;
use tokio::runtime::{Builder, Runtime};

use crate::input::{self, Events};
use crate::python;

const EVENTS: usize = 200_000;
const RUNS: usize = 5;

/// Records that an invocation brings: as many of these as go into the 6 MB of its JSON, where a header's bytes are numbers with
/// commas between and a record of 320 bytes takes about 1,000.
const INVOCATION: usize = 6_000;

/// What a record carries beside its event, as traced producers send it.
const TRACE: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(crate) fn bench(report: &mut Report, python: Option<&Path>) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().build()?;
    for stream in [Stream::Interactions, Stream::Videos, Stream::Ads] {
        let events = input::simulated(stream, EVENTS)?;
        let peer = python.filter(|_| stream == Stream::Interactions);
        bench_stream(report, &runtime, &events, peer)?;
    }
    Ok(())
}

fn bench_stream(
    report: &mut Report,
    runtime: &Runtime,
    events: &Events,
    python: Option<&Path>,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let table = events.event.table();
    let landed = land(runtime, folder.path(), events, EVENTS)?;
    let headers: usize = headers(events.event.message())
        .iter()
        .map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len))
        .sum();
    let (key, value) = (input::mean(&events.keys), input::mean(&events.protobuf));
    report.note(&format!(
        "land: {EVENTS} {table}; mean bytes: {:.0} a record (key {key:.0}, value {value:.0}, headers {headers}), {:.0} a row \
         in {} objects of {} bytes in all",
        key + value + headers as f64,
        landed.bytes as f64 / EVENTS as f64,
        landed.objects,
        landed.bytes,
    ));
    let input = python::Input::write(folder.path(), events.event, &events.protobuf)?;
    let (mut ours, mut invoked, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    let mut objects = 0;
    for _ in 0..RUNS {
        ours.push(cpu_seconds(|| {
            land(runtime, folder.path(), events, EVENTS).expect("landing works");
        }));
        invoked.push(cpu_seconds(|| {
            let counts = land(runtime, folder.path(), events, INVOCATION).expect("landing works");
            objects = counts.objects;
        }));
        if let Some(python) = python {
            peer.push(python::cpu_seconds(python, "land_pyarrow.py", &input)?);
        }
    }
    let rate = EVENTS as f64 / median(ours);
    report.add(Measure {
        name: format!("land: {table} to Parquet, the goal"),
        ours: rate,
        peer: 1e6,
        peer_name: "the goal".to_owned(),
        unit: "events/s of CPU",
        ratio: rate / 1e6,
        goal: 1.0,
    });
    if !peer.is_empty() {
        let size = std::fs::metadata(folder.path().join("peer.parquet"))?.len();
        report.note(&format!(
            "land: the peer's object has {size} bytes, {:.0} a row",
            size as f64 / EVENTS as f64
        ));
        let peer = EVENTS as f64 / median(peer);
        report.add(Measure {
            name: format!("land: {table} to Parquet"),
            ours: rate,
            peer,
            peer_name: "Python: protobuf (upb), pyarrow".to_owned(),
            unit: "events/s of CPU",
            ratio: rate / peer,
            goal: 1.0,
        });
    }
    let landed = Landed { what: table, records: EVENTS, cpu_seconds: median(invoked), objects };
    report.note(&landed.in_invocations_of(INVOCATION));
    Ok(())
}

fn headers(message: &str) -> Vec<(&'static str, Option<&[u8]>)> {
    vec![
        ("content-type", Some(b"application/x-protobuf")),
        ("event-type", Some(message.as_bytes())),
        ("schema-version", Some(b"1")),
        ("traceparent", Some(TRACE)),
    ]
}

/// Everything into one partition, as one consumer thread would; everything taken is stored after each `rolled` records, as
/// a Lambda does at its end.
fn land(runtime: &Runtime, folder: &Path, events: &Events, rolled: usize) -> anyhow::Result<LandCounts> {
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(folder.join("lake")));
    let mut settings = LandSettings::default();
    settings.rolling.age = Duration::MAX;
    let mut landing = RawWriter::new(store, Arc::new(NoRecords), TopicGeneration::new("bench")?, settings);
    let now = Micros(1_770_076_800_000_000);
    let records = events.keys.iter().zip(&events.protobuf).zip(&events.timestamps);
    for (offset, ((key, value), &timestamp)) in (0..).zip(records) {
        let record = Record {
            topic: events.event.topic(),
            partition: 0,
            offset: Offset(offset),
            timestamp: Some(timestamp),
            key: Some(key),
            value: Some(value),
            headers: headers(events.event.message()),
        };
        landing.push(&record, now)?;
        if (offset + 1) % rolled as i64 == 0 {
            runtime.block_on(landing.roll_all(now))?;
        } else if offset % 256 == 0 {
            runtime.block_on(landing.roll_due(now))?;
        }
    }
    runtime.block_on(landing.roll_all(now))?;
    ensure!(landing.counts().rows == events.protobuf.len() as u64, "not every record was landed");
    Ok(landing.counts())
}
