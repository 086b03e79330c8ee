//! Writes records: idempotent, acknowledged by all replicas, held back where the broker is small.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

use crate::StreamError;
use crate::base_offsets::BaseOffsets;
use crate::client::ClientSettings;
use crate::handshake::Handshake;
use crate::hold_back::HoldBack;
use crate::ledger::Ledger;
use crate::partitioner;
use crate::record::OutgoingRecord;
use crate::topics::Topics;

/// Takes records for Kafka.
///
/// Contract: records of one partition are written in the order of their [`publish`](Self::publish), each once, however
/// often a broker has to be asked; a record is safe only when a later [`flush`](Self::flush) answered `Ok`.
///
/// One exception, of Kafka's: a broker that restarts remembers only producers whose newest record is younger than a day
/// (`producer.id.expiration.ms`), *by the record's own timestamp*. Of records that are stamped with times long past, those
/// which were written and not yet acknowledged when the broker died are written a second time, at positions of their own.
pub trait Publisher: Send + Sync {
    /// Queues a record. Blocks while there is no room for it.
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError>;

    /// Blocks until every record queued so far is acknowledged.
    fn flush(&self) -> Result<(), StreamError>;
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
    inner: ThreadedProducer<Deliveries>,
    topics: Topics,
    partitions: Mutex<HashMap<String, i32>>,
    hold_back: Option<Arc<HoldBack>>,
    delivery_timeout: Duration,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("topics", &self.topics).finish_non_exhaustive()
    }
}

/// How long a refusal may go unheard while records wait for their acknowledgement.
const SLICE: Duration = Duration::from_millis(500);

/// What the broker has said of the records sent.
struct Deliveries {
    handshake: Handshake,
    base_offsets: BaseOffsets,
    state: Mutex<DeliveryState>,
    queued: AtomicU64,
    settled: AtomicU64,
}

#[derive(Default)]
struct DeliveryState {
    acknowledged: Ledger,
    failed: Option<(String, KafkaError)>,
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Handshake::ENABLE_REFRESH_OAUTH_TOKEN;

    fn error(&self, error: KafkaError, said: &str) {
        self.handshake.error(error, said);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.handshake.generate_oauth_token(config)
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, delivery: &DeliveryResult<'_>, (): ()) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match delivery {
            Ok(message) => {
                let (topic, partition) = (message.topic(), message.partition());
                let offset = self.base_offsets.in_life(topic, partition, message.offset());
                state.acknowledged.insert(topic, partition, offset);
            }
            Err((error, message)) => {
                state.failed.get_or_insert_with(|| (message.topic().to_owned(), error.clone()));
            }
        }
        drop(state);
        self.settled.fetch_add(1, Ordering::Release);
    }
}

impl Producer {
    /// `hold_back` bounds what is on its way, for the embedded broker.
    pub fn connect(settings: &ClientSettings, hold_back: Option<Arc<HoldBack>>) -> Result<Self, StreamError> {
        let deliveries = Deliveries {
            handshake: Handshake::new(settings),
            base_offsets: settings.base_offsets.clone(),
            state: Mutex::default(),
            queued: AtomicU64::default(),
            settled: AtomicU64::default(),
        };
        let inner = settings
            .config("producer")?
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", settings.compression)
            .set("message.timeout.ms", settings.delivery_timeout.as_millis().to_string())
            // Long enough to fill batches, too short to be felt.
            .set("linger.ms", "5")
            .set("batch.num.messages", "2000")
            // The bound of the producer's own memory; `publish` blocks at it.
            .set("queue.buffering.max.kbytes", "32768")
            .set("message.max.bytes", "4194304")
            .create_with_context(deliveries)
            .map_err(StreamError::Settings)?;
        Ok(Self {
            inner,
            topics: Topics::connect(settings)?,
            partitions: Mutex::default(),
            hold_back,
            delivery_timeout: settings.delivery_timeout,
        })
    }

    /// The positions that the broker acknowledged so far.
    pub fn acknowledged(&self) -> Ledger {
        self.inner.context().state.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.clone()
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
        Ok(partitions)
    }

    fn check(&self) -> Result<(), StreamError> {
        let state = self.inner.context().state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.failed {
            Some((topic, error)) => Err(StreamError::Produce { topic: topic.clone(), source: error.clone() }),
            // Without this, records would wait for their time-out.
            None => self.inner.context().handshake.check(),
        }
    }

    /// Waits for the queue to empty, in slices, as a refusal ends the wait. False where it did not within `patience`.
    fn drain(&self, patience: Duration) -> Result<bool, StreamError> {
        let begin = Instant::now();
        while self.inner.flush(SLICE).is_err() {
            self.check()?;
            if begin.elapsed() > patience {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take_room(&self, record: &OutgoingRecord<'_>, partition: i32) -> Result<(), StreamError> {
        let Some(hold_back) = &self.hold_back else { return Ok(()) };
        let bytes = record.size();
        if bytes > hold_back.limit() {
            return Err(StreamError::TooLarge { bytes, limit: hold_back.limit() });
        }
        while !hold_back.take(record.topic, partition, bytes, Duration::from_millis(500)) {
            self.check()?;
            if hold_back.is_closed() {
                return Err(StreamError::Abandoned);
            }
        }
        Ok(())
    }
}

impl Publisher for Producer {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        let partition = partitioner::partition(record.key, self.partitions_of(record.topic)?);
        self.take_room(record, partition)?;
        let headers = record
            .headers
            .iter()
            .fold(OwnedHeaders::new_with_capacity(record.headers.len()), |headers, (key, value)| {
                headers.insert(Header { key, value: *value })
            });
        let mut outgoing: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(record.topic).partition(partition).timestamp(record.timestamp).headers(headers);
        outgoing.key = record.key;
        outgoing.payload = record.value;
        self.inner.context().queued.fetch_add(1, Ordering::AcqRel);
        loop {
            match self.inner.send(outgoing) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    self.check()?;
                    outgoing = refused;
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err((source, _)) => {
                    return Err(StreamError::Produce { topic: record.topic.to_owned(), source });
                }
            }
        }
    }

    fn flush(&self) -> Result<(), StreamError> {
        let seconds = self.delivery_timeout.as_secs();
        let drained = self.drain(self.delivery_timeout + Duration::from_secs(5))?;
        self.check()?;
        let deliveries = self.inner.context();
        let undelivered =
            || deliveries.queued.load(Ordering::Acquire) - deliveries.settled.load(Ordering::Acquire);
        match drained {
            true => {
                // The queue is empty a moment before its last reports are heard.
                let mut patience = 5_000;
                while undelivered() > 0 && patience > 0 {
                    std::thread::sleep(Duration::from_millis(1));
                    patience -= 1;
                }
                self.check()?;
                match undelivered() {
                    0 => Ok(()),
                    undelivered => Err(StreamError::Unacknowledged { undelivered, seconds }),
                }
            }
            false => Err(StreamError::Unacknowledged { undelivered: undelivered(), seconds }),
        }
    }
}
