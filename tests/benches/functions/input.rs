//! Batches of 6 MB, as Kafka's event source mapping delivers them.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use millrace_event_source::OwnedRecord;
use millrace_event_source::payload::payload;
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_events::randomuser::{API, AnswerContext, PageUser, SourceClock, read_answer};
use millrace_proto::DESCRIPTORS;
use millrace_sources::{Share, Simulation};

/// The largest payload of an invocation.
const PAYLOAD: usize = 6_000_000;

/// 2026-02-03 04:00, UTC.
const HOUR: Millis = Millis(1_770_091_200_000);

pub(crate) struct Payloads {
    /// In each.
    pub(crate) users: usize,
    pub(crate) bodies: Vec<Vec<u8>>,
}

/// So many payloads of other users and offsets, each as large as an invocation takes.
pub(crate) fn payloads(count: usize) -> anyhow::Result<Payloads> {
    let sample = payload("b-1:9096", &records(0, 1_000)?).len();
    // A hundredth of room: users differ in length.
    let users = PAYLOAD * 99 / 100 / (sample / 1_000 + 1);
    let bodies = (0..count).map(|batch| anyhow::Ok(payload("b-1:9096", &records(batch * users, users)?)));
    let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
    ensure!(bodies.iter().all(|body| body.len() <= PAYLOAD), "a payload is too large");
    Ok(Payloads { users, bodies })
}

fn records(first: usize, count: usize) -> anyhow::Result<Vec<OwnedRecord>> {
    let mut body = Vec::new();
    Simulation::new(1, Share::NONE, Share::NONE).write_answer(first as u64, count, 1, &mut body);
    let clock = SourceClock::Answered(HOUR.micros());
    let page = read_answer(&body, &AnswerContext { source: API, page: 1, clock, limit: usize::MAX })?;
    let users = page.users.iter().enumerate().map(|(at, user)| {
        let PageUser::Event { key, value, .. } = user else { anyhow::bail!("a simulated user was refused") };
        let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_vec()));
        Ok(OwnedRecord {
            topic: "users_created".to_owned(),
            partition: 0,
            offset: Offset(i64::try_from(first + at)?),
            timestamp: Some(HOUR),
            key: key.as_ref().map(|key| page.bytes(key).to_vec()),
            value: Some(page.bytes(value).to_vec()),
            headers: vec![
                header("content-type", b"application/x-protobuf"),
                header("event-type", b"millrace.users.v1.UserCreated"),
                header("schema-version", b"1"),
            ],
        })
    });
    users.collect()
}

/// What the Python peer reads: the messages' descriptors.
pub(crate) fn write_for_python(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("descriptors");
    std::fs::write(&path, DESCRIPTORS)?;
    Ok(path)
}

/// What the lake holds.
pub(crate) struct InTheLake {
    pub(crate) rows: u64,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

/// By the objects' names, which tell their first and last offsets.
pub(crate) fn landed(lake: &Path) -> anyhow::Result<InTheLake> {
    let mut found = InTheLake { rows: 0, objects: 0, bytes: 0 };
    let mut folders = vec![lake.join("lake/raw")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(stem) = name.strip_suffix(".parquet") else { continue };
            let mut parts = stem.rsplit('-');
            let mut offset = || parts.next().unwrap_or_default().parse::<u64>();
            let (last, first) = (offset()?, offset()?);
            found.rows += last - first + 1;
            found.objects += 1;
            found.bytes += entry.metadata()?.len();
        }
    }
    Ok(found)
}
