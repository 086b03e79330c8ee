//! Pages of a scripted source onto a publisher that remembers: counts, dead letters, and every way to end early.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fetch_users::{Counts, FetchReport, Function, FunctionError, fetch, within};
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::{Micros, Millis};
use millrace_events::randomuser::{AnswerContext, SourceClock, UserPage, read_answer};
use millrace_runtime::metrics::Value;
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::{Deadline, Meter};
use millrace_sources::{Source, SourceError};
use millrace_stream::StreamError;
use millrace_stream::producer::Publisher;
use millrace_stream::record::OutgoingRecord;

const FETCHED_AT: Micros = Micros(1_770_091_506_123_456);
const NOW: Millis = Millis(1_770_091_600_000);

fn now() -> Millis {
    NOW
}

/// What a scripted source does at a call.
#[derive(Debug)]
enum Step {
    Page(UserPage),
    Fail,
    /// Never answers: only being told to stop ends the wait.
    Hang,
}

#[derive(Debug)]
struct Script(VecDeque<Step>);

#[async_trait]
impl Source for Script {
    fn name(&self) -> &'static str {
        "randomuser_api"
    }

    fn expected(&self) -> Option<u64> {
        None
    }

    async fn next_page(&mut self) -> Result<Option<UserPage>, SourceError> {
        match self.0.pop_front() {
            None => Ok(None),
            Some(Step::Page(page)) => Ok(Some(page)),
            Some(Step::Fail) => Err(SourceError::NoAnswers { path: "the/script".into() }),
            Some(Step::Hang) => std::future::pending().await,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Sent {
    topic: String,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    timestamp: Millis,
    headers: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Recorder {
    sent: Mutex<Vec<Sent>>,
    flushed: AtomicUsize,
    /// Records after which publishing fails.
    fails_after: Option<usize>,
    flush_fails: bool,
}

impl Recorder {
    fn of(&self, topic: &str) -> Vec<Sent> {
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|sent| sent.topic == topic).cloned().collect()
    }

    fn all_flushed(&self) -> bool {
        self.flushed.load(Ordering::SeqCst) == self.sent.lock().unwrap().len()
    }
}

impl Publisher for Recorder {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        let mut sent = self.sent.lock().unwrap();
        if self.fails_after.is_some_and(|records| sent.len() >= records) {
            return Err(StreamError::Unacknowledged { undelivered: 1, seconds: 1 });
        }
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        sent.push(Sent {
            topic: record.topic.to_owned(),
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.unwrap().to_vec(),
            timestamp: record.timestamp,
            headers: record.headers.iter().map(|(name, value)| ((*name).to_owned(), text(*value))).collect(),
        });
        Ok(())
    }

    fn flush(&self) -> Result<(), StreamError> {
        if self.flush_fails {
            return Err(StreamError::Unacknowledged { undelivered: 1, seconds: 1 });
        }
        self.flushed.store(self.sent.lock().unwrap().len(), Ordering::SeqCst);
        Ok(())
    }
}

/// Page `page` of three users: a good one, one without an id and one that is broken.
fn page(page: i32) -> Step {
    let body = format!(
        r#"{{"results":[{{"login":{{"uuid":"u-{page}"}},"dob":{{"date":"soon"}}}},{{"email":"e@x.y"}},
        {{"login":{{"uuid":"b-{page}","password":"hunter2"}},"phone":[]}}],"info":{{"seed":"s","page":{page}}}}}"#
    );
    let clock = SourceClock::Answered(FETCHED_AT);
    let context = AnswerContext { source: "randomuser_api", page, clock, limit: usize::MAX };
    Step::Page(read_answer(body.as_bytes(), &context).unwrap())
}

