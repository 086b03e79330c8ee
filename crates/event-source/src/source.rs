//! Where records come from: a port, and Kafka behind it.

use std::time::Duration;

use millrace_events::position::Offset;
use millrace_stream::StreamError;
use millrace_stream::consumer::Consumer;

use crate::record::{OwnedRecord, Places};

/// Gives the records of partitions, those of one in their order, and keeps how far they are done.
pub trait RecordSource: Send {
    /// Waits at most `patience` for the next record. Blocks.
    fn poll(&mut self, patience: Duration) -> Result<Option<OwnedRecord>, StreamError>;

    /// Says that everything of a partition before `next_offset` is done with. Blocks.
    fn commit(&mut self, topic: &str, partition: i32, next_offset: Offset) -> Result<(), StreamError>;

    /// Is called about each second of a long invocation, so that who shares the partitions with others is not taken for
    /// dead meanwhile. Takes no record. Blocks, for at most about `patience`.
    fn rest(&mut self, _patience: Duration) -> Result<(), StreamError> {
        Ok(())
    }

    /// Nothing came, and all that came before is committed: the place to commit what is never given, as marks of transactions are.
    fn idle(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    /// The partitions that became somebody else's since the last call: their records are that one's to deliver.
    fn moved(&mut self) -> Places {
        Places::new()
    }
}

impl RecordSource for Consumer {
    fn poll(&mut self, patience: Duration) -> Result<Option<OwnedRecord>, StreamError> {
        self.next(patience, |record| OwnedRecord::from(record))
    }

    fn commit(&mut self, topic: &str, partition: i32, next_offset: Offset) -> Result<(), StreamError> {
        Consumer::commit(self, topic, partition, next_offset)
    }
}
