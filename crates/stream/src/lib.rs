//! Kafka: client settings, records, the producer, the consumer, dead letters, the embedded broker and the schema registry's client.

pub mod base_offsets;
pub mod batch_answer;
mod batch_consumer;
pub mod client;
pub mod consumer;
pub mod dead_letter;
pub mod embedded;
mod error;
pub mod fetched_schemas;
pub mod group_consumer;
mod handshake;
pub mod hold_back;
pub mod kafka_environment;
pub mod lambda_event;
pub mod lazy_producer;
pub mod ledger;
mod login;
pub mod message_limits;
#[cfg(feature = "msk-iam")]
mod msk_iam;
mod partitioner;
pub mod peek;
pub mod producer;
pub mod record;
mod record_headers;
pub mod registry;
pub mod registry_environment;
pub mod security;
pub mod survey;
pub mod topics;
pub mod unread;

pub use error::StreamError;
