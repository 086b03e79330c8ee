//! One run: letters in, records out, each letter counted where it went.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_runtime::Deadline;
use millrace_stream::StreamError;
use millrace_stream::producer::Publisher;
use millrace_stream::record::OutgoingRecord;
use serde::Serialize;

use crate::dead_letter::{Letter, REPLAYED_FROM};
use crate::mending::{Mending, mend};
use crate::request::Request;
use crate::source::{LetterSource, SourceError};

/// What a run did, or would do. letters = sent + every reason to leave one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub dry_run: bool,
    /// Letters looked at.
    pub letters: u64,
    /// Acknowledged by the brokers; in a dry run what would be sent.
    pub sent: u64,
    /// Of those sent, the mended ones.
    pub mended: u64,
    /// Before `from_offset`.
    pub passed_over: u64,
    /// The filter does not fit.
    pub filtered: u64,
    /// Sent back before, and come back: the later letter stands for it.
    pub superseded: u64,
    /// Of a record whose earlier letter is among these.
    pub doubles: u64,
    pub above_max_attempts: u64,
    /// Their value, or another part, was too large for the queue and lies in the source topic alone.
    pub without_value: u64,
    /// Larger, with what tells where they come from, than the topic takes: they stay in the queue.
    pub too_large: u64,
    /// A rule fits and its value is no plain JSON.
    pub unmendable: u64,
    /// No rule changed them.
    pub unmended: u64,
    /// Fit, and past the cap or the time there was.
    pub left: u64,
    /// Of those sent, by `error-kind`.
    pub sent_by_kind: BTreeMap<String, u64>,
    /// For the next run's `from_offset`, where all letters before it were sent, left for good or filtered: the first
    /// letter's offset that `left` counts, otherwise the one behind the last.
    pub next_offset: i64,
    /// The deadline came before the end.
    pub out_of_time: bool,
    pub samples: Vec<Sample>,
}

/// A letter that was sent, or would be, without a value of its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    pub position: String,
    pub kind: String,
    /// The place that the reason names.
    pub path: String,
    pub source_topic: String,
    pub attempts: u32,
    pub mended: bool,
    pub value_bytes: usize,
}

/// Why a run ended early. What it had queued may have been sent: the same request again sends it once more.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("a letter could not be sent back to {topic}")]
    Send { topic: String, source: Box<StreamError> },
}

impl Classified for ReplayError {
    fn class(&self) -> Class {
        match self {
            Self::Source(error) => error.class(),
            Self::Send { source, .. } => source.class(),
        }
    }
}

/// What has to be left of the deadline to send one more: the brokers' acknowledgements of all that is on its way.
const RESERVE: Duration = Duration::from_secs(10);

/// Sends the letters of `source` that `request` means back to their topic. Blocks.
pub fn replay(
    source: &mut dyn LetterSource,
    publisher: &dyn Publisher,
    request: &Request,
    deadline: Deadline,
) -> Result<Report, ReplayError> {
    let mut superseded = HashSet::new();
    source.each(&mut |letter| {
        superseded.extend(letter.header(REPLAYED_FROM).map(str::to_owned));
        true
    })?;
    let mut run = Run { publisher, request, superseded, records: HashSet::new(), report: Report::default() };
    run.report.dry_run = request.dry_run;
    let mut failed = None;
    source.each(&mut |letter| {
        run.report.out_of_time |= !deadline.covers(RESERVE, Instant::now());
        failed = run.take(letter).err();
        failed.is_none()
    })?;
    let sent = match failed {
        Some(error) => Err(error),
        None if request.dry_run => Ok(()),
        None => run.settle(),
    };
    sent.map_err(|source| ReplayError::Send { topic: request.topic.clone(), source: Box::new(source) })?;
    Ok(run.report)
}

struct Run<'r> {
    publisher: &'r dyn Publisher,
    request: &'r Request,
    /// Positions of letters that were sent back and failed again.
    superseded: HashSet<String>,
    /// The records whose letters were met.
    records: HashSet<String>,
    report: Report,
}

