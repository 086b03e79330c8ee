//! Kafka: client settings, records, the producer, the consumer, dead letters, the embedded broker and the schema registry's client.

pub mod backpressure;
pub mod base_offsets;
mod batch_consumer;
pub mod batch_response;
pub mod broker_description;
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
pub mod record;
mod record_headers;
pub mod registry;
pub mod registry_environment;
pub mod security;
pub mod topics;

pub use error::StreamError;
