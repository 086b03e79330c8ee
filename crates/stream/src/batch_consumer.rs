//! A consumer whose records are taken from the client many at a time, and looked at where they lie.
//!
//! The client's usual way gives one record a call, wraps each in an event, and copies each header twice: for small records that is most of
//! what landing costs. Here partitions are forwarded to a queue of their own, which `rd_kafka_consume_batch_queue` empties; what
//! is no record (the group's news, errors of connections) keeps coming by [`BaseConsumer::poll`]. A batch is given back at
//! once, which costs the allocator far less than one record at a time while the client's thread makes others.
//!
//! # Why the unsafe code is sound
//! - The queues belong to the client and are given back before it: [`BatchConsumer`] owns the client, and its `drop` runs first.
//! - A message of a batch is ours alone from the call that filled the batch to the one `rd_kafka_message_destroy` of [`Batch::give_back`],
//!   and holds its bytes and its topic (both are counted by librdkafka) as long. A [`Record`] borrows the consumer mutably, so
//!   that none is left where a batch is given back.
//! - The name that the consumer keeps between two calls ([`Batch::topic`]) says `'static` and means the batch. It is private, is handed
//!   out with the borrow's own lifetime, and is forgotten before the batch is given back.
//! - [`Message`] is librdkafka's own `rd_kafka_msg_t`, which no header of its states. It is looked at where `rd_kafka_version` is that of the
//!   sources that rdkafka-sys brings and builds, on whose layout no option of its build has an influence; with any other library
//!   the headers are asked for by its functions. What is found must besides begin where the record's value ends, as it does in
//!   every batch of Kafka since 0.11, and have a length: else it is asked for too.

#![allow(unsafe_code, reason = "the client's own functions, see above")]

use millrace_events::instant::Millis;
use millrace_events::position::{Offset, TopicPartition};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_int, c_uint, c_void};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{IsError, KafkaError};
use rdkafka::types::{RDKafkaMessage, RDKafkaQueue, RDKafkaRespErr, RDKafkaTopic};

use crate::record::{Header, Record};
use crate::record_headers;

/// Messages of a batch at most. They are some hundreds of bytes each, beside their values, which the client holds as whole fetches.
const MOST: usize = 1_024;

/// librdkafka 2.12.1, the version that [`Message`] is of.
const KNOWN_VERSION: c_int = 0x020c_01ff;

pub(crate) struct BatchConsumer<C: ConsumerContext> {
    inner: BaseConsumer<C>,
    /// What the client's own `poll` gives.
    news: NonNull<RDKafkaQueue>,
    queue: NonNull<RDKafkaQueue>,
    /// The queues of the partitions that are forwarded to `queue`.
    gathered: BTreeMap<TopicPartition, NonNull<RDKafkaQueue>>,
    batch: Batch,
}

// SAFETY: the client and its queues may be used by any thread, and the messages of a batch belong to whoever holds them.
unsafe impl<C: ConsumerContext> Send for BatchConsumer<C> {}

impl<C: ConsumerContext> Drop for BatchConsumer<C> {
    fn drop(&mut self) {
        self.batch.give_back();
        for queue in std::mem::take(&mut self.gathered).into_values() {
            release(queue);
        }
        for queue in [self.queue, self.news] {
            // SAFETY: it was made in `new`, and nothing uses it any more.
            unsafe { bindings::rd_kafka_queue_destroy(queue.as_ptr()) };
        }
    }
}

/// Gives back a partition's queue, which is forwarded nowhere from now on.
fn release(queue: NonNull<RDKafkaQueue>) {
    // SAFETY: it came from `rd_kafka_queue_get_partition`, and left the map of those that are held.
    unsafe {
        bindings::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut());
        bindings::rd_kafka_queue_destroy(queue.as_ptr());
    }
}

