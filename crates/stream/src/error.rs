//! What can go wrong between us and a broker.

use millrace_events::failure::{Class, Classified};
use millrace_events::position::Offset;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why Kafka did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A retry may help: the brokers are down, or not to be reached from here.
    #[error(
        "no broker answered at {brokers} within {seconds} s: is it running, may this machine reach it, and does it listen \
         for what MILLRACE_KAFKA_SECURITY says (last heard: {said})"
    )]
    Unreachable {
        /// As set: `host:port`, several by commas.
        brokers: String,
        /// How long was waited.
        seconds: u64,
        /// The last that librdkafka reported.
        said: String,
        /// What ended the wait.
        source: Box<KafkaError>,
    },
    /// The brokers refuse the login or the protocol, and will again.
    #[error("no agreement with the brokers at {brokers} ({said}): {remedy}")]
    Refused {
        /// As set: `host:port`, several by commas.
        brokers: String,
        /// The brokers' or librdkafka's words.
        said: String,
        /// Which setting to look at.
        remedy: String,
    },
    /// A setting of the connection is missing, of no use, or cannot be kept.
    #[error("{setting} {reason}")]
    Security {
        /// The variable, such as `MILLRACE_KAFKA_SECURITY`.
        setting: &'static str,
        /// As a predicate.
        reason: String,
    },
    /// librdkafka does not take a setting, or could not begin with it.
    #[error("the Kafka client's settings were refused")]
    Settings(#[source] KafkaError),
    /// Somebody has to make it, or to allow making it.
    #[error("topic {topic} could not be made: {reason}")]
    Topic {
        /// Its name.
        topic: String,
        /// The broker's or librdkafka's words.
        reason: String,
    },
    /// The brokers did not answer in time. It may have been made nevertheless, which another try finds.
    #[error("topic {topic} could not be made: {said}")]
    Unmade {
        /// Its name, or several by commas.
        topic: String,
        /// The broker's or librdkafka's words.
        said: String,
    },
    /// Whoever logs in has to be granted the right.
    #[error(
        "the brokers let this login make no topic {topic} ({said}): grant it kafka-cluster:CreateTopic on the topic where MSK is logged \
         in to by IAM, and elsewhere Create on it by Kafka's ACLs (kafka-acls.sh --add --operation Create --topic {topic})"
    )]
    NoRightToMake {
        /// Its name.
        topic: String,
        /// The broker's words.
        said: String,
    },
    /// The record was not acknowledged. The class comes from `source`.
    #[error("a record could not be produced to {topic}")]
    Produce {
        /// The record's topic.
        topic: String,
        /// What librdkafka reported of the record.
        source: KafkaError,
    },
    /// The topic takes no record of such a time, now or later.
    #[error(
        "the brokers refuse records of {topic} that are stamped {stamped}: too far from their clock for the topic's \
         message.timestamp.after.max.ms (an hour ahead unless set) or message.timestamp.before.max.ms; take a day that has come \
         (--as-of, --start), or raise the topic's setting"
    )]
    Timestamp {
        /// The record's topic.
        topic: String,
        /// The record's timestamp, RFC 3339 in seconds.
        stamped: String,
        /// What the broker said.
        source: Box<KafkaError>,
    },
    /// The topic is not there, or what is to be read of it is not.
    #[error("topic {topic} cannot be read: {reason}")]
    Unread {
        /// The topic, or several by commas.
        topic: String,
        /// In words.
        reason: String,
    },
    /// The consumer failed. The class comes from `source`.
    #[error("{topic} could not be read")]
    Consume {
        /// The topic, or several by commas.
        topic: String,
        /// What librdkafka reported.
        source: KafkaError,
    },
    /// What is durable stays so; the records come again. The class comes from `source`.
    #[error("offset {offset} of {topic}/{partition} could not be committed")]
    Commit {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that was to be committed: the next to be read.
        offset: Offset,
        /// What librdkafka reported.
        source: KafkaError,
    },
    /// The broker's topic is not the one whose offsets the lake has.
    #[error(
        "{topic}/{partition} ends at offset {end}, but the lake holds offset {landed} of its generation {generation}: \
         the topic was made anew, so give its new generation a name of its own, --generation (or MILLRACE_GENERATION) \
         greater than {generation}"
    )]
    AnotherGeneration {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The topic generation that was set.
        generation: String,
        /// Where the broker's partition ends, exclusive.
        end: Offset,
        /// The highest offset that the lake has, inclusive.
        landed: Offset,
    },
    /// The mock cluster did not begin.
    #[error("the embedded broker could not be started")]
    Embedded(#[source] KafkaError),
    /// The record would be dropped; it becomes a dead letter.
    #[error("a record of {bytes} bytes is larger than the embedded broker keeps: {limit} bytes a partition")]
    TooLarge {
        /// The record's size.
        bytes: usize,
        /// What a partition of the embedded broker may have on its way.
        limit: usize,
    },
    /// The topic or the broker refuses the record for its size; it becomes a dead letter.
    #[error(
        "a record of {bytes} bytes is larger than {topic}/{partition} takes: raise the topic's max.message.bytes, or send less"
    )]
    LargerThanTopic {
        /// The record's topic.
        topic: String,
        /// The record's partition.
        partition: i32,
        /// The record's size.
        bytes: usize,
    },
    /// A dead letter has nothing left to leave out. Nothing helps but the topic's own limit.
    #[error(
        "{queue} takes not even the shortest dead letter of {source_topic}/{source_partition} offset {source_offset}, of {bytes} \
         bytes without value, key and headers of its own: raise the max.message.bytes of {queue}"
    )]
    LetterTooLarge {
        /// The topic of the dead letters.
        queue: String,
        /// The topic of the refused record.
        source_topic: String,
        /// Its partition, as the letter's header says it.
        source_partition: String,
        /// Its offset, as the letter's header says it.
        source_offset: String,
        /// The shortest letter's size.
        bytes: usize,
    },
    /// Whoever makes room in the embedded broker is gone: more records would push out older ones.
    #[error("nobody reads the embedded broker any more, so nothing can be produced to it")]
    Abandoned,
    /// A retry may help; some of the records may have been written nevertheless.
    #[error("{undelivered} records were not acknowledged within {seconds} s")]
    Unacknowledged {
        /// Records without an acknowledgement.
        undelivered: u64,
        /// How long was waited.
        seconds: u64,
    },
}

