//! What can go wrong between us and a broker.

use millrace_events::failure::{Class, Classified};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why Kafka did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(
        "no broker answered at {brokers} within {seconds} s: is it running, may this machine reach it, and does it listen \
         for what MILLRACE_KAFKA_SECURITY says (last heard: {said})"
    )]
    Unreachable { brokers: String, seconds: u64, said: String, source: Box<KafkaError> },
    #[error("no agreement with the brokers at {brokers} ({said}): {remedy}")]
    Refused { brokers: String, said: String, remedy: String },
    #[error("{setting} {reason}")]
    Security { setting: &'static str, reason: String },
    #[error("the Kafka client's settings were refused")]
    Settings(#[source] KafkaError),
    #[error("topic {topic} could not be made: {reason}")]
    Topic { topic: String, reason: String },
    #[error("a record could not be produced to {topic}")]
    Produce { topic: String, source: KafkaError },
    #[error(
        "the brokers refuse records of {topic} that are stamped {stamped}: too far from their clock for the topic's \
         message.timestamp.after.max.ms (an hour ahead unless set) or message.timestamp.before.max.ms; take a day that has come \
         (--as-of, --start), or raise the topic's setting"
    )]
    Timestamp { topic: String, stamped: String, source: Box<KafkaError> },
    #[error("topic {topic} cannot be read: {reason}")]
    Unread { topic: String, reason: String },
    #[error("{topic} could not be read")]
    Consume { topic: String, source: KafkaError },
    #[error("offset {offset} of {topic}/{partition} could not be committed")]
    Commit { topic: String, partition: i32, offset: i64, source: KafkaError },
    #[error(
        "{topic}/{partition} ends at offset {end}, but the lake holds offset {landed} of its generation {generation}: \
         the topic was made anew, so give its new generation a name of its own, --generation (or MILLRACE_GENERATION) \
         greater than {generation}"
    )]
    AnotherLife { topic: String, partition: i32, generation: String, end: i64, landed: i64 },
    #[error("the embedded broker could not be started")]
    Embedded(#[source] KafkaError),
    #[error("a record of {bytes} bytes is larger than the embedded broker keeps: {limit} bytes a partition")]
    TooLarge { bytes: usize, limit: usize },
    #[error(
        "a record of {bytes} bytes is larger than {topic}/{partition} takes: raise the topic's max.message.bytes, or send less"
    )]
    LargerThanTopic { topic: String, partition: i32, bytes: usize },
    #[error(
        "{queue} takes not even the shortest dead letter of {source_topic}/{source_partition} offset {source_offset}, of {bytes} \
         bytes without value, key and headers of its own: raise the max.message.bytes of {queue}"
    )]
    LetterTooLarge {
        queue: String,
        source_topic: String,
        source_partition: String,
        source_offset: String,
        bytes: usize,
    },
    #[error("nobody reads the embedded broker any more, so nothing can be produced to it")]
    Abandoned,
    #[error("{undelivered} records were not acknowledged within {seconds} s")]
    Unacknowledged { undelivered: u64, seconds: u64 },
}

impl Classified for StreamError {
    fn class(&self) -> Class {
        let kafka = match self {
            Self::Unreachable { .. } | Self::Unacknowledged { .. } => return Class::Retry,
            Self::Settings(_)
            | Self::Refused { .. }
            | Self::Security { .. }
            | Self::Topic { .. }
            | Self::Unread { .. }
            | Self::Timestamp { .. }
            | Self::AnotherLife { .. }
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
