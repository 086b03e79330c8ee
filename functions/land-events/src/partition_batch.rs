//! One partition's records of a batch: as far as they get.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_events::decode::Value;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_runtime::{Deadline, telemetry};
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::lambda_event::EventRecord;
use millrace_stream::producer::Publisher;
use millrace_stream::record::Record;

use crate::error::LandError;
use crate::raw_writer::{CommitPoint, LandCounts, RawWriter};

/// What has to be left of the deadline to answer: AWS takes an invocation that is cut off for failed as a whole.
const ANSWER: Duration = Duration::from_millis(500);

/// Lands one partition with a landing of its own, so that its failure is no other's.
#[derive(Debug)]
pub(crate) struct PartitionBatch<P> {
    landing: RawWriter<P>,
    schemas: Option<Arc<FetchedSchemas>>,
    write_reserve: Duration,
    /// Every record before this offset is durable.
    durable_before: Offset,
}

/// How far a partition got.
#[derive(Debug)]
pub(crate) struct LandedPartition {
    pub(crate) counts: LandCounts,
    /// Every record before this offset is durable.
    pub(crate) durable_before: Offset,
    /// `None` where all of them are.
    pub(crate) undone: Option<Unlanded>,
}

/// Why records of a partition are not done.
#[derive(Debug)]
pub(crate) enum Unlanded {
    /// What was left of the deadline was too little to take them.
    NoTime,
    Failed(LandError),
}

impl<P: Publisher + 'static> PartitionBatch<P> {
    /// `landing` takes the records from the offset `first` on; `write_reserve` is what has to be left of the deadline for one more.
    pub(crate) fn new(
        landing: RawWriter<P>,
        schemas: Option<Arc<FetchedSchemas>>,
        write_reserve: Duration,
        first: Offset,
    ) -> Self {
        Self { landing, schemas, write_reserve, durable_before: first }
    }

    /// Takes the records in their order, as far as they get.
    pub(crate) async fn land(
        mut self,
        records: &[EventRecord],
        now: Micros,
        deadline: Deadline,
    ) -> LandedPartition {
        let left = deadline.left(Instant::now()).saturating_sub(ANSWER);
        let work = self.work(records, now, deadline);
        let undone = match tokio::time::timeout(left, work).await {
            Ok(result) => result.unwrap_or_else(|error| Some(Unlanded::Failed(error))),
            // Cut off in the middle: what it had stored is durable, the rest is not known to be.
            Err(_) => Some(Unlanded::NoTime),
        };
        if let Some(undone) = &undone {
            self.tell(records, undone);
        }
        LandedPartition { counts: self.landing.counts(), durable_before: self.durable_before, undone }
    }

    async fn work(
        &mut self,
        records: &[EventRecord],
        now: Micros,
        deadline: Deadline,
    ) -> Result<Option<Unlanded>, LandError> {
        let mut undone = None;
        for record in records {
            if !deadline.covers(self.write_reserve, Instant::now()) {
                undone = Some(Unlanded::NoTime);
                break;
            }
            match self.take(&record.as_record(), now).await {
                Ok(()) => {}
                // It can be taken another time, and what came before it need not come again.
                Err(error) if error.class() == Class::Retry && !self.landing.has_failed() => {
                    undone = Some(Unlanded::Failed(error));
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let landed = self.landing.roll_all(now).await?;
        self.note(&landed);
        Ok(undone)
    }

    async fn take(&mut self, record: &Record<'_>, now: Micros) -> Result<(), LandError> {
        if let Some(schemas) = &self.schemas {
            let content_type = record.header("content-type");
            let value = Value { bytes: record.value, content_type, source: None };
            if let Some(id) = value.schema_needed().filter(|id| schemas.lacks(*id)) {
                schemas.learn(id).await.map_err(|error| LandError::Schema(Box::new(error)))?;
            }
        }
        self.landing.push(record, now)?;
        if self.landing.is_full() {
            let landed = self.landing.roll_due(now).await?;
            self.note(&landed);
        }
        Ok(())
    }

    fn note(&mut self, landed: &[CommitPoint]) {
        if let Some(landed) = landed.last() {
            self.durable_before = landed.next_offset;
        }
    }

    fn tell(&self, records: &[EventRecord], undone: &Unlanded) {
        let (topic, partition) = records.first().map_or(("", -1), |first| (first.topic(), first.partition()));
        let from = self.durable_before.get();
        match undone {
            Unlanded::NoTime => tracing::warn!(topic, partition, from, "partition_out_of_time"),
            Unlanded::Failed(error) => {
                let (class, error) = (format!("{:?}", error.class()), telemetry::with_causes(error));
                tracing::error!(topic, partition, from, class, error, "partition_failed");
            }
        }
    }
}
