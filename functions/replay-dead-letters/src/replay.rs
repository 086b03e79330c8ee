//! One run: letters in, records out, each letter counted where it went.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_events::position::Offset;
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_runtime::Deadline;
use millrace_stream::StreamError;
use millrace_stream::dead_letter::REPLAYED_FROM;
use millrace_stream::producer::Publisher;
use millrace_stream::record::OutgoingRecord;
use serde::Serialize;

use crate::dead_letter::Letter;
use crate::mending::Mending;
use crate::read_letters::{Fate, Read, ReadLetter, SentBack};
use crate::request::Request;
use crate::source::{LetterSource, SourceError};

/// What a run did, or would do. letters = sent + every reason to leave one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing was sent, as the request asked.
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
    /// About persons who were erased from the lake, or are being erased: nobody comes back.
    pub erased: u64,
    /// Sent back before, and come back: the later letter stands for it.
    pub superseded: u64,
    /// Of a record whose earlier letter is among these.
    pub doubles: u64,
    /// Left because they have failed [`Request::max_attempts`](crate::Request::max_attempts) times or more.
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
    pub next_offset: Offset,
    /// The deadline came before the end.
    pub out_of_time: bool,
    /// The first of those sent, at most as many as the request asks for.
    pub samples: Vec<Sample>,
}

/// A letter that was sent, or would be, without a value of its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Where the letter lies, as [`Letter::position`] has it.
    pub position: String,
    /// Its `error-kind`; empty where it has none.
    pub kind: String,
    /// The place that the reason names.
    pub path: String,
    /// Its `source-topic`; empty where it has none.
    pub source_topic: String,
    /// How often it had failed before it was sent.
    pub attempts: u32,
    /// Whether a rule changed it.
    pub mended: bool,
    /// The size of its value as it was sent.
    pub value_bytes: usize,
}

/// Why a run ended early. What it had queued may have been sent: the same request again sends it once more.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Letters could not be read to their end.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A letter could not be sent, or was not acknowledged. Whether a retry helps is told by the source's class.
    #[error("a letter could not be sent back to {topic}")]
    Send {
        /// The topic that it was to go to.
        topic: String,
        /// What the producer failed with.
        source: Box<StreamError>,
    },
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

/// Sends the letters of `source` that `request` means back to their topic, but for those about persons of `refused`. Blocks.
///
/// The source is read once. Whether a letter was sent back before is only known at its end, so that those that may be sent wait
/// until then, as many as the request's cap and the memory let.
pub fn replay(
    source: &mut dyn LetterSource,
    publisher: &dyn Publisher,
    request: &Request,
    refused: &RefusedIds,
    deadline: Deadline,
) -> Result<Report, ReplayError> {
    let mut read = Read::new(request, refused);
    source.each(&mut |letter| {
        read.take(letter);
        true
    })?;
    let mut run = Run {
        publisher,
        request,
        sent_back: read.sent_back,
        records: HashSet::new(),
        sent: HashMap::new(),
        report: Report { dry_run: request.dry_run, ..Report::default() },
    };
    let sent = read.letters.into_iter().try_for_each(|letter| {
        run.report.out_of_time |= !deadline.covers(RESERVE, Instant::now());
        run.take(letter)
    });
    let sent = match sent {
        Err(error) => Err(error),
        Ok(()) if request.dry_run => Ok(()),
        Ok(()) => run.settle(),
    };
    sent.map_err(|source| ReplayError::Send { topic: request.topic.clone(), source: Box::new(source) })?;
    Ok(run.report)
}

struct Run<'r> {
    publisher: &'r dyn Publisher,
    request: &'r Request,
    sent_back: HashMap<String, Vec<SentBack>>,
    /// The records whose letters were met.
    records: HashSet<String>,
    /// By position: what was counted of each letter that the brokers may still refuse.
    sent: HashMap<String, SentLetter>,
    report: Report,
}

struct SentLetter {
    kind: String,
    mended: bool,
}

