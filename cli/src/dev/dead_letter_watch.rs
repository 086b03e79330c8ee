//! What the function made dead letters of. Its answer calls these done: only the dead-letter topics tell.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use land_events::DeadLettersByKind;
use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::StreamError;
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::offset_set::OffsetSet;
use millrace_stream::record::Record;
use millrace_stream::topics::{Topics, dead_letters_of};

use crate::dead_letters::FirstWarning;

/// Positions by topic and partition.
type Offsets = BTreeMap<TopicPartition, Offset>;

/// The positions that were read for the function, for who wants to know whether a dead letter is one of them.
pub(super) type Delivered = Arc<Mutex<OffsetSet>>;

/// How long the letters up to the ends may take to be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the dead-letter topics from where they ended when it began, in a thread of its own.
pub(super) struct LetterWatch {
    settings: ClientSettings,
    topics: Vec<String>,
    ends: Arc<OnceLock<Offsets>>,
    thread: JoinHandle<Result<DeadLettersByKind, StreamError>>,
}

impl LetterWatch {
    /// Blocks while it asks for the ends.
    ///
    /// # Errors
    /// No broker answers, or none that lets us in.
    pub(super) fn begin(
        settings: &ClientSettings,
        topics: &[&str],
        delivered: &Delivered,
    ) -> anyhow::Result<Self> {
        let topics: Vec<_> = topics.iter().map(|topic| dead_letters_of(topic)).collect();
        // One that is not there yet begins at 0 when it is.
        let starts = ends(settings, &topics)?;
        let reader = Reader {
            settings: settings.clone(),
            positions: starts,
            consumer: None,
            delivered: Arc::clone(delivered),
            seen: OffsetSet::default(),
            dead: DeadLettersByKind::default(),
            first: FirstWarning::default(),
        };
        let ends = Arc::new(OnceLock::new());
        let told = Arc::clone(&ends);
        let thread =
            std::thread::Builder::new().name("dead-letters".to_owned()).spawn(move || reader.read(&told))?;
        Ok(Self { settings: settings.clone(), topics, ends, thread })
    }

    /// Reads what is there by now, and answers what of it was delivered here. Blocks.
    pub(super) fn finish(self) -> Result<DeadLettersByKind, StreamError> {
        let asked = ends(&self.settings, &self.topics);
        // Without the ends the thread would go on for ever.
        let _ = self.ends.set(asked.as_ref().map(Clone::clone).unwrap_or_default());
        let read = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        asked.and(read)
    }
}

fn ends(settings: &ClientSettings, topics: &[String]) -> Result<Offsets, StreamError> {
    let brokers = Topics::connect(settings)?;
    let mut ends = Offsets::new();
    for topic in topics {
        let marks = brokers.watermarks(topic)?.into_iter();
        ends.extend(marks.map(|(partition, marks)| (TopicPartition::new(topic, partition), marks.end)));
    }
    Ok(ends)
}

struct Reader {
    settings: ClientSettings,
    /// What is read next.
    positions: Offsets,
    consumer: Option<Consumer>,
    delivered: Delivered,
    seen: OffsetSet,
    dead: DeadLettersByKind,
    first: FirstWarning,
}

impl Reader {
    fn read(mut self, ends: &OnceLock<Offsets>) -> Result<DeadLettersByKind, StreamError> {
        let mut asked_at = None;
        loop {
            if let Some(ends) = ends.get() {
                let asked_at = *asked_at.get_or_insert_with(Instant::now);
                self.add_new(ends);
                let behind = ends.iter().any(|(place, end)| self.positions.get(place) < Some(end));
                // Transactions leave marks at a topic's end that no reader is given.
                if !behind || asked_at.elapsed() >= PATIENCE {
                    return Ok(self.dead);
                }
            }
            self.next()?;
            self.first.look(&self.dead);
        }
    }

    /// Topics that were made meanwhile are read from their beginning.
    fn add_new(&mut self, ends: &Offsets) {
        for place in
            ends.keys().filter(|place| !self.positions.contains_key(place)).cloned().collect::<Vec<_>>()
        {
            self.positions.insert(place, Offset::ZERO);
            self.consumer = None;
        }
    }

    fn next(&mut self) -> Result<(), StreamError> {
        const TURN: Duration = Duration::from_millis(100);
        if self.positions.is_empty() {
            std::thread::sleep(TURN);
            return Ok(());
        }
        let consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            // Nothing is committed under this name.
            None => Consumer::assign(&self.settings, "millrace-dev-dead-letters", &self.positions)?,
        };
        consumer.next(TURN, |record| self.take(record))?;
        self.consumer = Some(consumer);
        Ok(())
    }

    fn take(&mut self, letter: &Record<'_>) {
        self.positions.insert(TopicPartition::new(letter.topic, letter.partition), letter.offset.next());
        let number = |name| letter.header(name).and_then(|text| text.parse::<i64>().ok());
        let (topic, kind) = (letter.header("source-topic"), letter.header("error-kind"));
        let (Some(topic), Some(kind)) = (topic, kind) else { return };
        let place = (number("source-partition"), number("source-offset"));
        let (Some(partition), Some(offset)) = place else { return };
        let offset = Offset(offset);
        let Ok(partition) = i32::try_from(partition) else { return };
        let delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = delivered.contains(topic, partition, offset);
        drop(delivered);
        // A record that came again may have become a letter twice.
        if ours && self.seen.insert(topic, partition, offset) {
            let reason = letter.header("error-message").unwrap_or_default();
            self.dead.add(kind, || format!("{topic}/{partition}, offset {offset}: {reason}"));
        }
    }
}
