//! The embedded broker's dead letters, kept in the lake before the broker dies with its process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use millrace_lake::Generation;
use millrace_lake::dead_letter::DeadLetter;
use millrace_lake::dead_letters::DeadLetterFile;
use millrace_stream::consumer::Consumer;
use millrace_stream::hold_back::HoldBack;
use millrace_stream::record::Record;
use millrace_stream::topics::{USERS_CREATED, dead_letters_of};
use tokio::runtime::Handle;

use super::broker::Broker;

/// Letters that are made durable at once.
const BATCH: usize = 512;
const STALLED: Duration = Duration::from_secs(60);

/// What was drained.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DrainedLetters {
    pub(crate) letters: u64,
}

/// The draining while it runs.
pub(crate) struct Drain {
    thread: std::thread::JoinHandle<anyhow::Result<DrainedLetters>>,
    ends: Arc<OnceLock<BTreeMap<(String, i32), i64>>>,
}

pub(crate) fn start(broker: &Broker, hold_back: &Arc<HoldBack>, lake: &Path) -> anyhow::Result<Drain> {
    let topic = dead_letters_of(USERS_CREATED);
    let starts = BTreeMap::from([((topic.clone(), 0), 0)]);
    let consumer = Consumer::assign(&broker.settings, &format!("{}-dead-letters", broker.group), &starts)?;
    let ends = Arc::new(OnceLock::new());
    let worker = Worker {
        consumer,
        topic,
        lake: lake.to_owned(),
        generation: broker.generation.clone(),
        hold_back: Arc::clone(hold_back),
        ends: Arc::clone(&ends),
        runtime: Handle::current(),
    };
    let hold_back = Arc::clone(hold_back);
    let thread = std::thread::Builder::new().name("dead-letters".to_owned()).spawn(move || {
        let result = worker.run();
        if result.is_err() {
            hold_back.close();
        }
        result
    })?;
    Ok(Drain { thread, ends })
}

impl Drain {
    /// Waits until the dead letters up to `ends` are in the lake.
    pub(crate) async fn finish(self, ends: BTreeMap<(String, i32), i64>) -> anyhow::Result<DrainedLetters> {
        let _ = self.ends.set(ends);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await?;
        joined
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .context("the dead letters could not be kept in the lake")
    }
}

struct Worker {
    consumer: Consumer,
    topic: String,
    lake: PathBuf,
    generation: Generation,
    hold_back: Arc<HoldBack>,
    ends: Arc<OnceLock<BTreeMap<(String, i32), i64>>>,
    runtime: Handle,
}

impl Worker {
    fn run(self) -> anyhow::Result<DrainedLetters> {
        let mut file = None;
        let mut batch = Vec::new();
        let (mut bytes, mut next_offset, mut last_letter) = (0, 0, Instant::now());
        loop {
            let letter =
                self.consumer.next(Duration::from_millis(20), |record| (letter(record), record.size()))?;
            let came = letter.is_some();
            if let Some((letter, size)) = letter {
                next_offset = letter.offset + 1;
                bytes += size;
                batch.push(letter);
                last_letter = Instant::now();
            }
            if !batch.is_empty() && (!came || batch.len() >= BATCH) {
                let file = match &mut file {
                    Some(file) => file,
                    None => file.insert(self.runtime.block_on(DeadLetterFile::create(
                        &self.lake,
                        USERS_CREATED,
                        &self.generation,
                    ))?),
                };
                self.runtime.block_on(file.append(&batch))?;
                self.consumer.commit(&self.topic, 0, next_offset)?;
                self.hold_back.release(&self.topic, 0, std::mem::take(&mut bytes));
                batch.clear();
            }
            let Some(ends) = self.ends.get() else { continue };
            let end = ends.get(&(self.topic.clone(), 0)).map_or(0, |last| last + 1);
            if batch.is_empty() && next_offset >= end {
                break;
            }
            anyhow::ensure!(came || last_letter.elapsed() < STALLED, "the broker lost dead letters");
        }
        let letters = match file {
            Some(file) => self.runtime.block_on(file.finish())?,
            None => 0,
        };
        Ok(DrainedLetters { letters })
    }
}

fn letter(record: &Record<'_>) -> DeadLetter {
    let owned = |bytes: &[u8]| bytes.to_vec();
    DeadLetter {
        partition: record.partition,
        offset: record.offset,
        timestamp_micros: record.timestamp.map(|millis| millis * 1_000),
        key: record.key.map(owned),
        value: record.value.map(owned),
        headers: record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(owned))).collect(),
    }
}
