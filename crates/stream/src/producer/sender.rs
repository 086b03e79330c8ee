//! One client of librdkafka's that sends, and what the brokers have said of its records.

use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::SecondsFormat;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

use crate::StreamError;
use crate::base_offsets::BaseOffsets;
use crate::client::ClientSettings;
use crate::dead_letter::Letter;
use crate::error::is_too_large;
use crate::handshake::Handshake;
use crate::offset_set::OffsetSet;
use crate::record::{OutgoingRecord, Record};

/// What a batch gathers at most; a record that is larger travels alone. Below what a broker takes unless it is told otherwise.
const BATCH_BYTES: usize = 1_000_000;

/// A record of this size, as we reckon it, is larger than a batch: we reckon some bytes too many.
pub(super) const FILLS_A_BATCH: usize = BATCH_BYTES + (4 << 10);

/// The largest record that a client sends: more than topics take, so that their own limits decide, and within the queue below, of
/// which a larger one would never find room.
const LARGEST: usize = 16 << 20;

/// The bound of the producer's own memory, in KiB; `send` blocks at it.
const QUEUE: usize = 32 << 10;

/// How long a refusal may go unheard while records wait for their acknowledgement.
const SLICE: Duration = Duration::from_millis(500);

pub(super) struct Sender {
    inner: ThreadedProducer<Deliveries>,
    delivery_timeout: Duration,
}

/// A record, mostly a dead letter, that a broker refused for its size.
pub(super) struct Refused {
    pub(super) record: Letter,
    pub(super) partition: i32,
}

/// What the broker has said of the records sent.
struct Deliveries {
    handshake: Handshake,
    base_offsets: BaseOffsets,
    state: Mutex<DeliveryState>,
    /// Whether `state.refused` holds some: asked with every record.
    refused_wait: AtomicBool,
    queued: AtomicU64,
    settled: AtomicU64,
}

/// The first record that could not be written, whatever was tried.
struct Failed {
    topic: String,
    timestamp: Millis,
    error: KafkaError,
}

impl Failed {
    fn to_error(&self) -> StreamError {
        let (topic, source) = (self.topic.clone(), self.error.clone());
        let untimely = match source.rdkafka_error_code() {
            Some(RDKafkaErrorCode::InvalidTimestamp) => true,
            // What brokers of today say of a time to come, and of a record without a key where it needs one.
            Some(RDKafkaErrorCode::InvalidRecord) => self.timestamp.get() > now_millis() + A_CLOCKS_FAULT,
            _ => false,
        };
        match self.timestamp.date_time().filter(|_| untimely) {
            Some(instant) => {
                let stamped = instant.to_rfc3339_opts(SecondsFormat::Secs, true);
                StreamError::Timestamp { topic, stamped, source: Box::new(source) }
            }
            None => StreamError::Produce { topic, source },
        }
    }
}

/// As far as clocks may differ, in ms.
const A_CLOCKS_FAULT: i64 = 60_000;

fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[derive(Default)]
struct DeliveryState {
    acknowledged: OffsetSet,
    failed: Option<Failed>,
    refused: VecDeque<Refused>,
}

impl Deliveries {
    fn state(&self) -> MutexGuard<'_, DeliveryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    /// The record's timestamp: of one that failed the client does not tell it.
    type DeliveryOpaque = usize;

    fn delivery(&self, delivery: &DeliveryResult<'_>, timestamp: usize) {
        let timestamp = Millis(timestamp as i64);
        let mut state = self.state();
        match delivery {
            Ok(message) => {
                let (topic, partition) = (message.topic(), message.partition());
                let offset = self.base_offsets.in_generation(topic, partition, Offset(message.offset()));
                state.acknowledged.insert(topic, partition, offset);
            }
            Err((error, message)) if is_too_large(error) => {
                let record = Letter::of(&Record { timestamp: Some(timestamp), ..Record::of(message) });
                state.refused.push_back(Refused { record, partition: message.partition() });
                self.refused_wait.store(true, Ordering::Release);
            }
            Err((error, message)) => {
                state.failed.get_or_insert_with(|| Failed {
                    topic: message.topic().to_owned(),
                    timestamp,
                    error: error.clone(),
                });
            }
        }
        drop(state);
        self.settled.fetch_add(1, Ordering::Release);
    }
}

