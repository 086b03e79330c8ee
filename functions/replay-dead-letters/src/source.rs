//! Where dead letters are kept: a port, the queue and the lake behind it.

use std::sync::Arc;
use std::time::Duration;

use millrace_events::failure::{Class, Classified};
use millrace_lake::dead_letter_line::{BadLine, DeadLetter};
use millrace_lake::root_names::DEAD_LETTERS;
use millrace_lake::{Store, StoreError, layout};
use millrace_stream::StreamError;
use millrace_stream::client::ClientSettings;
use millrace_stream::peek::{Peek, Peeked, Start, Until};
use millrace_stream::topics::dead_letters_of;

use crate::dead_letter::Letter;

/// Gives the letters of one topic's queue.
pub trait LetterSource: Send {
    /// Hands every letter that is there now to `take`, those of a partition in their order, until it says no. Blocks.
    fn each(&mut self, take: &mut dyn FnMut(Letter) -> bool) -> Result<(), SourceError>;
}

/// Why letters could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Reading the queue failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The queue gave nothing for a while before its end. A retry may help.
    #[error("the dead letters of {topic} were not read to their end within {seconds} s; try again")]
    Slow {
        /// The dead-letter topic.
        topic: String,
        /// How long the next letter was waited for.
        seconds: u64,
    },
    /// The lake could not be listed or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A line in the lake is no dead letter. No retry helps: the file has to be mended or moved away.
    #[error("line {line} of {key}: {source}")]
    Line {
        /// The object.
        key: String,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        source: BadLine,
    },
}

impl Classified for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Stream(error) => error.class(),
            Self::Slow { .. } => Class::Retry,
            Self::Store(error) => error.class(),
            Self::Line { .. } => Class::Stop,
        }
    }
}

/// The letters of a dead-letter topic, to the end that it had when they were asked for: what comes later is another run's.
#[derive(Debug)]
pub struct QueueLetters {
    client: ClientSettings,
    queue: String,
}

/// The longest wait for one letter: a queue whose end is known gives the next one at once.
const PATIENCE: Duration = Duration::from_secs(10);

impl QueueLetters {
    /// The dead letters of `topic`, which is named without `.dlq`. The brokers are not asked yet.
    pub fn new(client: ClientSettings, topic: &str) -> Self {
        Self { client, queue: dead_letters_of(topic) }
    }
}

impl LetterSource for QueueLetters {
    fn each(&mut self, take: &mut dyn FnMut(Letter) -> bool) -> Result<(), SourceError> {
        let mut peek = Peek::open(&self.client, &self.queue, Start::Beginning, Until::End)?;
        loop {
            match peek.next(PATIENCE, Letter::of_record)? {
                Peeked::End => break,
                Peeked::Nothing => {
                    return Err(SourceError::Slow { topic: self.queue.clone(), seconds: PATIENCE.as_secs() });
                }
                Peeked::Record(letter) => {
                    if !take(letter) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The letters of a lake, read whole when this is made.
#[derive(Debug)]
pub struct LakeLetters {
    letters: Vec<Letter>,
}

impl LakeLetters {
    /// Reads `_dead_letters/<topic>/`, where `millrace run` keeps them, and `_dead_letters/<topic>.dlq/`.
    pub async fn read(store: &Arc<dyn Store>, topic: &str) -> Result<Self, SourceError> {
        let mut objects = store.list(&format!("{DEAD_LETTERS}/{topic}/")).await?;
        objects.extend(store.list(&format!("{DEAD_LETTERS}/{}/", dead_letters_of(topic))).await?);
        objects.retain(|object| layout::is_dead_letters(&object.key));
        let mut letters = Vec::new();
        for object in objects {
            let key = object.key.as_str();
            let body = store.get(&object.key).await?;
            let file =
                key.trim_start_matches(DEAD_LETTERS).trim_start_matches('/').trim_end_matches(".jsonl");
            for (line, text) in String::from_utf8_lossy(&body).lines().enumerate() {
                let letter = DeadLetter::from_line(text).map_err(|source| SourceError::Line {
                    key: key.to_owned(),
                    line: line + 1,
                    source,
                })?;
                letters.push(Letter::of_lake(file, letter));
            }
        }
        Ok(Self { letters })
    }
}

impl LetterSource for LakeLetters {
    fn each(&mut self, take: &mut dyn FnMut(Letter) -> bool) -> Result<(), SourceError> {
        for letter in &self.letters {
            if !take(letter.clone()) {
                break;
            }
        }
        Ok(())
    }
}
