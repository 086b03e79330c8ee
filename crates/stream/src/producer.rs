//! Writes records: idempotent, acknowledged by all replicas, held back where the broker is small.

mod sender;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::StreamError;
use crate::backpressure::Backpressure;
use crate::call_trace;
use crate::client::ClientSettings;
use crate::offset_set::OffsetSet;
use crate::partitioner;
use crate::record::OutgoingRecord;
use crate::topics::{Topics, is_dead_letters};
use sender::{FILLS_A_BATCH, Refused, Sender};

/// Takes records for Kafka.
///
/// Contract: records of one partition are written in the order of their [`publish`](Self::publish), each once, however
/// often a broker has to be asked; a record is safe only when a later [`flush`](Self::flush) answered `Ok`.
///
/// What a broker refuses for its size is sent again alone, as its limit is one of batches, behind what came after it: a dead letter
/// smaller, as [`dead_letter`](crate::dead_letter) has it, until it is taken; another record as it is, and if that is too large too it
/// is an error of `flush` until [`take_refused`](Self::take_refused) takes it out.
///
/// One exception, of Kafka's: a broker that restarts remembers only producers whose newest record is younger than a day
/// (`producer.id.expiration.ms`), *by the record's own timestamp*. Of records that are stamped with times long past, those
/// which were written and not yet acknowledged when the broker died are written a second time, at positions of their own.
pub trait Publisher: Send + Sync {
    /// Queues a record. Blocks while there is no room for it.
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError>;

    /// Blocks until every record queued so far is acknowledged.
    fn flush(&self) -> Result<(), StreamError>;

    /// The records, dead letters aside, that were too large for their topic: they are nobody's error any more.
    fn take_refused(&self) -> Vec<TooLarge> {
        Vec::new()
    }
}

/// A record that its topic is too small for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    /// The topic.
    pub topic: String,
    /// The partition that was computed for it.
    pub partition: i32,
    /// The room it takes, in bytes.
    pub bytes: usize,
    /// Its headers of text, in their order.
    pub headers: Vec<(String, String)>,
}

/// Takes no record: for who has none to send, and is told where one comes after all.
#[derive(Debug, Clone, Copy)]
pub struct NoRecords;

impl Publisher for NoRecords {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        let reason = "nothing was to be sent to it".to_owned();
        Err(StreamError::Topic { topic: record.topic.to_owned(), reason })
    }

    fn flush(&self) -> Result<(), StreamError> {
        Ok(())
    }
}

/// The [`Publisher`] over librdkafka.
pub struct Producer {
    settings: ClientSettings,
    sender: Sender,
    /// Sends each record in a batch of its own. Made for the first letter that a broker refused for its size.
    alone: OnceLock<Sender>,
    resending: Mutex<()>,
    /// Records, dead letters aside, that are too large for their topic even alone.
    too_large: Mutex<Vec<TooLarge>>,
    topics: Topics,
    partitions: Mutex<HashMap<String, i32>>,
    hold_back: Option<Arc<Backpressure>>,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Producer {
    /// `hold_back` bounds what is on its way, for the embedded broker.
    pub fn connect(
        settings: &ClientSettings,
        hold_back: Option<Arc<Backpressure>>,
    ) -> Result<Self, StreamError> {
        Ok(Self {
            settings: settings.clone(),
            sender: Sender::batching(settings)?,
            alone: OnceLock::new(),
            resending: Mutex::default(),
            too_large: Mutex::default(),
            topics: Topics::connect(settings)?,
            partitions: Mutex::default(),
            hold_back,
        })
    }

    /// The positions that the broker acknowledged so far.
    pub fn acknowledged(&self) -> OffsetSet {
        let mut acknowledged = self.sender.acknowledged();
        if let Some(alone) = self.alone.get() {
            acknowledged.merge(&alone.acknowledged());
        }
        acknowledged
    }

    fn partitions_of(&self, topic: &str) -> Result<i32, StreamError> {
        let mut known = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&partitions) = known.get(topic) {
            return Ok(partitions);
        }
        let reason = "it does not exist".to_owned();
        let partitions =
            self.topics.partitions(topic)?.ok_or(StreamError::Topic { topic: topic.to_owned(), reason })?;
        known.insert(topic.to_owned(), partitions);
        call_trace::tell("Produce", topic);
        Ok(partitions)
    }

