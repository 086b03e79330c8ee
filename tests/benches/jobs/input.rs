//! Simulated users as raw objects, written by the project's own libraries without Kafka; made once and kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, NaiveDate, NaiveTime};
use millrace_events::batch::{SourcePartition, UserBatchBuilder};
use millrace_events::decode::Value;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_events::randomuser::{AnswerContext, PageUser, SIMULATOR, SourceClock, read_answer};
use millrace_events::raw_schema;
use millrace_lake::raw_object_writer::RawObject;
use millrace_lake::{FolderStore, RawObjectName, Store, TopicGeneration};
use millrace_sources::Simulation;
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

/// The day of all runs.
pub(crate) const AS_OF: &str = "2026-01-31";
/// The runs' start, as the tables tell it.
pub(crate) const STARTED_AT: &str = "2026-02-01T03:00:00Z";

/// An eighth of an hour of the simulator's clock (1 ms a user), so that no object crosses an hour; about 55 MiB.
const ROWS_OF_OBJECT: u64 = 450_000;
/// Partitions of the topic, which objects fall to in turn.
const PARTITIONS: u64 = 4;
const PAGE: u64 = 5_000;
const TOPIC: &str = "users_created";
const GENERATION: &str = "bench";
/// What the objects follow from beside the number of users; another text makes them anew.
const RECIPE: &str = "seed 1, 5% repeated, 450000 rows an object";

/// The raw objects of some simulated users.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) users: u64,
    /// Holds the lake, and what the peers write.
    pub(crate) folder: PathBuf,
    pub(crate) lake: PathBuf,
    made: Made,
}

/// Written behind the last object: without it, or where it does not fit what is there, objects are made anew.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    recipe: String,
    rows: u64,
    objects: u64,
    bytes: u64,
}

impl Input {
    /// The objects of `users` simulated users in `scratch`.
    pub(crate) fn of(scratch: &Path, users: u64) -> anyhow::Result<Self> {
        let folder = scratch.join(format!("users-{users}"));
        let (lake, note) = (folder.join("lake"), folder.join("input.json"));
        let (objects, bytes) = objects_of(&lake)?;
        let there = Made { recipe: RECIPE.to_owned(), rows: users, objects, bytes };
        let kept: Option<Made> = fs::read(&note).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if kept.as_ref() == Some(&there) {
            return Ok(Self { users, folder, lake, made: there });
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("could not remove {}", folder.display()))?;
        }
        eprintln!("simulating {users} users into {}, once", lake.display());
        make(&lake, users)?;
        let (objects, bytes) = objects_of(&lake)?;
        let made = Made { objects, bytes, ..there };
        fs::write(&note, serde_json::to_vec(&made)?)?;
        Ok(Self { users, folder, lake, made })
    }

    pub(crate) fn told(&self) -> String {
        let Made { recipe, rows, objects, bytes } = &self.made;
        format!(
            "input: {rows} rows of simulated users ({recipe}) in {objects} raw objects of {bytes} bytes in all"
        )
    }

    /// Reads every object once, so that nobody is the first to fetch them from the disk.
    pub(crate) fn warm(&self) -> anyhow::Result<()> {
        for object in parquet_files(&self.lake.join("raw"))? {
            std::io::copy(&mut fs::File::open(&object)?, &mut std::io::sink())
                .with_context(|| format!("could not read {}", object.display()))?;
        }
        Ok(())
    }

    /// Removes what jobs wrote into the lake.
    pub(crate) fn leave_raw_alone(&self) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.lake)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("raw") {
                fs::remove_dir_all(&path).with_context(|| format!("could not remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

pub(crate) fn started_at_micros() -> anyhow::Result<i64> {
    Ok(DateTime::parse_from_rfc3339(STARTED_AT)?.timestamp_micros())
}

/// Parquet files at any depth, sorted; none where there is no folder.
pub(crate) fn parquet_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn objects_of(lake: &Path) -> anyhow::Result<(u64, u64)> {
    let files = parquet_files(&lake.join("raw"))?;
    let sizes = files.iter().map(|file| Ok(file.metadata()?.len())).collect::<anyhow::Result<Vec<_>>>()?;
    Ok((sizes.len() as u64, sizes.iter().sum()))
}

/// Writes all objects, on every processor at once.
fn make(lake: &Path, users: u64) -> anyhow::Result<()> {
    let objects = users.div_ceil(ROWS_OF_OBJECT);
    let next = AtomicU64::new(0);
    let work = || -> anyhow::Result<()> {
        let runtime = Builder::new_current_thread().build()?;
        let store = FolderStore::new(lake);
        loop {
            let object = next.fetch_add(1, Ordering::Relaxed);
            if object >= objects {
                return Ok(());
            }
            let (name, first_timestamp, body) = encode(object, users)?;
            let key = name.key("users", first_timestamp)?;
            runtime.block_on(store.put(&key, body.into()))?;
            eprintln!("simulated: object {} of {objects}", object + 1);
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("a thread that simulates users panicked"),
            }
        }
        Ok(())
    })
}

/// One object: its name, the timestamp of its first row, its bytes.
fn encode(object: u64, users: u64) -> anyhow::Result<(RawObjectName, Micros, Vec<u8>)> {
    let simulation = Simulation::new(1, millrace_sources::Share::NONE, "5%".parse()?);
    let day: NaiveDate = AS_OF.parse()?;
    let day_start = Micros(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
    let partition = i32::try_from(object % PARTITIONS)?;
    let first_offset = Offset(i64::try_from(object / PARTITIONS * ROWS_OF_OBJECT)?);
    let source = SourcePartition { topic: TOPIC.to_owned(), generation: GENERATION.to_owned(), partition };
    let mut batch = UserBatchBuilder::new(source, PAGE as usize);
    let mut encoded = RawObject::new(raw_schema::users())?;
    let (first, end) = (object * ROWS_OF_OBJECT, users.min((object + 1) * ROWS_OF_OBJECT));
    let mut first_timestamp = None;
    let mut offset = first_offset;
    let mut answer = Vec::new();
    for page_start in (first..end).step_by(PAGE as usize) {
        let size = PAGE.min(end - page_start) as usize;
        answer.clear();
        simulation.write_answer(page_start, size, 1, &mut answer);
        let clock = SourceClock::Logical { day_start, users_before: page_start };
        let context = AnswerContext { source: SIMULATOR, page: 1, clock, limit: size };
        let page = read_answer(&answer, &context)?;
        for user in &page.users {
            let PageUser::Event { value, fetched_at, .. } = user else {
                bail!("a simulated user was refused")
            };
            let bytes = Some(page.bytes(value));
            let value = Value { bytes, content_type: Some("application/x-protobuf"), source: None };
            batch.push(&value, offset, *fetched_at)?;
            first_timestamp.get_or_insert(*fetched_at);
            offset = offset.next();
        }
        encoded.write(&batch.finish(day_start)?)?;
    }
    ensure!(encoded.rows() as u64 == end - first, "{} rows in place of {}", encoded.rows(), end - first);
    let name =
        RawObjectName::new(TOPIC, TopicGeneration::new(GENERATION)?, partition, first_offset, offset - 1)?;
    Ok((name, first_timestamp.context("an object without a row")?, encoded.finish()?))
}
