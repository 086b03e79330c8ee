//! The event source mapping at work: reads, delivers, commits.

use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_events::position::TopicPartition;
use millrace_stream::StreamError;
use millrace_stream::batch_response::BatchResponse;

use crate::delivery::{BatchPolicy, Delivery, Outcome, Settled};
use crate::invoke::{Invoke, InvokeError, Invoked};
use crate::on_failure_destination::FailureDestination;
use crate::payload::payload;
use crate::record::OwnedRecord;
use crate::record::Places;
use crate::source::RecordSource;

/// Why a mapping stopped. What was not committed is delivered again by the next one.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// Reading or committing failed; the class is that error's own.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The function cannot be invoked at all: a failure that may pass is retried by the mapping and does not come here.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// The on-failure destination did not take them. Make it writable and start the mapping again.
    #[error("records that were given up could not be kept, and so stay uncommitted")]
    FailureDestination(#[source] std::io::Error),
}

impl Classified for DriverError {
    fn class(&self) -> Class {
        match self {
            Self::Stream(error) => error.class(),
            Self::Invoke(error) => error.class(),
            Self::FailureDestination(_) => Class::Stop,
        }
    }
}

/// What a mapping has done. Records read = done + given up + moved + left, once it has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DriverReport {
    /// Records that the source gave.
    pub read: u64,
    /// Calls of the function, retries included.
    pub invocations: u64,
    /// Records that the function took.
    pub done: u64,
    /// Records that went to the on-failure destination.
    pub given_up: u64,
    /// Deliveries of records that came to nothing.
    pub redelivered: u64,
    /// Records whose partition became somebody else's before they were done: that one delivers them.
    pub moved: u64,
    /// Records that were read and not done when it was told to stop: the next one delivers them.
    pub left: u64,
}

/// One event source mapping: delivers a source's records to a function, at least once.
pub struct Driver<I, F> {
    /// Bounds of the batches, and how long one is tried.
    pub policy: BatchPolicy,
    /// What is invoked.
    pub invoke: I,
    /// Where records go that are given up.
    pub on_failure: F,
    /// As the payload tells the function.
    pub bootstrap_servers: String,
    /// The pause before a second delivery; it doubles up to a hundredfold.
    pub pause: Duration,
}

impl<I, F> std::fmt::Debug for Driver<I, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// How long a read waits for a record.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long an invocation may take until the source is called beside it, and how long from then on between two calls. A
/// function's first build takes minutes, and Kafka's groups go on without a member that does not answer.
const REST_EVERY: Duration = Duration::from_secs(1);

impl<I: Invoke, F: FailureDestination> Driver<I, F> {
    /// Delivers until `ended` says, of what was done so far, that it is enough; what was read by then is still settled.
    /// When `stop` completes nothing more is delivered, and only what is being delivered is waited for.
    pub async fn run(
        &self,
        mut source: Box<dyn RecordSource>,
        stop: impl Future<Output = ()>,
        mut ended: impl FnMut(&DriverReport) -> bool,
    ) -> Result<DriverReport, DriverError> {
        let begin = Instant::now();
        let mut report = DriverReport::default();
        let mut delivery = Delivery::new(self.policy.clone());
        let mut in_vain = false;
        tokio::pin!(stop);
        loop {
            if is_over(stop.as_mut()).await {
                report.left = delivery.held();
                return Ok(report);
            }
            let closing = ended(&report);
            if closing && delivery.is_idle() {
                return Ok(report);
            }
            if !closing && !delivery.is_full() {
                let room = self.policy.records;
                let (back, read) = read(source, room, delivery.is_idle()).await?;
                source = back;
                report.read += read.len() as u64;
                let now = begin.elapsed();
                read.into_iter().for_each(|record| delivery.offer(record, now));
            }
            report.moved += forget(&mut delivery, source.as_mut());
            let Some(records) = delivery.next(begin.elapsed(), closing) else { continue };
            report.invocations += 1;
            let delivering = self.deliver(records, in_vain);
            let (outcome, moved);
            (source, outcome, moved) = beside(source, delivering).await?;
            let outcome = outcome?;
            report.moved += delivery.forget(moved);
            in_vain = matches!(outcome, Outcome::Failed | Outcome::NotInvoked);
            let settled = delivery.settle(&outcome);
            report.done += settled.done;
            report.given_up += settled.given_up.len() as u64;
            report.redelivered += settled.again;
            report.moved += settled.moved;
            let pause = self.pause * (1_u32 << settled.in_vain.saturating_sub(1).min(6));
            let pauses = settled.in_vain > 0;
            source = self.conclude(source, settled).await?;
            if pauses && tokio::time::timeout(pause, stop.as_mut()).await.is_ok() {
                report.left = delivery.held();
                return Ok(report);
            }
        }
    }

