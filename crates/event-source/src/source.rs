//! Where records come from: a port, and Kafka behind it.

use std::time::Duration;

use millrace_stream::StreamError;
use millrace_stream::consumer::Consumer;

use crate::record::OwnedRecord;

/// Gives the records of partitions, those of one in their order, and keeps how far they are done.
pub trait RecordSource: Send {
    /// Waits at most `patience` for the next record. Blocks.
    fn poll(&mut self, patience: Duration) -> Result<Option<OwnedRecord>, StreamError>;

    /// Says that everything of a partition before `next_offset` is done with. Blocks.
    fn commit(&mut self, topic: &str, partition: i32, next_offset: i64) -> Result<(), StreamError>;

    /// Nothing came, and all that came before is committed: the place to commit what is never given, as marks of transactions are.
    fn rest(&mut self) -> Result<(), StreamError> {
        Ok(())
    }
}

impl RecordSource for Consumer {
    fn poll(&mut self, patience: Duration) -> Result<Option<OwnedRecord>, StreamError> {
        self.next(patience, |record| OwnedRecord::from(record))
    }

    fn commit(&mut self, topic: &str, partition: i32, next_offset: i64) -> Result<(), StreamError> {
        Consumer::commit(self, topic, partition, next_offset)
    }
}