    fn take_room(&self, record: &OutgoingRecord<'_>, partition: i32) -> Result<(), StreamError> {
        let Some(hold_back) = &self.hold_back else { return Ok(()) };
        let bytes = record.size();
        if bytes > hold_back.limit() {
            return Err(StreamError::TooLarge { bytes, limit: hold_back.limit() });
        }
        while !hold_back.take(record.topic, partition, bytes, Duration::from_millis(500)) {
            self.sender.check()?;
            if hold_back.is_closed() {
                return Err(StreamError::Abandoned);
            }
        }
        Ok(())
    }

    fn send(&self, sender: &Sender, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        let partition = partitioner::partition(record.key, self.partitions_of(record.topic)?);
        self.take_room(record, partition)?;
        let sent = sender.send(record, partition);
        if let (Err(_), Some(hold_back)) = (&sent, &self.hold_back) {
            hold_back.release(record.topic, partition, record.size());
        }
        sent
    }

    /// Sends what brokers refused for its size until it is taken: each record in a batch of its own, a dead letter smaller every
    /// time. Cheap where there is nothing.
    fn send_again(&self) -> Result<(), StreamError> {
        // Whoever flushes waits for what another is about to send again.
        let _one_at_a_time = self.resending.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused = self.sender.take_refused();
        if refused.is_empty() {
            return Ok(());
        }
        let sent = self.send_alone(&mut refused);
        // What is left fails every later flush too: no success of another's records hides the loss.
        self.sender.give_back(refused);
        sent
    }

    fn send_alone(&self, refused: &mut VecDeque<Refused>) -> Result<(), StreamError> {
        let alone = match self.alone.get() {
            Some(alone) => alone,
            None => {
                let made = Sender::of_single_records(&self.settings)?;
                self.alone.get_or_init(|| made)
            }
        };
        // A limit is one of batches: it may have been the record's company that was too large, unless it fills a batch by itself.
        let mut in_company = true;
        while !refused.is_empty() {
            while let Some(Refused { record, partition }) = refused.front_mut() {
                let bytes = record.size();
                let too_large = !in_company || bytes >= FILLS_A_BATCH;
                if too_large && is_dead_letters(record.topic()) {
                    record.shrink()?;
                }
                if let Some(hold_back) = &self.hold_back {
                    hold_back.release(record.topic(), *partition, bytes);
                }
                if too_large && !is_dead_letters(record.topic()) {
                    let (topic, partition) = (record.topic().to_owned(), *partition);
                    let headers = record.text_headers();
                    self.too_large().push(TooLarge { topic, partition, bytes, headers });
                } else {
                    record.with_record(|record| self.send(alone, record))?;
                }
                refused.pop_front();
            }
            alone.flush()?;
            refused.extend(alone.take_refused());
            in_company = false;
        }
        Ok(())
    }

    fn too_large(&self) -> MutexGuard<'_, Vec<TooLarge>> {
        self.too_large.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher for Producer {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        self.send_again()?;
        self.send(&self.sender, record)
    }

    fn flush(&self) -> Result<(), StreamError> {
        self.sender.flush()?;
        self.send_again()?;
        self.alone.get().map_or(Ok(()), Sender::flush)?;
        match self.too_large().first() {
            None => Ok(()),
            Some(TooLarge { topic, partition, bytes, .. }) => {
                let (topic, partition, bytes) = (topic.clone(), *partition, *bytes);
                Err(StreamError::LargerThanTopic { topic, partition, bytes })
            }
        }
    }

    fn take_refused(&self) -> Vec<TooLarge> {
        std::mem::take(&mut *self.too_large())
    }
}