impl<C: ConsumerContext> BatchConsumer<C> {
    pub(crate) fn new(inner: BaseConsumer<C>) -> Result<Self, KafkaError> {
        let client = inner.client().native_ptr();
        // SAFETY: the client lives.
        let news = NonNull::new(unsafe { bindings::rd_kafka_queue_get_consumer(client) });
        // SAFETY: the client lives; without a group it has no such queue, and no second is made.
        let queue = news.and_then(|_| NonNull::new(unsafe { bindings::rd_kafka_queue_new(client) }));
        let (Some(news), Some(queue)) = (news, queue) else {
            return Err(no_queue("a consumer without a group"));
        };
        Ok(Self { inner, news, queue, gathered: BTreeMap::new(), batch: Batch::new() })
    }

    /// Whether there is something to be [polled](BaseConsumer::poll): the group's news, an error, or records that were fetched before
    /// their partition was gathered.
    pub(crate) fn has_news(&self) -> bool {
        // SAFETY: the queue is held.
        unsafe { bindings::rd_kafka_queue_length(self.news.as_ptr()) > 0 }
    }

    /// The client, for all but records.
    pub(crate) fn client(&self) -> &BaseConsumer<C> {
        &self.inner
    }

    /// From now on what is fetched of this partition comes in batches. What was fetched before is still to be polled, and
    /// stands in front of it.
    pub(crate) fn gather(&mut self, topic: &str, partition: i32) -> Result<(), KafkaError> {
        let name = CString::new(topic).map_err(|_| no_queue(topic))?;
        // SAFETY: the client lives, and the name as long as the call.
        let queue = unsafe {
            bindings::rd_kafka_queue_get_partition(self.inner.client().native_ptr(), name.as_ptr(), partition)
        };
        let queue = NonNull::new(queue).ok_or_else(|| no_queue(topic))?;
        // SAFETY: both queues are held.
        unsafe { bindings::rd_kafka_queue_forward(queue.as_ptr(), self.queue.as_ptr()) };
        if let Some(former) = self.gathered.insert(TopicPartition::new(topic, partition), queue) {
            // SAFETY: it came from `rd_kafka_queue_get_partition`, and left the map. The partition stays forwarded.
            unsafe { bindings::rd_kafka_queue_destroy(former.as_ptr()) };
        }
        Ok(())
    }

    /// The partition is another's: nothing more of it comes, and what is left of it in the batch is dropped.
    pub(crate) fn release(&mut self, topic: &str, partition: i32) {
        self.batch.drop_of(topic, partition);
        if let Some(queue) = self.gathered.remove(&TopicPartition::new(topic, partition)) {
            release(queue);
        }
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.batch.next == self.batch.filled
    }

    /// Takes what was fetched; where nothing was, waits at most `patience` for a first record. Answers whether there is one.
    pub(crate) fn refill(&mut self, patience: Duration) -> bool {
        self.batch.give_back();
        self.batch.fill(self.queue, Duration::ZERO, MOST)
            || (!patience.is_zero() && self.batch.fill(self.queue, patience, 1))
    }

    /// The batch's next record, with its headers in this empty vector, or error of a partition; `None` where it is used up.
    pub(crate) fn next<'b>(&'b mut self, headers: Vec<Header<'b>>) -> Option<Result<Record<'b>, KafkaError>> {
        self.batch.next(headers)
    }
}

fn no_queue(of: &str) -> KafkaError {
    KafkaError::ClientCreation(format!("librdkafka gives no queue of {of}"))
}

struct Batch {
    /// The first `filled` are messages.
    messages: Vec<*mut RDKafkaMessage>,
    filled: usize,
    next: usize,
    /// The name of the topic that the last message was of: in truth as long as the batch.
    topic: Option<(*mut RDKafkaTopic, &'static str)>,
    is_known: bool,
}

impl Batch {
    fn new() -> Self {
        // SAFETY: it answers a number.
        let is_known = unsafe { bindings::rd_kafka_version() } == KNOWN_VERSION;
        let messages = vec![ptr::null_mut(); MOST];
        Self { messages, filled: 0, next: 0, topic: None, is_known }
    }

