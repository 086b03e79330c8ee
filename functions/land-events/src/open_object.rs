//! One object while it grows: the rows of one hour of one partition.

use std::sync::Arc;

use millrace_events::batch::{EventBatchBuilder, SourcePartition};
use millrace_events::decode::Value;
use millrace_events::decode_error::DecodeError;
use millrace_events::event::Event;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_events::writer_schemas::WriterSchemas;
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_lake::raw_object_writer::RawObject;
use millrace_lake::rolling_policy::OpenObjectSize;

use crate::error::LandError;

#[derive(Debug)]
pub(crate) struct OpenObject {
    source: SourcePartition,
    batch: EventBatchBuilder,
    object: RawObject,
    opened_at: Micros,
    /// Of the rows in the object and the batch; offsets grow, so the first is the lowest.
    first: Option<FirstRow>,
    last_offset: Offset,
    /// Bytes of the records in the batch, which are not in the object yet.
    batch_bytes: usize,
    /// The list of refused persons that its first rows were held against.
    refused: Arc<RefusedIds>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstRow {
    pub(crate) offset: Offset,
    pub(crate) timestamp: Micros,
}

/// A finished object, not yet stored.
#[derive(Debug)]
pub(crate) struct FinishedObject {
    pub(crate) first: FirstRow,
    pub(crate) last_offset: Offset,
    pub(crate) body: Vec<u8>,
    pub(crate) rows: u64,
    /// The oldest list of refused persons that rows of it were held against.
    pub(crate) refused: Arc<RefusedIds>,
}

/// A row's place in its partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) offset: Offset,
    pub(crate) timestamp: Micros,
}

impl OpenObject {
    /// What an object takes as soon as it is open, in bytes: the encoders of the 38 columns of a user, which has the most,
    /// and the first pages of their builders, as measured. Too small a number lets many open hours outgrow the bound.
    pub(crate) const OPEN_BYTES: usize = 320 << 10;

    /// Bytes of records that are encoded at once, however few rows they are: a bound of what a batch of large records takes, and far below
    /// the two gigabytes of texts that an Arrow array takes.
    const BATCH_BYTES: usize = 16 << 20;

    pub(crate) fn open(
        event: &Event,
        schemas: &Arc<dyn WriterSchemas>,
        source: SourcePartition,
        batch_rows: usize,
        refused: &Arc<RefusedIds>,
        now: Micros,
    ) -> Result<Self, LandError> {
        let object = RawObject::new(event.schema()).map_err(|error| encode_error(&source, error))?;
        let batch = EventBatchBuilder::new(event, source.clone(), Arc::clone(schemas), batch_rows);
        Ok(Self {
            source,
            batch,
            object,
            opened_at: now,
            first: None,
            last_offset: Offset(-1),
            batch_bytes: 0,
            refused: Arc::clone(refused),
        })
    }

    /// Adds a row; `false`: it is about a person of `refused`, and nothing was added. A value that is no row changes nothing.
    pub(crate) fn push(
        &mut self,
        value: &Value<'_>,
        place: Place,
        bytes: usize,
        refused: &RefusedIds,
    ) -> Result<bool, DecodeError> {
        // Where nobody is, nothing is looked at.
        if refused.is_empty() {
            self.batch.push(value, place.offset, place.timestamp)?;
        } else if !self.batch.push_unless(value, place.offset, place.timestamp, |id| refused.contains(id))? {
            return Ok(false);
        }
        self.first.get_or_insert(FirstRow { offset: place.offset, timestamp: place.timestamp });
        self.last_offset = place.offset;
        self.batch_bytes += bytes;
        Ok(true)
    }

    /// Encodes the batch where it holds at least `rows`, or many bytes; `now` is when its rows were landed.
    pub(crate) fn encode(&mut self, rows: usize, now: Micros) -> Result<(), LandError> {
        let is_due = self.batch.rows() >= rows.max(1) || self.batch_bytes >= Self::BATCH_BYTES;
        if !is_due || self.batch.rows() == 0 {
            return Ok(());
        }
        let batch = self.batch.finish(now).map_err(|error| encode_error(&self.source, error))?;
        self.object.write(&batch).map_err(|error| encode_error(&self.source, error))?;
        self.batch_bytes = 0;
        Ok(())
    }

    pub(crate) fn progress(&self) -> OpenObjectSize {
        OpenObjectSize {
            encoded_bytes: self.object.encoded_bytes(),
            rows: self.object.rows() + self.batch.rows(),
            opened_at: self.opened_at,
        }
    }

    /// Memory held, in bytes: what an open object takes in any case, what is encoded, and the batch at about the size
    /// of its records.
    pub(crate) fn memory_bytes(&self) -> usize {
        Self::OPEN_BYTES + self.object.memory_bytes() + self.batch_bytes
    }

    /// The whole object; `None` without a row.
    pub(crate) fn finish(mut self, now: Micros) -> Result<Option<FinishedObject>, LandError> {
        self.encode(1, now)?;
        let Some(first) = self.first else { return Ok(None) };
        let rows = self.object.rows() as u64;
        let body = self.object.finish().map_err(|error| encode_error(&self.source, error))?;
        Ok(Some(FinishedObject { first, last_offset: self.last_offset, body, rows, refused: self.refused }))
    }
}

fn encode_error(
    source: &SourcePartition,
    error: impl std::error::Error + Send + Sync + 'static,
) -> LandError {
    LandError::Encode { topic: source.topic.clone(), partition: source.partition, source: Box::new(error) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use millrace_events::event_catalogue;
    use millrace_events::repository_schemas::RepositorySchemas;

    use super::*;

    #[test]
    fn a_batch_of_large_records_is_encoded_before_it_has_its_rows() {
        const NOW: Micros = Micros(0);
        let source =
            SourcePartition { topic: "users_created".into(), generation: "0001".into(), partition: 0 };
        let schemas: Arc<dyn WriterSchemas> = RepositorySchemas::shared();
        let nobody = Arc::<RefusedIds>::default();
        let mut object =
            OpenObject::open(event_catalogue::user_created(), &schemas, source, 1_000_000, &nobody, NOW)
                .unwrap();
        let user = format!(r#"{{"id":"{}"}}"#, "x".repeat(1 << 20));
        let value = Value { bytes: Some(user.as_bytes()), ..Value::default() };
        for offset in 0..40 {
            let place = Place { offset: Offset(offset), timestamp: NOW };
            object.push(&value, place, user.len(), &nobody).unwrap();
            object.encode(1_000_000, NOW).unwrap();
            assert!(object.batch_bytes < OpenObject::BATCH_BYTES, "{offset}: {} bytes", object.batch_bytes);
        }
        assert_eq!((object.progress().rows, object.object.rows()), (40, 32));
    }
}