    /// A failure is told once until a delivery succeeds: a function that is not there yet is asked again and again.
    async fn deliver(&self, records: &[OwnedRecord], told: bool) -> Result<Outcome, DriverError> {
        let invoked = self.invoke.invoke(payload(&self.bootstrap_servers, records)).await;
        match invoked {
            Ok(Invoked::Answer(answer)) if self.policy.partial_failures => {
                // An answer that is none fails the batch, as AWS has it: null is none failed.
                let answer = serde_json::from_slice::<Option<BatchResponse>>(&answer);
                Ok(answer.map_or(Outcome::Failed, |answer| Outcome::Answered(answer.unwrap_or_default())))
            }
            Ok(Invoked::Answer(_)) => Ok(Outcome::Answered(BatchResponse::default())),
            Ok(Invoked::FunctionError(_)) if told => Ok(Outcome::Failed),
            Ok(Invoked::FunctionError(said)) => {
                let said: String = said.chars().take(SAID).collect();
                tracing::warn!(records = records.len(), said, "function_erred");
                Ok(Outcome::Failed)
            }
            Err(error) if error.class() == Class::Retry => {
                if !told {
                    tracing::warn!(
                        records = records.len(),
                        error = &error as &dyn std::error::Error,
                        "function_not_invoked"
                    );
                }
                Ok(if error.was_taken() { Outcome::Failed } else { Outcome::NotInvoked })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn conclude(
        &self,
        mut source: Box<dyn RecordSource>,
        settled: Settled,
    ) -> Result<Box<dyn RecordSource>, DriverError> {
        if !settled.given_up.is_empty() {
            self.on_failure.keep(&settled.given_up).await.map_err(DriverError::FailureDestination)?;
        }
        let commits = settled.commits;
        off_thread(move || {
            for (TopicPartition { topic, partition }, next_offset) in commits {
                source.commit(&topic, partition, next_offset)?;
            }
            Ok(source)
        })
        .await
    }
}

/// How much is told of what a function says when it errs, in characters.
const SAID: usize = 500;

/// Whether it has completed. Not to be asked again once it has.
async fn is_over(stop: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    tokio::select! {
        biased;
        () = stop => true,
        () = std::future::ready(()) => false,
    }
}

/// Waits for `delivering`, and keeps the source among the living meanwhile; answers which of its partitions moved.
async fn beside<T>(
    mut source: Box<dyn RecordSource>,
    delivering: impl Future<Output = T>,
) -> Result<(Box<dyn RecordSource>, T, Places), DriverError> {
    tokio::pin!(delivering);
    let mut moved = Places::new();
    loop {
        tokio::select! {
            outcome = &mut delivering => return Ok((source, outcome, moved)),
            () = tokio::time::sleep(REST_EVERY) => {
                source = off_thread(move || source.rest(PATIENCE).map(|()| source)).await?;
                moved.extend(source.moved());
            }
        }
    }
}

fn forget(delivery: &mut Delivery, source: &mut dyn RecordSource) -> u64 {
    match source.moved() {
        moved if moved.is_empty() => 0,
        moved => delivery.forget(moved),
    }
}

/// Up to `room` records, without waiting for a second one. Where none came and all are settled (`idle`), the source is told.
async fn read(
    mut source: Box<dyn RecordSource>,
    room: usize,
    idle: bool,
) -> Result<(Box<dyn RecordSource>, Vec<OwnedRecord>), DriverError> {
    off_thread(move || {
        let mut records = Vec::new();
        let mut patience = PATIENCE;
        while records.len() < room
            && let Some(record) = source.poll(patience)?
        {
            records.push(record);
            patience = Duration::ZERO;
        }
        if idle && records.is_empty() {
            source.idle()?;
        }
        Ok((source, records))
    })
    .await
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StreamError> + Send + 'static,
) -> Result<T, DriverError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        // Nobody cancels these tasks, so it panicked: the bug shows where it is.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StreamError::Abandoned.into()),
        },
    }
}