    fn give_back(&mut self) {
        self.topic = None;
        for message in &self.messages[..self.filled] {
            // SAFETY: the batch's own, once: `filled` is 0 behind it.
            unsafe { bindings::rd_kafka_message_destroy(*message) };
        }
        (self.filled, self.next) = (0, 0);
    }

    /// Gives back what was not handed on of a partition.
    fn drop_of(&mut self, topic: &str, partition: i32) {
        // Its name is held by messages that may go now.
        self.topic = None;
        let mut kept = self.next;
        for at in self.next..self.filled {
            let message = self.messages[at];
            // SAFETY: the batch's own, as long as it is not given back below.
            let shown = unsafe { &*message };
            // SAFETY: as above; a message of a queue has its topic, an error's too.
            let is_of = shown.partition == partition
                && !shown.rkt.is_null()
                && unsafe { CStr::from_ptr(bindings::rd_kafka_topic_name(shown.rkt)) }.to_bytes()
                    == topic.as_bytes();
            if is_of {
                // SAFETY: the batch's own, once: its place is another's behind it, or out of those that are filled.
                unsafe { bindings::rd_kafka_message_destroy(message) };
            } else {
                self.messages[kept] = message;
                kept += 1;
            }
        }
        self.filled = kept;
    }

    /// Fills an empty batch with `most` messages or fewer. Answers whether there is one.
    fn fill(&mut self, queue: NonNull<RDKafkaQueue>, patience: Duration, most: usize) -> bool {
        debug_assert_eq!(self.filled, 0, "the former messages were given back");
        let patience = c_int::try_from(patience.as_millis()).unwrap_or(c_int::MAX);
        let room = &mut self.messages[..most];
        // SAFETY: the queue is held, and there is room for as many as are asked for.
        let filled = unsafe {
            bindings::rd_kafka_consume_batch_queue(queue.as_ptr(), patience, room.as_mut_ptr(), room.len())
        };
        self.filled = usize::try_from(filled).unwrap_or(0).min(most);
        self.filled > 0
    }

    fn next<'b>(&'b mut self, mut headers: Vec<Header<'b>>) -> Option<Result<Record<'b>, KafkaError>> {
        let message = *self.messages[..self.filled].get(self.next)?;
        self.next += 1;
        // SAFETY: the message is the batch's until it is given back, which nobody does while the record borrows it.
        let shown: &RDKafkaMessage = unsafe { &*message };
        if shown.err.is_error() {
            return Some(Err(match shown.err {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => KafkaError::PartitionEOF(shown.partition),
                error => KafkaError::MessageConsumption(error.into()),
            }));
        }
        // SAFETY: as above.
        unsafe { self.read_headers(message, &mut headers) };
        let mut kind = bindings::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: as above.
        let timestamp = unsafe { bindings::rd_kafka_message_timestamp(message, &mut kind) };
        Some(Ok(Record {
            topic: self.topic_of(shown.rkt),
            partition: shown.partition,
            offset: Offset(shown.offset),
            timestamp: (timestamp != -1).then_some(Millis(timestamp)),
            // SAFETY: librdkafka says where they are and how long, and that they live as long as the message.
            key: unsafe { bytes(shown.key, shown.key_len) },
            // SAFETY: as above.
            value: unsafe { bytes(shown.payload, shown.len) },
            headers,
        }))
    }

    fn topic_of(&mut self, topic: *mut RDKafkaTopic) -> &'static str {
        match self.topic {
            Some((known, name)) if known == topic => name,
            _ => {
                // SAFETY: the message holds its topic, and so the batch does as long as it remembers the name.
                let name = unsafe { CStr::from_ptr(bindings::rd_kafka_topic_name(topic)) };
                // Kafka's topics are named in ASCII: anything else is no topic that was asked for.
                let name = name.to_str().unwrap_or_default();
                self.topic = Some((topic, name));
                name
            }
        }
    }