fn report(pages: u64) -> FetchReport {
    FetchReport {
        fetched: 3 * pages,
        rejected: pages,
        produced: 2 * pages,
        rejected_by_kind: BTreeMap::from([("wrong_type", pages)]),
        unparsable: BTreeMap::from([("dob", pages)]),
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn every_user_becomes_a_record_or_a_dead_letter() {
    let mut source = Script([page(1), page(2)].into());
    let recorder = Arc::new(Recorder::default());
    let mut seen = Vec::new();
    let progress = |report: &FetchReport| seen.push(report.clone());
    let fetching = fetch(&mut source, recorder.clone(), std::future::pending(), now, progress).await.unwrap();
    assert_eq!(fetching.report, report(2));
    assert!(fetching.source_error.is_none() && !fetching.interrupted);
    assert_eq!(seen, [report(1), report(2)]);
    assert!(recorder.all_flushed());

    let records = recorder.of("users_created");
    let keys: Vec<_> = records.iter().map(|sent| sent.key.as_deref()).collect();
    assert_eq!(keys, [Some(&b"u-1"[..]), None, Some(b"u-2"), None]);
    let headers = texts(&[
        ("content-type", "application/x-protobuf"),
        ("event-type", "millrace.users.v1.UserCreated"),
        ("schema-version", "1"),
    ]);
    assert!(records.iter().all(|sent| sent.headers == headers && sent.timestamp == FETCHED_AT.millis()));
    assert!(records[0].value.starts_with(b"\x0a\x03u-1"));
}

#[tokio::test]
async fn a_rejected_user_is_a_dead_letter_with_its_story() {
    let mut source = Script([page(7)].into());
    let recorder = Arc::new(Recorder::default());
    fetch(&mut source, recorder.clone(), std::future::pending(), now, |_| {}).await.unwrap();
    let letters = recorder.of("users_created.dlq");
    let message = "$.phone is an array where a text is meant";
    let expected = Sent {
        topic: "users_created.dlq".to_owned(),
        key: Some(b"b-7".to_vec()),
        value: br#"{"login":{"uuid":"b-7"},"phone":[]}"#.to_vec(),
        timestamp: NOW,
        headers: texts(&[
            ("content-type", "application/json"),
            ("error-kind", "wrong_type"),
            ("error-message", message),
            ("source-topic", "randomuser_api"),
            ("source-partition", "7"),
            ("source-offset", "2"),
            ("source-timestamp", "2026-02-03T04:05:06.123Z"),
            ("failed-at", "2026-02-03T04:06:40.000Z"),
            ("attempts", "1"),
        ]),
    };
    assert_eq!(letters, [expected]);
}

#[tokio::test]
async fn what_a_source_gave_before_it_failed_is_kept() {
    let mut source = Script([page(1), page(2), Step::Fail, page(3)].into());
    let recorder = Arc::new(Recorder::default());
    let fetching = fetch(&mut source, recorder.clone(), std::future::pending(), now, |_| {}).await.unwrap();
    assert_eq!((fetching.report, fetching.interrupted), (report(2), false));
    assert!(matches!(fetching.source_error, Some(SourceError::NoAnswers { .. })));
    assert!(recorder.all_flushed());
    assert_eq!(source.0.len(), 1, "a source that failed is not asked again");
}

#[tokio::test]
async fn being_told_to_stop_keeps_what_was_fetched() {
    let mut source = Script([page(1), page(2), Step::Hang].into());
    let recorder = Arc::new(Recorder::default());
    // Told once the first page is counted, while the source hangs on its third.
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let stop = async { told.await.unwrap() };
    let progress = |_: &FetchReport| {
        let _ = tell.take().map(|tell| tell.send(()));
    };
    let fetching = fetch(&mut source, recorder.clone(), stop, now, progress).await.unwrap();
    assert!(fetching.interrupted && fetching.source_error.is_none());
    assert!([report(1), report(2)].contains(&fetching.report), "{:?}", fetching.report);
    assert_eq!(fetching.report.fetched as usize, recorder.sent.lock().unwrap().len());
    assert!(recorder.all_flushed());

    let mut source = Script([Step::Hang].into());
    let fetching = fetch(&mut source, recorder, std::future::ready(()), now, |_| {}).await.unwrap();
    assert_eq!((fetching.report, fetching.interrupted), (FetchReport::default(), true));
}

#[tokio::test]
async fn what_cannot_be_published_is_an_error() {
    for (fails_after, flush_fails) in [(Some(0), false), (Some(4), false), (None, true)] {
        let mut source = Script([page(1), page(2)].into());
        let recorder = Arc::new(Recorder { fails_after, flush_fails, ..Recorder::default() });
        let error = fetch(&mut source, recorder, std::future::pending(), now, |_| {}).await.unwrap_err();
        assert_eq!(error.class(), Class::Retry);
        assert!(std::error::Error::source(&error).is_some(), "what lies beneath is kept");
    }
}

#[tokio::test]
async fn a_deadline_ends_a_fetch_and_what_came_before_is_counted() {
    let pages = [page(1), Step::Hang];
    let topic = Arc::new(Recorder::default());
    let deadline = Deadline::at(Instant::now() + Duration::from_millis(300));
    let reserve = Duration::from_millis(100);
    let meter = Meter::new();
    let counts = within(&mut Script(pages.into()), topic, deadline, reserve, now, &meter).await.unwrap();
    assert!(counts.out_of_time && counts.fetched == counts.produced + counts.rejected && counts.fetched > 0);
    let told: Vec<_> =
        meter.take().into_iter().map(|told| (told.metric.name, told.label, told.value)).collect();
    let topic = || "users_created".to_owned();
    assert_eq!(
        told,
        [
            ("records_dead", topic(), Value::Counter(counts.rejected)),
            ("records_in", topic(), Value::Counter(counts.fetched)),
            ("records_out", topic(), Value::Counter(counts.produced)),
        ]
    );
    let mut silent = Script([Step::Hang].into());
    let nobody = within(&mut silent, Arc::new(Recorder::default()), deadline, reserve, now, &meter);
    assert!(matches!(nobody.await.unwrap_err(), FunctionError::NothingInTime));
}

#[tokio::test]
async fn a_function_with_wrong_settings_errs_when_it_is_invoked() {
    let secrets = Arc::new(SecretsExtension::new(1, None));
    let function = Function::new(Environment::of([]), secrets);
    let error = function.invoke(Deadline::never(), now).await.unwrap_err();
    assert!(matches!(error, FunctionError::Settings(_)), "{error}");
    assert!(error.to_string().contains("MILLRACE_BROKERS is not set"), "{error}");
    let counts = Counts { fetched: 2, produced: 1, rejected: 1, out_of_time: false };
    let json = r#"{"fetched":2,"produced":1,"rejected":1,"out_of_time":false}"#;
    assert_eq!(serde_json::to_string(&counts).unwrap(), json);
}
