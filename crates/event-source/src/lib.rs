//! What AWS does between Kafka and a Lambda function, for a laptop: batches, invokes, retries, bisects, gives up, and
//! commits only what is done.
//!
//! [`delivery`] is the policy, without IO and without a clock; [`driver`] runs it over three ports: where records come
//! from ([`source`]), what is invoked ([`invoke`]), and where records go that were given up ([`on_failure_destination`]).

#![warn(missing_docs)]

pub mod delivery;
mod delivery_batch;
pub mod driver;
pub mod http_invoke;
pub mod invoke;
pub mod on_failure_destination;
pub mod payload;
pub mod record;
pub mod source;
pub mod sqs_destination;

pub use delivery::{BatchPolicy, Delivery};
pub use driver::{Driver, DriverError, DriverReport};
pub use record::OwnedRecord;