    /// # Safety
    /// The message is the batch's, and stays so for `'b`.
    unsafe fn read_headers<'b>(&self, message: *mut RDKafkaMessage, headers: &mut Vec<Header<'b>>) {
        // SAFETY: the caller's promise.
        let raw = if self.is_known { unsafe { raw_headers(message) } } else { None };
        match raw {
            Some(raw) => record_headers::read(raw, headers),
            // SAFETY: the caller's promise.
            None => unsafe { asked_headers(message, headers) },
        }
    }
}

/// `None` is Kafka's null.
///
/// # Safety
/// The bytes are there and do not change for `'static`, which means: as long as the caller takes care.
unsafe fn bytes(start: *mut c_void, length: usize) -> Option<&'static [u8]> {
    // SAFETY: the caller's promise.
    NonNull::new(start).map(|start| unsafe { std::slice::from_raw_parts(start.as_ptr().cast(), length) })
}

/// `rd_kafka_msg_t` of librdkafka's src/rdkafka_msg.h, as far as a consumer's headers, which are the first of its last union.
#[repr(C)]
struct Message {
    message: RDKafkaMessage,
    link: [*mut c_void; 2],
    flags: c_int,
    timestamp_type: c_uint,
    timestamp: i64,
    /// Those that were asked for.
    headers: *mut c_void,
    status: c_uint,
    broker: i32,
    raw: Bytes,
}

/// `rd_kafkap_bytes_t` of src/rdkafka_proto.h.
#[repr(C)]
struct Bytes {
    length: i32,
    start: *const u8,
}

/// The headers as Kafka wrote them; `None` where they have to be asked for.
///
/// # Safety
/// The message came from a queue of librdkafka of [`KNOWN_VERSION`], is no error, and is there for `'static`, which means: as long as the
/// caller takes care.
unsafe fn raw_headers(message: *mut RDKafkaMessage) -> Option<&'static [u8]> {
    // SAFETY: a message of a queue is the first field of this, by that version's sources, and none of its fields is without a value.
    let message = unsafe { &*message.cast::<Message>() };
    let length = usize::try_from(message.raw.length).ok()?;
    let value = message.message.payload.cast_const().cast::<u8>();
    let behind_value = value.wrapping_add(message.message.len);
    if value.is_null() || message.raw.start != behind_value || !message.headers.is_null() {
        return None;
    }
    // SAFETY: they are a part of the record that the message holds.
    Some(unsafe { std::slice::from_raw_parts(message.raw.start, length) })
}