impl Run<'_> {
    fn take(&mut self, letter: ReadLetter) -> Result<(), StreamError> {
        let is_superseded = self.is_superseded(&letter);
        let report = &mut self.report;
        report.letters += 1;
        if report.left == 0 {
            report.next_offset = report.next_offset.max(letter.offset + 1);
        }
        let counter = match letter.fate {
            Fate::PassedOver => &mut report.passed_over,
            Fate::Filtered => &mut report.filtered,
            Fate::Erased => &mut report.erased,
            _ if is_superseded => &mut report.superseded,
            _ if letter.record.is_some_and(|record| !self.records.insert(record)) => &mut report.doubles,
            Fate::AboveMaxAttempts => &mut report.above_max_attempts,
            Fate::WithoutValue => &mut report.without_value,
            Fate::Unmendable => &mut report.unmendable,
            Fate::Unmended => &mut report.unmended,
            Fate::Sendable(contents, mending) => {
                return self.send(letter.offset, contents.as_deref(), mending == Mending::Mended);
            }
        };
        *counter += 1;
        Ok(())
    }

    /// Whether the letter's record was sent back and has failed again. The header that says so travels with records, and a producer
    /// may copy it onto others: it counts where the key is the letter's, and the number of failures the next.
    fn is_superseded(&self, letter: &ReadLetter) -> bool {
        let later = self.sent_back.get(&letter.position).map(Vec::as_slice).unwrap_or_default();
        later
            .iter()
            .any(|later| later.key == letter.key && later.attempts == letter.attempts.saturating_add(1))
    }

    fn send(&mut self, offset: Offset, letter: Option<&Letter>, mended: bool) -> Result<(), StreamError> {
        let report = &mut self.report;
        let may_go = report.sent < self.request.cap && !report.out_of_time;
        let Some(letter) = letter.filter(|_| may_go) else {
            if report.left == 0 {
                report.next_offset = offset;
            }
            report.left += 1;
            return Ok(());
        };
        if !self.request.dry_run {
            match publish(self.publisher, &self.request.topic, letter) {
                Err(error) if error.class() == Class::DeadLetter => {
                    tracing::warn!(position = letter.position, %error, "letter_too_large");
                    report.too_large += 1;
                    return Ok(());
                }
                sent => sent?,
            }
            let sent = SentLetter { kind: letter.kind().to_owned(), mended };
            self.sent.insert(letter.position.clone(), sent);
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
            let position = header(REPLAYED_FROM);
            tracing::warn!(position, bytes = record.bytes, "letter_too_large");
            self.take_back(position);
        }
        // The rest, of which the error said nothing.
        self.settle()
    }

    /// The letter that lies at `position` was not sent after all.
    fn take_back(&mut self, position: &str) {
        let report = &mut self.report;
        report.too_large += 1;
        report.sent = report.sent.saturating_sub(1);
        report.samples.retain(|sample| sample.position != position);
        let Some(letter) = self.sent.get(position) else { return };
        report.mended = report.mended.saturating_sub(u64::from(letter.mended));
        if let Some(sent) = report.sent_by_kind.get_mut(&letter.kind) {
            *sent = sent.saturating_sub(1);
        }
        report.sent_by_kind.retain(|_, sent| *sent > 0);
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use millrace_stream::producer::TooLarge;
    use serde_json::json;

    use super::*;

    /// A value that the brokers refuse.
    const HUGE: &str = r#"{"huge":1}"#;

    struct Letters(Vec<Letter>);

    impl LetterSource for Letters {
        fn each(&mut self, take: &mut dyn FnMut(Letter) -> bool) -> Result<(), SourceError> {
            self.0.iter().cloned().all(take);
            Ok(())
        }
    }

    /// Takes every record, and finds out at its flush that some are too large.
    #[derive(Debug, Default)]
    struct Brokers(Mutex<Vec<TooLarge>>);

    impl Publisher for Brokers {
        fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
            if record.value == Some(HUGE.as_bytes()) {
                let text = |value: &Option<&[u8]>| Some(std::str::from_utf8((*value)?).unwrap().to_owned());
                let headers = record.headers.iter();
                self.0.lock().unwrap().push(TooLarge {
                    topic: record.topic.to_owned(),
                    partition: 0,
                    bytes: HUGE.len(),
                    headers: headers
                        .filter_map(|(name, value)| Some(((*name).to_owned(), text(value)?)))
                        .collect(),
                });
            }
            Ok(())
        }

        fn flush(&self) -> Result<(), StreamError> {
            match self.0.lock().unwrap().first().cloned() {
                None => Ok(()),
                Some(TooLarge { topic, partition, bytes, .. }) => {
                    Err(StreamError::LargerThanTopic { topic, partition, bytes })
                }
            }
        }

        fn take_refused(&self) -> Vec<TooLarge> {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    fn letter(offset: i64, kind: &str, value: &str) -> Letter {
        Letter {
            position: format!("t.dlq/0/{offset}"),
            partition: 0,
            offset: Offset(offset),
            key: None,
            value: Some(value.as_bytes().to_vec()),
            headers: vec![("error-kind".to_owned(), Some(kind.as_bytes().to_vec()))],
        }
    }

    fn sent_back(offset: i64, from: &str, key: &str, attempts: u32) -> Letter {
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
        let headers = vec![header(REPLAYED_FROM, from), header("attempts", &attempts.to_string())];
        Letter { key: Some(key.into()), headers, ..letter(offset, "wrong_type", "{}") }
    }

    #[test]
    fn a_producers_own_header_hides_nobody_elses_letter() {
        let first = |offset: i64| Letter { key: Some(b"a".to_vec()), ..letter(offset, "wrong_type", "{}") };
        let of = |letters: Vec<Letter>| {
            let request = Request::everything_of("t");
            let nobody = RefusedIds::default();
            replay(&mut Letters(letters), &Brokers::default(), &request, &nobody, Deadline::never()).unwrap()
        };
        // Its own record, come back.
        let report = of(vec![first(0), sent_back(1, "t.dlq/0/0", "a", 2)]);
        assert_eq!((report.sent, report.superseded), (1, 1));
        // Another record with a copied header, and one that never was sent back.
        let report = of(vec![first(0), sent_back(1, "t.dlq/0/0", "b", 2), sent_back(2, "t.dlq/0/0", "a", 1)]);
        assert_eq!((report.sent, report.superseded), (3, 0));
    }

    #[tokio::test]
    async fn letters_about_erased_persons_are_left_and_counted() {
        use millrace_lake::erasure::erased_ids::{Salt, record};

        let store = millrace_lake::memory_store::MemoryStore::new();
        let salt = Salt::made(&store).await.unwrap();
        let now = chrono::DateTime::UNIX_EPOCH;
        record(&store, now, [salt.hash("erased")]).await.unwrap();
        let refused = RefusedIds::read(&store).await.unwrap();
        let request = Request::everything_of("t");
        let mut letters = Letters(vec![
            letter(0, "wrong_type", r#"{"login":{"uuid":"erased"}}"#),
            letter(1, "wrong_type", r#"{"login":{"uuid":"other"}}"#),
        ]);
        let report =
            replay(&mut letters, &Brokers::default(), &request, &refused, Deadline::never()).unwrap();
        assert_eq!((report.letters, report.erased, report.sent), (2, 1, 1));
    }

    /// Reads are counted: a queue is read once a run.
    #[test]
    fn the_queue_is_read_once_and_what_is_not_held_is_left() {
        struct Counted(Letters, u32);

        impl LetterSource for Counted {
            fn each(&mut self, take: &mut dyn FnMut(Letter) -> bool) -> Result<(), SourceError> {
                self.1 += 1;
                self.0.each(take)
            }
        }

        let mut source = Counted(Letters((0..10).map(|offset| letter(offset, "k", "{}")).collect()), 0);
        let request = Request { cap: 4, ..Request::everything_of("t") };
        let nobody = RefusedIds::default();
        let report = replay(&mut source, &Brokers::default(), &request, &nobody, Deadline::never()).unwrap();
        assert_eq!(source.1, 1);
        assert_eq!((report.letters, report.sent, report.left, report.next_offset), (10, 4, 6, Offset(4)));
    }

    /// What lies behind the first that is left is left too: the next run begins there.
    #[test]
    fn nothing_is_sent_behind_what_does_not_fit() {
        let large = |offset| letter(offset, "k", &"x".repeat(40 << 20));
        let letters = vec![letter(0, "k", "{}"), large(1), large(2), letter(3, "k", "{}")];
        let (request, nobody) = (Request::everything_of("t"), RefusedIds::default());
        let report =
            replay(&mut Letters(letters), &Brokers::default(), &request, &nobody, Deadline::never()).unwrap();
        assert_eq!((report.sent, report.left, report.next_offset), (2, 2, Offset(2)));
    }

    #[test]
    fn headers_of_letters_are_called_alike_everywhere() {
        use millrace_lake::erasure::letter_subject::OF_LETTERS;
        use millrace_stream::dead_letter::is_of_letter;

        assert!(OF_LETTERS.iter().all(|name| is_of_letter(name) || *name == REPLAYED_FROM));
        let of_failures = millrace_stream::dead_letter::FAILURE_HEADERS;
        assert!(of_failures.iter().all(|name| OF_LETTERS.contains(name)));
    }

    #[test]
    fn what_the_brokers_refuse_is_counted_nowhere_among_those_sent() {
        // As they are after the rule: huge, small, huge and the only one of its kind, huge without a rule.
        let mut letters = Letters(vec![
            letter(0, "wrong_type", r#"{"huge":1,"x":1}"#),
            letter(1, "wrong_type", r#"{"small":1,"x":1}"#),
            letter(2, "no_identity", r#"{"huge":1,"x":1}"#),
            letter(3, "wrong_type", HUGE),
        ]);
        let rules = serde_json::from_value(json!([{"change": [{"drop": "/x"}]}])).unwrap();
        let request = Request { rules, ..Request::everything_of("t") };
        let report =
            replay(&mut letters, &Brokers::default(), &request, &RefusedIds::default(), Deadline::never())
                .unwrap();
        assert_eq!((report.letters, report.sent, report.mended, report.too_large), (4, 1, 1, 3));
        assert_eq!(report.sent_by_kind, BTreeMap::from([("wrong_type".to_owned(), 1)]));
        let samples: Vec<_> = report.samples.iter().map(|sample| sample.position.as_str()).collect();
        assert_eq!(samples, ["t.dlq/0/1"]);
    }
}
