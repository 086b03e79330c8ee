//! One invocation's batch: each partition landed by itself, and an answer that names what has to come again.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{self, StreamExt};
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_lake::erasure::refused_ids::RefusalWatch;
use millrace_lake::{Store, TopicGeneration};
use millrace_runtime::{Deadline, Meter};
use millrace_stream::batch_response::{BatchResponse, ItemIdentifier};
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::lambda_event::{self, EventError, EventRecord, KafkaEvent};
use millrace_stream::producer::Publisher;

use crate::error::LandError;
use crate::internal_events::RecordsLeft;
use crate::landing_status::LandingStatus;
use crate::partition_batch::{PartitionBatch, Unlanded};
use crate::raw_writer::{LandCounts, RawWriter};
use crate::settings::LandSettings;

/// Bounds of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSettings {
    /// Bounds of a partition's open objects, of which an invocation leaves none.
    pub land: LandSettings,
    /// What a write may take, and so what has to be left of the deadline for one more record to be taken.
    pub write_reserve: Duration,
    /// Partitions whose objects are written at once.
    pub partitions_at_once: usize,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self {
            // Of the largest payload, 6 MiB, no partition has more than this even where each record is an hour's first.
            land: LandSettings { memory_bytes: 32 << 20, ..LandSettings::default() },
            write_reserve: Duration::from_secs(10),
            partitions_at_once: 4,
        }
    }
}

/// Lands the batches of a Kafka event source mapping.
///
/// Delivery: a record that the answer does not name is durable, as a row or as a dead letter. Where one of a partition
/// is not, it and every later one of its partition are named, so that the mapping delivers them again in their order;
/// the other partitions are done. What comes again makes the same rows.
#[derive(Debug)]
pub struct BatchLanding<P> {
    /// Where raw objects go.
    pub store: Arc<dyn Store>,
    /// Sends the letters of records that are no rows.
    pub dead_letters: Arc<P>,
    /// The topics' generation.
    pub generation: TopicGeneration,
    /// Where framed values' schemas are fetched; `None` knows the repository's alone.
    pub schemas: Option<Arc<FetchedSchemas>>,
    /// Bounds of an invocation.
    pub settings: BatchSettings,
    /// Knows whom the lake refuses, from one invocation to the next.
    pub refusals: Arc<RefusalWatch>,
    /// Is told what is landed and what has to come again.
    pub meter: Meter,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// The records that have to come again.
    pub answer: BatchResponse,
    /// Of all partitions together.
    pub counts: LandCounts,
}

/// Why a batch was given up as a whole: AWS delivers all of it again, and somebody has to act.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The payload is no batch of records. No retry helps.
    #[error(transparent)]
    Event(#[from] EventError),
    /// A partition's failure is not worth another try.
    #[error(transparent)]
    Land(#[from] LandError),
}

impl Classified for BatchError {
    fn class(&self) -> Class {
        match self {
            Self::Event(error) => error.class(),
            Self::Land(error) => error.class(),
        }
    }
}

impl<P: Publisher + 'static> BatchLanding<P> {
    /// Lands a payload at `now` (µs since 1970, UTC), as far as `deadline` lets it.
    ///
    /// # Errors
    /// The payload is no batch of records, or a failure of a partition is not worth another try (`Stop`). What may pass
    /// (`Retry`) is no error but part of the answer, even where no partition is done.
    pub async fn land(
        &self,
        event: &KafkaEvent,
        now: Micros,
        deadline: Deadline,
    ) -> Result<BatchOutcome, BatchError> {
        let records = lambda_event::records(event)?;
        match self.refusals.current().await.map_err(LandError::from) {
            Ok(_) => {}
            // Nothing is taken before it is known whose records may be.
            Err(error) if error.class() == Class::Retry => {
                tracing::error!(error = &error as &dyn std::error::Error, "batch_left");
                let answer = records.iter().map(identifier).collect();
                return Ok(BatchOutcome { answer, counts: LandCounts::default() });
            }
            Err(error) => return Err(error.into()),
        }
        let progress = Arc::new(LandingStatus::default());
        // Boxed and gathered: the compiler cannot see through a stream of closures that a task may move it.
        let mut runs = Vec::new();
        for records in records.chunk_by(|a, b| (a.topic(), a.partition()) == (b.topic(), b.partition())) {
            let (schemas, reserve) = (self.schemas.clone(), self.settings.write_reserve);
            let run =
                PartitionBatch::new(self.writer(&progress).await?, schemas, reserve, records[0].offset());
            runs.push(async move { (records, run.land(records, now, deadline).await) }.boxed());
        }
        let finished: Vec<_> =
            stream::iter(runs).buffered(self.settings.partitions_at_once.max(1)).collect().await;
        let mut counts = LandCounts::default();
        let mut failures = Vec::new();
        for (records, landed) in finished {
            counts.add(landed.counts);
            match landed.undone {
                None => {}
                Some(Unlanded::Failed(error)) if error.class() != Class::Retry => return Err(error.into()),
                Some(_) => {
                    let rest = records.iter().filter(|record| record.offset() >= landed.durable_before);
                    let before = failures.len();
                    failures.extend(rest.map(identifier));
                    let (topic, partition) = (records[0].topic(), records[0].partition());
                    let records = (failures.len() - before) as u64;
                    RecordsLeft { topic, partition, records }.tell(&self.meter);
                }
            }
        }
        tracing::info!(
            delivered = records.len(),
            failed = failures.len(),
            records = counts.records,
            rows = counts.rows,
            dead_letters = counts.dead_letters,
            erased = counts.erased,
            objects = counts.objects,
            bytes = counts.bytes,
            "batch_landed"
        );
        for (kind, dead) in progress.seen().dead_letters.kinds() {
            // Its answer calls them done, as AWS has it: here is where somebody sees that they are no rows.
            tracing::warn!(
                kind,
                records = dead.records,
                of = records.len(),
                sample = dead.sample,
                "dead_letters"
            );
        }
        Ok(BatchOutcome { answer: failures.into_iter().collect(), counts })
    }

    /// A writer of its own for each partition, so that its failure is no other's.
    async fn writer(&self, progress: &Arc<LandingStatus>) -> Result<RawWriter<P>, LandError> {
        let (store, dead_letters) = (Arc::clone(&self.store), Arc::clone(&self.dead_letters));
        let writer = RawWriter::new(store, dead_letters, self.generation.clone(), self.settings.land);
        let writer = writer.with_meter(self.meter.clone()).with_progress(Arc::clone(progress));
        let mut writer = writer.with_refusals(Arc::clone(&self.refusals));
        if let Some(schemas) = &self.schemas {
            writer = writer.with_schemas(schemas.clone());
        }
        writer.look_who_is_refused().await?;
        Ok(writer)
    }
}

fn identifier(record: &EventRecord) -> ItemIdentifier {
    ItemIdentifier::new(record.topic(), record.partition(), record.offset())
}