/// The headers as librdkafka reads and copies them.
///
/// # Safety
/// The message is no error, and is there for `'static`, which means: as long as the caller takes care.
unsafe fn asked_headers(message: *mut RDKafkaMessage, headers: &mut Vec<Header<'_>>) {
    let mut list = ptr::null_mut();
    // SAFETY: the caller's promise.
    if unsafe { bindings::rd_kafka_message_headers(message, &mut list) }.is_error() {
        return;
    }
    for index in 0.. {
        let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the list is the message's, and what it answers lives as long.
        unsafe {
            if bindings::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut length).is_error() {
                return;
            }
            let name = record_headers::name(CStr::from_ptr(name).to_bytes());
            headers.push((name, bytes(value.cast_mut(), length)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Instant;

    use rdkafka::{Offset, TopicPartitionList};

    use super::*;
    use crate::client::ClientSettings;
    use crate::embedded::EmbeddedBroker;
    use crate::handshake::Handshake;
    use crate::producer::{Producer, Publisher};
    use crate::record::OutgoingRecord;

    const TOPIC: &str = "batches";

    fn consumer(settings: &ClientSettings) -> BatchConsumer<Handshake> {
        let mut config = settings.config("batches").unwrap();
        let inner = settings.consumer(config.set("group.id", "batches")).unwrap();
        let mut consumer = BatchConsumer::new(inner).unwrap();
        consumer.gather(TOPIC, 0).unwrap();
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(TOPIC, 0, Offset::Beginning).unwrap();
        consumer.client().assign(&assignment).unwrap();
        consumer
    }

    /// Each place of the layout that is looked at by itself, and what it says against what librdkafka's own functions say.
    #[test]
    fn headers_lie_where_the_layout_says() {
        let broker = EmbeddedBroker::start().unwrap();
        broker.create_topic(TOPIC, 1).unwrap();
        let settings = ClientSettings::new(broker.brokers());
        let producer = Producer::connect(&settings, None).unwrap();
        let long = [b'l'; 300];
        let all: [Header<'_>; 6] = [
            ("a", Some(b"1")),
            ("null", None),
            ("empty", Some(b"")),
            ("a", Some(b"2")),
            ("é", Some(&[0xff])),
            ("l", Some(&long)),
        ];
        let values: [Option<&[u8]>; 3] = [Some(b"a value"), Some(b""), None];
        let sent: Vec<_> = (0..60).map(|at| (values[at % 3], &all[..at % 7])).collect();
        for (value, headers) in &sent {
            let record = OutgoingRecord {
                topic: TOPIC,
                key: None,
                value: *value,
                timestamp: Millis(1_700_000_000_000),
                headers,
            };
            producer.publish(&record).unwrap();
        }
        producer.flush().unwrap();
        let mut consumer = consumer(&settings);
        let (began, mut seen, mut raw_ones) = (Instant::now(), 0, 0);
        while seen < sent.len() {
            assert!(began.elapsed() < Duration::from_secs(60), "they do not come");
            consumer.refill(Duration::from_millis(50));
            for at in 0..consumer.batch.filled {
                let message = consumer.batch.messages[at];
                let (value, headers) = &sent[seen];
                // SAFETY: the batch is not given back before the next round.
                let raw = unsafe { raw_headers(message) };
                assert!(raw.is_some() || value.is_none_or(<[u8]>::is_empty), "record {seen} has a value");
                let (mut read, mut asked) = (Vec::new(), Vec::new());
                if let Some(raw) = raw {
                    raw_ones += 1;
                    record_headers::read(raw, &mut read);
                    assert_eq!(read, *headers);
                }
                // SAFETY: as above.
                unsafe { asked_headers(message, &mut asked) };
                assert_eq!(asked, *headers);
                // SAFETY: as above. What was asked for is known by the layout too.
                assert!(headers.is_empty() || unsafe { raw_headers(message) }.is_none());
                seen += 1;
            }
            // The same by the way that everybody takes.
            while let Some(record) = consumer.next(Vec::new()) {
                let record = record.unwrap();
                let (value, headers) = &sent[record.offset.get() as usize];
                assert_eq!((record.value, record.headers.as_slice()), (*value, *headers));
                assert_eq!((record.topic, record.partition, record.key), (TOPIC, 0, None));
                assert_eq!(record.timestamp, Some(Millis(1_700_000_000_000)));
            }
        }
        assert!(raw_ones >= 20, "{raw_ones}");
    }

    #[test]
    fn a_consumer_ends_with_a_batch_in_its_hands() {
        let broker = EmbeddedBroker::start().unwrap();
        broker.create_topic(TOPIC, 1).unwrap();
        let settings = ClientSettings::new(broker.brokers());
        let producer = Producer::connect(&settings, None).unwrap();
        for _ in 0..5_000 {
            let record = OutgoingRecord {
                topic: TOPIC,
                key: None,
                value: Some(b"v"),
                timestamp: Millis(1_700_000_000_000),
                headers: &[],
            };
            producer.publish(&record).unwrap();
        }
        producer.flush().unwrap();
        let mut consumer = consumer(&settings);
        let began = Instant::now();
        while !consumer.refill(Duration::from_millis(50)) {
            assert!(began.elapsed() < Duration::from_secs(60), "they do not come");
        }
        assert!(consumer.next(Vec::new()).is_some() && !consumer.is_used_up() || consumer.batch.filled == 1);
    }
}
