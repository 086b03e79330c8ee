//! Kafka's records into durable Parquet objects in a folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use land_events::{LandSettings, RawWriter};
use millrace_events::instant::{Micros, Millis};
use millrace_events::position::Offset;
use millrace_lake::{FolderStore, Store, TopicGeneration};
use millrace_stream::producer::NoRecords;
use millrace_stream::record::Record;
use tokio::runtime::{Builder, Runtime};

use crate::input::Users;
use crate::peers;
use millrace_bench_report::{Measure, Report, in_turn, median};

pub(crate) fn bench(report: &mut Report, users: &Users) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let runtime = Builder::new_current_thread().build()?;
    let rows = users.protobuf.len() as f64;
    let ours = || land(&runtime, folder.path(), &users.protobuf, b"application/x-protobuf");
    let peer = || peers::stock(folder.path(), &users.protobuf).expect("the stock way works");
    ours()?;
    report.note(&format!(
        "records: {} rows, ours in objects of {} bytes, the stock way's of {}",
        users.protobuf.len(),
        object_sizes(folder.path())?,
        peer()
    ));
    let (ours, peer) = in_turn(9, || ours().expect("landing works"), || assert!(peer() > 0));
    let rate = rows / ours;
    report.add(Measure {
        name: "records: Protobuf to Parquet, the goal".to_owned(),
        ours: rate,
        peer: 500_000.0,
        peer_name: "the goal".to_owned(),
        unit: "users/s of CPU",
        ratio: rate / 500_000.0,
        goal: 1.0,
    });
    report.add(Measure {
        name: "records: Protobuf to Parquet, the floor".to_owned(),
        ours: rate,
        peer: 300_000.0,
        peer_name: "not done below".to_owned(),
        unit: "users/s of CPU",
        ratio: rate / 300_000.0,
        goal: 1.0,
    });
    report.add(Measure {
        name: "records: Protobuf to Parquet".to_owned(),
        ours: rate,
        peer: rows / peer,
        peer_name: "prost, arrow, parquet as they come".to_owned(),
        unit: "users/s of CPU",
        ratio: peer / ours,
        goal: 1.0,
    });
    bench_json(report, users, &runtime, folder.path())
}

fn bench_json(report: &mut Report, users: &Users, runtime: &Runtime, folder: &Path) -> anyhow::Result<()> {
    let Some(python) = peers::python() else {
        report.note("skipped: JSON beside Python: MILLRACE_PYTHON names no Python with pyarrow; cargo xtask bench sets it");
        return Ok(());
    };
    let rows = users.json.len() as f64;
    let lines = folder.join("users.ndjson");
    std::fs::write(&lines, users.json.join(&b'\n')).context("the peer's input")?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let land = || land(runtime, folder, &users.json, b"application/json").expect("landing works");
        ours.push(millrace_bench_report::cpu_seconds(land));
        peer.push(peers::json_pyarrow(&python, &lines, &folder.join("peer.parquet"))?);
    }
    let (ours, peer) = (median(ours), median(peer));
    report.add(Measure {
        name: "records: JSON to Parquet".to_owned(),
        ours: rows / ours,
        peer: rows / peer,
        peer_name: "Python's json and pyarrow".to_owned(),
        unit: "users/s of CPU",
        ratio: peer / ours,
        goal: 6.0,
    });
    Ok(())
}

/// Everything into one partition, as one Lambda or one consumer thread would.
fn land(runtime: &Runtime, folder: &Path, values: &[Vec<u8>], content_type: &[u8]) -> anyhow::Result<()> {
    let lake = folder.join("lake");
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
    let generation = TopicGeneration::new("bench")?;
    let mut settings = LandSettings::default();
    settings.rolling.age = Duration::MAX;
    let mut landing = RawWriter::new(store, Arc::new(NoRecords), generation, settings);
    let now = Micros(1_767_225_600_000_000);
    for (offset, value) in (0..).zip(values) {
        let record = Record {
            topic: "users_created",
            partition: 0,
            offset: Offset(offset),
            timestamp: Some(Millis(1_767_225_600_000 + offset / 100)),
            key: Some(&value[..16]),
            value: Some(value),
            headers: vec![
                ("content-type", Some(content_type)),
                ("event-type", Some(b"millrace.users.v1.UserCreated")),
                ("schema-version", Some(b"1")),
            ],
        };
        landing.push(&record, now)?;
        if offset % 256 == 0 {
            runtime.block_on(landing.roll_due(now))?;
        }
    }
    runtime.block_on(landing.roll_all(now))?;
    anyhow::ensure!(landing.counts().rows == values.len() as u64, "not every record was landed");
    Ok(())
}

fn object_sizes(folder: &Path) -> anyhow::Result<String> {
    let store = FolderStore::new(folder.join("lake"));
    let objects = Builder::new_current_thread().build()?.block_on(store.list("raw/"))?;
    Ok(objects.iter().map(|object| object.size.to_string()).collect::<Vec<_>>().join(", "))
}
