//! All pages of a source onto Kafka, until it ends, fails or is told to stop.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Millis;
use millrace_events::randomuser::UserPage;
use millrace_sources::{Source, SourceError};
use millrace_stream::StreamError;
use millrace_stream::producer::Publisher;

use crate::produce_page::{Produced, produce};

/// What was fetched and what became of it. `fetched` = `rejected` + `produced`, always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchReport {
    /// Users that the source gave.
    pub fetched: u64,
    /// Users that cannot be events, sent to the dead letters.
    pub rejected: u64,
    /// Users sent to the topic.
    pub produced: u64,
    /// Rejected users by the kind of reason.
    pub rejected_by_kind: BTreeMap<&'static str, u64>,
    /// Dates and coordinates that could not be parsed and so are absent, by field.
    pub unparsable: BTreeMap<&'static str, u64>,
}

/// How a fetching ended. What the report counts is on Kafka, acknowledged, in every case.
#[derive(Debug)]
pub struct Fetching {
    /// What was fetched and what became of it.
    pub report: FetchReport,
    /// Why the source gave no more, if it was not at its end.
    pub source_error: Option<SourceError>,
    /// Told to stop before the source's end.
    pub interrupted: bool,
}

/// Why what was fetched could not be produced.
#[derive(Debug, thiserror::Error)]
#[error("users that were fetched could not be produced to Kafka")]
pub struct FetchError {
    #[source]
    source: StreamError,
}

impl Classified for FetchError {
    fn class(&self) -> Class {
        self.source.class()
    }
}

impl From<StreamError> for FetchError {
    fn from(source: StreamError) -> Self {
        Self { source }
    }
}

/// Carries users from `source` to `publisher` until the source ends or fails for good, or `stop` completes. The next
/// page is fetched while one is produced.
///
/// `now_millis` tells the time for dead letters' stories; `progress` is told after each page.
pub async fn fetch(
    source: &mut dyn Source,
    publisher: Arc<dyn Publisher>,
    stop: impl Future<Output = ()>,
    now_millis: fn() -> Millis,
    mut progress: impl FnMut(&FetchReport),
) -> Result<Fetching, FetchError> {
    let name = source.name();
    let mut report = FetchReport::default();
    let (mut source_error, mut interrupted) = (None, false);
    let mut producing: Option<tokio::task::JoinHandle<Result<(Produced, UserPage), StreamError>>> = None;
    tokio::pin!(stop);
    loop {
        tracing::trace!("fetching a page");
        let next = tokio::select! {
            biased;
            () = &mut stop => {
                interrupted = true;
                None
            }
            next = source.next_page() => next.unwrap_or_else(|error| {
                source_error = Some(error);
                None
            }),
        };
        tracing::trace!(end = next.is_none(), "page fetched");
        if let Some(running) = producing.take() {
            count(&mut report, finished(running.await)?);
            progress(&report);
        }
        let Some(page) = next else { break };
        let publisher = Arc::clone(&publisher);
        producing = Some(tokio::task::spawn_blocking(move || {
            tracing::trace!(page = page.page, "producing a page");
            let produced = produce(&publisher, name, &page, now_millis())?;
            tracing::trace!(page = page.page, "page produced");
            Ok((produced, page))
        }));
    }
    let flushed = tokio::task::spawn_blocking(move || publisher.flush()).await;
    finished(flushed)?;
    Ok(Fetching { report, source_error, interrupted })
}

fn finished<T>(task: Result<Result<T, StreamError>, tokio::task::JoinError>) -> Result<T, StreamError> {
    match task {
        Ok(result) => result,
        // Nobody cancels these tasks, so it panicked: the bug shows where it is.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StreamError::Abandoned),
        },
    }
}

fn count(report: &mut FetchReport, (produced, page): (Produced, UserPage)) {
    report.produced += produced.records;
    report.rejected += produced.rejected.len() as u64;
    report.fetched += page.users.len() as u64;
    for kind in produced.rejected {
        *report.rejected_by_kind.entry(kind).or_default() += 1;
    }
    for (field, count) in page.unparsable {
        *report.unparsable.entry(field).or_default() += count;
    }
}