impl Classified for StreamError {
    fn class(&self) -> Class {
        let kafka = match self {
            Self::Unreachable { .. } | Self::Unmade { .. } | Self::Unacknowledged { .. } => {
                return Class::Retry;
            }
            Self::Settings(_)
            | Self::Refused { .. }
            | Self::Security { .. }
            | Self::Topic { .. }
            | Self::NoRightToMake { .. }
            | Self::Unread { .. }
            | Self::Timestamp { .. }
            | Self::AnotherGeneration { .. }
            | Self::Embedded(_)
            | Self::LetterTooLarge { .. }
            | Self::Abandoned => {
                return Class::Stop;
            }
            Self::TooLarge { .. } | Self::LargerThanTopic { .. } => return Class::DeadLetter,
            Self::Produce { source, .. } | Self::Consume { source, .. } | Self::Commit { source, .. } => {
                source
            }
        };
        match kafka.rdkafka_error_code() {
            _ if is_too_large(kafka) => Class::DeadLetter,
            Some(
                RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::MessageTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::NotEnoughReplicas
                // A group's first commit on a cluster that has just begun, or just after a broker went away.
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::QueueFull,
            ) => Class::Retry,
            _ => Class::Stop,
        }
    }
}

/// Whether a record was refused for its size, by the client's limit, the topic's, the broker's or that of a log's segment.
pub(crate) fn is_too_large(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(code, Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge))
}