impl Sender {
    /// Gathers records for a few milliseconds.
    pub(super) fn batching(settings: &ClientSettings) -> Result<Self, StreamError> {
        // Long enough to fill batches, too short to be felt.
        Self::of(settings, "5", "2000")
    }

    pub(super) fn of_single_records(settings: &ClientSettings) -> Result<Self, StreamError> {
        Self::of(settings, "0", "1")
    }

    fn of(settings: &ClientSettings, linger_ms: &str, batch_records: &str) -> Result<Self, StreamError> {
        let deliveries = Deliveries {
            handshake: settings.handshake(),
            base_offsets: settings.base_offsets.clone(),
            state: Mutex::default(),
            refused_wait: AtomicBool::default(),
            queued: AtomicU64::default(),
            settled: AtomicU64::default(),
        };
        let inner = settings
            .config("producer")?
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", settings.compression)
            .set("message.timeout.ms", settings.delivery_timeout.as_millis().to_string())
            .set("linger.ms", linger_ms)
            .set("batch.num.messages", batch_records)
            .set("batch.size", BATCH_BYTES.to_string())
            .set("queue.buffering.max.kbytes", QUEUE.to_string())
            .set("message.max.bytes", LARGEST.to_string())
            .create_with_context(deliveries)
            .map_err(StreamError::Settings)?;
        Ok(Self { inner, delivery_timeout: settings.delivery_timeout })
    }

    /// Queues a record. Blocks while there is no room for it.
    pub(super) fn send(&self, record: &OutgoingRecord<'_>, partition: i32) -> Result<(), StreamError> {
        let headers = record
            .headers
            .iter()
            .fold(OwnedHeaders::new_with_capacity(record.headers.len()), |headers, (key, value)| {
                headers.insert(Header { key, value: *value })
            });
        let opaque = record.timestamp.get() as usize;
        let mut outgoing: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(record.topic, opaque).partition(partition).headers(headers);
        outgoing.timestamp = Some(record.timestamp.get());
        outgoing.key = record.key;
        outgoing.payload = record.value;
        let deliveries = self.inner.context();
        deliveries.queued.fetch_add(1, Ordering::AcqRel);
        loop {
            match self.inner.send(outgoing) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    self.check()?;
                    outgoing = refused;
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err((source, _)) => {
                    // It never was on its way, so nothing will be said of it.
                    deliveries.queued.fetch_sub(1, Ordering::AcqRel);
                    return Err(StreamError::Produce { topic: record.topic.to_owned(), source });
                }
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), StreamError> {
        let state = self.inner.context().state();
        match &state.failed {
            Some(failed) => Err(failed.to_error()),
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

    /// Blocks until every record queued so far is acknowledged, or refused for its size and waiting for [`take_refused`](Self::take_refused).
    pub(super) fn flush(&self) -> Result<(), StreamError> {
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

    pub(super) fn acknowledged(&self) -> OffsetSet {
        self.inner.context().state().acknowledged.clone()
    }

    /// What brokers refused for its size.
    pub(super) fn take_refused(&self) -> VecDeque<Refused> {
        let deliveries = self.inner.context();
        if !deliveries.refused_wait.swap(false, Ordering::AcqRel) {
            return VecDeque::new();
        }
        std::mem::take(&mut deliveries.state().refused)
    }

    pub(super) fn give_back(&self, refused: VecDeque<Refused>) {
        if !refused.is_empty() {
            let deliveries = self.inner.context();
            deliveries.state().refused.extend(refused);
            deliveries.refused_wait.store(true, Ordering::Release);
        }
    }
}
