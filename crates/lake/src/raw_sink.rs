//! The seam between a landing and the lake: where a batch of one partition's rows is put, under which name, and how far each
//! partition is durable.
//!
//! What whoever lands rests on, and whatever is once put behind this seam has to keep:
//! - **Durable.** Where [`RawSink::write`] answers `Ok`, the whole batch outlives a crash of the machine, and whoever reads the
//!   table from then on sees all of it. A reader never sees a part of a batch.
//! - **A range is written once.** A batch is known by the range of offsets that it covers. Written again under the same range it
//!   changes nothing, whatever its bytes are: the first one stays, which may have lost an erased person since.
//! - **Any order, at once.** Batches of a partition are written in any order and side by side. Where a landing starts anew with
//!   other bounds its ranges overlap older ones: readers keep one row a position.
//! - **Retry.** After an error of class `Retry` the batch may be there or not, and the same call may be made again.
//! - **How far.** [`DurablePartitions::highest_durable`] is the highest last offset of all ranges whose write answered `Ok`
//!   before it was asked. It says nothing of gaps below: who commits offsets has to write ranges without leaving one out.

use std::sync::Arc;

use bytes::Bytes;
use millrace_events::event::Event;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_events::position::Offset;

use crate::durable_offsets::{DurableOffsets, DurableOffsetsError, DurablePartitions};
use crate::object_key::Key;
use crate::raw_object_name::{RawNameError, RawObjectName};
use crate::store::{PutNew, Store, StoreError};
use crate::topic_generation::TopicGeneration;

/// Where one topic generation's records become rows: the raw objects of the event's table.
#[derive(Debug, Clone)]
pub struct RawSink {
    store: Arc<dyn Store>,
    topic: &'static str,
    table: &'static str,
    generation: TopicGeneration,
}

/// What a batch covers: records of one partition. Not each offset between the ends needs a row: dead letters have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRange {
    /// The topic's partition, 0 to 99999.
    pub partition: i32,
    /// Of the batch's first row, inclusive.
    pub first: Offset,
    /// Of the batch's last row, inclusive.
    pub last: Offset,
    /// Of the batch's first row: its hour is the folder that the batch lies in.
    pub first_timestamp: Micros,
}

/// A batch that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBatch {
    /// The object that holds it.
    pub key: Key,
    /// The range had been written before; these bytes were not.
    pub was_there: bool,
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum RawSinkError {
    /// The range or the topic makes no name; a bug or a wrong setting.
    #[error(transparent)]
    Name(#[from] RawNameError),
    /// The store refused it or could not be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for RawSinkError {
    fn class(&self) -> Class {
        match self {
            Self::Name(error) => error.class(),
            Self::Store(error) => error.class(),
        }
    }
}

impl RawSink {
    /// Of the records of `event`'s topic in this generation. Nothing is asked of the store yet.
    pub fn new(store: Arc<dyn Store>, event: &Event, generation: TopicGeneration) -> Self {
        Self { store, topic: event.topic(), table: event.table(), generation }
    }

    /// Puts `batch`, an encoded Parquet file, under the name of its range; see the [contract](self).
    ///
    /// # Errors
    /// The range makes no name (`Stop`; `DeadLetter` where the timestamp is outside the calendar), or what the store says.
    pub async fn write(&self, batch: Bytes, range: BatchRange) -> Result<WrittenBatch, RawSinkError> {
        let BatchRange { partition, first, last, first_timestamp } = range;
        let name = RawObjectName::new(self.topic, self.generation.clone(), partition, first, last)?;
        let key = name.key(self.table, first_timestamp)?;
        tracing::trace!(%key, bytes = batch.len(), "storing an object");
        let put = self.store.put_new(&key, batch).await?;
        Ok(WrittenBatch { key, was_there: put == PutNew::AlreadyThere })
    }

    /// How far each partition is durable, by one listing of the table.
    ///
    /// # Errors
    /// The listing fails or never rests.
    pub async fn durable(&self) -> Result<DurablePartitions, DurableOffsetsError> {
        let landed = DurableOffsets::of_table(self.store.as_ref(), self.table).await?;
        Ok(landed.of_generation(self.topic, &self.generation))
    }
}

#[cfg(test)]
mod tests {
    use millrace_events::event_catalogue;

    use super::*;
    use crate::memory_store::MemoryStore;

    fn sink(store: &MemoryStore, generation: &str) -> RawSink {
        let generation = TopicGeneration::new(generation).unwrap();
        RawSink::new(Arc::new(store.clone()), event_catalogue::user_created(), generation)
    }

    fn range(partition: i32, first: i64, last: i64) -> BatchRange {
        let (first, last) = (Offset(first), Offset(last));
        BatchRange { partition, first, last, first_timestamp: Micros(0) }
    }

    #[tokio::test]
    async fn a_range_is_written_once_and_the_first_bytes_stay() {
        let store = MemoryStore::new();
        let sink = sink(&store, "0001");
        let first = sink.write(Bytes::from_static(b"first"), range(3, 0, 9)).await.unwrap();
        let second = sink.write(Bytes::from_static(b"second"), range(3, 0, 9)).await.unwrap();
        assert_eq!((first.was_there, second.was_there), (false, true));
        assert_eq!(first.key, second.key);
        assert_eq!(store.get(&first.key).await.unwrap(), "first");
    }

    #[tokio::test]
    async fn the_highest_durable_offset_is_that_of_the_partition_and_the_generation() {
        let store = MemoryStore::new();
        let (old, new) = (sink(&store, "0001"), sink(&store, "0002"));
        assert_eq!(old.durable().await.unwrap().highest_durable(0), None);
        // Any order, and a range that overlaps.
        for (first, last) in [(10, 19), (0, 9), (5, 14)] {
            old.write(Bytes::from_static(b"x"), range(0, first, last)).await.unwrap();
        }
        old.write(Bytes::from_static(b"x"), range(5, 0, 3)).await.unwrap();
        new.write(Bytes::from_static(b"x"), range(0, 0, 7)).await.unwrap();
        let durable = old.durable().await.unwrap();
        assert_eq!(durable.iter().collect::<Vec<_>>(), [(0, Offset(19)), (5, Offset(3))]);
        assert_eq!(new.durable().await.unwrap().highest_durable(0), Some(Offset(7)));
    }

    #[tokio::test]
    async fn what_makes_no_name_is_refused_and_nothing_is_written() {
        let store = MemoryStore::new();
        let sink = sink(&store, "0001");
        for range in [range(-1, 0, 1), range(0, 5, 4), range(0, -1, 4)] {
            assert_eq!(sink.write(Bytes::new(), range).await.unwrap_err().class(), Class::Stop, "{range:?}");
        }
        let beyond = BatchRange { first_timestamp: Micros(i64::MAX), ..range(0, 0, 1) };
        assert_eq!(sink.write(Bytes::new(), beyond).await.unwrap_err().class(), Class::DeadLetter);
        assert!(store.list("").await.unwrap().is_empty());
    }
}
