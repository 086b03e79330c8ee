//! Kafka: client settings, records, the producer, the consumer, dead letters, the embedded broker and the schema registry's client.

#![warn(missing_docs)]

mod admin;
pub mod authority;
pub mod backpressure;
pub mod base_offsets;
mod batch_consumer;
pub mod batch_response;
pub mod broker_description;
mod call_trace;
pub mod client;
pub mod consumer;
mod credentials;
pub mod dead_letter;
pub mod embedded;
mod error;
pub mod fetched_schemas;
pub mod group_consumer;
mod handshake;
pub mod kafka_environment;
pub mod lambda_event;
pub mod lazy_producer;
pub mod message_limits;
#[cfg(feature = "msk-iam")]
mod msk_iam;
pub mod offset_set;
pub mod open_transaction;
mod partitioner;
pub mod peek;
pub mod producer;
pub mod range_reader;
mod reach;
pub mod record;
mod record_headers;
pub mod registry;
pub mod registry_environment;
pub mod security;
mod topic_making;
mod topic_settings;
pub mod topics;
pub mod unread;

pub use call_trace::CALL_TRACE;
pub use error::StreamError;
pub use reach::reach;
pub use topic_making::{Outcome, TopicContract, TopicReport, make_topics};
