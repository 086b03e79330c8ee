//! The embedded broker's dead letters, kept in the lake before the broker dies with its process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use millrace_events::event::Event;
use millrace_events::instant::Millis;
use millrace_events::position::{Offset, TopicPartition};
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_lake::dead_letter_store::Letters;
use millrace_lake::erasure::letter_subject;
use millrace_lake::erasure::refused_ids::RefusalWatch;
use millrace_lake::{Store, TopicGeneration};
use millrace_stream::backpressure::Backpressure;
use millrace_stream::consumer::Consumer;
use millrace_stream::record::Record;
use millrace_stream::topics::dead_letters_of;
use tokio::runtime::Handle;

use super::broker::Broker;

/// Letters that are made durable at once.
const BATCH: usize = 512;
const STALLED: Duration = Duration::from_secs(60);

/// What was drained.
#[derive(Debug, Clone, Default)]
pub(crate) struct DrainedLetters {
    /// By the topic that they are dead letters of.
    pub(crate) by_topic: BTreeMap<String, u64>,
    /// Those about persons who were erased from the lake: they are not in it.
    pub(crate) erased: BTreeMap<String, u64>,
}

/// The draining while it runs.
pub(crate) struct Drain {
    thread: std::thread::JoinHandle<anyhow::Result<DrainedLetters>>,
    ends: Arc<OnceLock<BTreeMap<TopicPartition, Offset>>>,
}

pub(crate) fn start(
    broker: &Broker,
    streams: &[&'static Event],
    hold_back: &Arc<Backpressure>,
    store: &Arc<dyn Store>,
    folder: Option<&Path>,
) -> anyhow::Result<Drain> {
    let queues: Vec<Queue> = streams.iter().map(|event| Queue::of(event.topic(), broker)).collect();
    let starts =
        queues.iter().map(|queue| (TopicPartition::new(&queue.topic, 0), queue.next_offset)).collect();
    let consumer = Consumer::assign(&broker.settings, &format!("{}-dead-letters", broker.group), &starts)?;
    let ends = Arc::new(OnceLock::new());
    let worker = Worker {
        consumer,
        queues,
        store: Arc::clone(store),
        folder: folder.map(Path::to_owned),
        generation: broker.generation.clone(),
        hold_back: Arc::clone(hold_back),
        ends: Arc::clone(&ends),
        refusals: RefusalWatch::new(Arc::clone(store)),
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
    pub(crate) async fn finish(
        self,
        ends: BTreeMap<TopicPartition, Offset>,
    ) -> anyhow::Result<DrainedLetters> {
        let _ = self.ends.set(ends);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await?;
        joined
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .context("the dead letters could not be kept in the lake")
    }
}

struct Worker {
    consumer: Consumer,
    queues: Vec<Queue>,
    store: Arc<dyn Store>,
    /// The lake's, where it is one.
    folder: Option<PathBuf>,
    generation: TopicGeneration,
    hold_back: Arc<Backpressure>,
    ends: Arc<OnceLock<BTreeMap<TopicPartition, Offset>>>,
    refusals: RefusalWatch,
    runtime: Handle,
}

/// One topic's dead letters on their way into their file.
struct Queue {
    /// The topic that they are dead letters of.
    source: &'static str,
    topic: String,
    /// Made for the first letter.
    file: Option<Letters>,
    batch: Vec<DeadLetter>,
    /// Letters about erased persons, so far.
    erased: u64,
    /// Of the batch, as the broker holds it.
    bytes: usize,
    next_offset: Offset,
}

impl Queue {
    fn of(source: &'static str, broker: &Broker) -> Self {
        let topic = dead_letters_of(source);
        let next_offset = Offset(broker.settings.base_offsets.of(&topic, 0));
        Self { source, topic, file: None, batch: Vec::new(), erased: 0, bytes: 0, next_offset }
    }

    fn is_done(&self, ends: &BTreeMap<TopicPartition, Offset>) -> bool {
        let end = ends.get(&TopicPartition::new(&self.topic, 0)).map_or(Offset::ZERO, |last| last.next());
        self.batch.is_empty() && self.next_offset >= end
    }
}

impl Worker {
    fn run(mut self) -> anyhow::Result<DrainedLetters> {
        let mut last_letter = Instant::now();
        loop {
            let queues = &mut self.queues;
            let came = self.consumer.next(Duration::from_millis(20), |record| {
                let Some(queue) = queues.iter_mut().find(|queue| queue.topic == record.topic) else { return };
                queue.next_offset = record.offset.next();
                queue.bytes += record.size();
                queue.batch.push(letter(record));
            })?;
            let came = came.is_some();
            if came {
                last_letter = Instant::now();
            }
            for place in 0..self.queues.len() {
                let waiting = self.queues[place].batch.len();
                if waiting > 0 && (!came || waiting >= BATCH) {
                    self.keep(place)?;
                }
            }
            let Some(ends) = self.ends.get() else { continue };
            if self.queues.iter().all(|queue| queue.is_done(ends)) {
                break;
            }
            anyhow::ensure!(came || last_letter.elapsed() < STALLED, "the broker lost dead letters");
        }
        let mut drained = DrainedLetters::default();
        for queue in self.queues {
            if queue.erased > 0 {
                drained.erased.insert(queue.source.to_owned(), queue.erased);
            }
            if let Some(file) = queue.file {
                drained.by_topic.insert(queue.source.to_owned(), self.runtime.block_on(file.finish())?);
            }
        }
        Ok(drained)
    }

    /// Makes a queue's letters durable, which makes room for more.
    fn keep(&mut self, place: usize) -> anyhow::Result<()> {
        let refused = self.runtime.block_on(self.refusals.current())?;
        let queue = &mut self.queues[place];
        let came = queue.batch.len();
        queue.batch.retain(|letter| !letter_subject::is_of_refused(letter, &refused));
        queue.erased += (came - queue.batch.len()) as u64;
        if queue.batch.is_empty() {
            self.consumer.commit(&queue.topic, 0, queue.next_offset)?;
            self.hold_back.release(&queue.topic, 0, std::mem::take(&mut queue.bytes));
            return Ok(());
        }
        let file = match &mut queue.file {
            Some(file) => file,
            none => {
                let made =
                    Letters::create(&self.store, self.folder.as_deref(), queue.source, &self.generation);
                none.insert(self.runtime.block_on(made)?)
            }
        };
        self.runtime.block_on(file.append(&queue.batch))?;
        self.consumer.commit(&queue.topic, 0, queue.next_offset)?;
        self.hold_back.release(&queue.topic, 0, std::mem::take(&mut queue.bytes));
        queue.batch.clear();
        Ok(())
    }
}

fn letter(record: &Record<'_>) -> DeadLetter {
    let owned = |bytes: &[u8]| bytes.to_vec();
    DeadLetter {
        partition: record.partition,
        offset: record.offset,
        timestamp_micros: record.timestamp.map(Millis::micros),
        key: record.key.map(owned),
        value: record.value.map(owned),
        headers: record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(owned))).collect(),
    }
}