impl Run<'_> {
    fn take(&mut self, mut letter: Letter) -> Result<(), StreamError> {
        let report = &mut self.report;
        report.letters += 1;
        if report.left == 0 {
            report.next_offset = report.next_offset.max(letter.offset + 1);
        }
        let counter = if letter.offset < self.request.from_offset {
            &mut report.passed_over
        } else if !self.request.filter.fits(&letter) {
            &mut report.filtered
        } else if self.superseded.contains(&letter.position) {
            &mut report.superseded
        } else if letter.failed_record().is_some_and(|record| !self.records.insert(record)) {
            &mut report.doubles
        } else if letter.attempts() >= self.request.max_attempts {
            &mut report.above_max_attempts
        } else if letter.is_incomplete() {
            &mut report.without_value
        } else {
            return match mend(&mut letter, &self.request.rules) {
                Mending::Unmendable => {
                    report.unmendable += 1;
                    Ok(())
                }
                Mending::Unchanged if self.request.mended_only => {
                    report.unmended += 1;
                    Ok(())
                }
                mending => self.send(&letter, mending == Mending::Mended),
            };
        };
        *counter += 1;
        Ok(())
    }

    fn send(&mut self, letter: &Letter, mended: bool) -> Result<(), StreamError> {
        let report = &mut self.report;
        if report.sent >= self.request.cap || report.out_of_time {
            if report.left == 0 {
                report.next_offset = letter.offset;
            }
            report.left += 1;
            return Ok(());
        }
        if !self.request.dry_run {
            match publish(self.publisher, &self.request.topic, letter) {
                Err(error) if error.class() == Class::DeadLetter => {
                    tracing::warn!(position = letter.position, %error, "letter_too_large");
                    report.too_large += 1;
                    return Ok(());
                }
                sent => sent?,
            }
        }
        report.sent += 1;
        report.mended += u64::from(mended);
        *report.sent_by_kind.entry(letter.kind().to_owned()).or_default() += 1;
        if report.samples.len() < self.request.samples {
            report.samples.push(Sample {
                position: letter.position.clone(),
                kind: letter.kind().to_owned(),
                path: letter.path().to_owned(),
                source_topic: letter.source_topic().to_owned(),
                attempts: letter.attempts(),
                mended,
                value_bytes: letter.value.as_ref().map_or(0, Vec::len),
            });
        }
        Ok(())
    }
}

impl Run<'_> {
    /// Waits for the acknowledgements. What the brokers found too large was not sent: one letter ends no run.
    fn settle(&mut self) -> Result<(), StreamError> {
        let Err(error) = self.publisher.flush() else { return Ok(()) };
        let refused = self.publisher.take_refused();
        if error.class() != Class::DeadLetter || refused.is_empty() {
            return Err(error);
        }
        for record in &refused {
            let header = |wanted: &str| {
                let found = record.headers.iter().rev().find(|(name, _)| name == wanted);
                found.map_or("", |(_, value)| value)
            };
            tracing::warn!(position = header(REPLAYED_FROM), bytes = record.bytes, "letter_too_large");
        }
        let refused = refused.len() as u64;
        self.report.too_large += refused;
        self.report.sent = self.report.sent.saturating_sub(refused);
        // The rest, of which the error said nothing.
        self.settle()
    }
}

fn publish(publisher: &dyn Publisher, topic: &str, letter: &Letter) -> Result<(), StreamError> {
    let mut headers = letter.kept_headers();
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), Some(value.as_bytes().to_vec())));
    add("attempts", &letter.attempts().to_string());
    add(REPLAYED_FROM, &letter.position);
    // A user that never was a record: the reader of the API's own shape is told where it came from.
    if letter.source_topic() != topic && letter.header("source").is_none() {
        add("source", letter.source_topic());
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    publisher.publish(&OutgoingRecord {
        topic,
        key: letter.key.as_deref(),
        value: letter.value.as_deref(),
        // The record's own: its row belongs to the hour that it came from.
        timestamp: letter.timestamp().unwrap_or_default(),
        headers: &headers,
    })
}
