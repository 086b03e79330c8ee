//! Lands Kafka's records as raw Parquet objects: the library behind the Lambda function and behind `millrace run`.

#![warn(missing_docs)]

mod batch_landing;
mod error;
mod function;
mod internal_events;
mod lag;
mod landing_consumer;
mod landing_status;
mod open_object;
mod partition;
mod partition_batch;
mod range_landing;
mod raw_writer;
mod refusals;
mod settings;

pub use batch_landing::{BatchError, BatchLanding, BatchOutcome, BatchSettings};
pub use error::LandError;
pub use function::{Function, FunctionError};
pub use lag::LagWatch;
pub use landing_consumer::{LandingConsumer, LandingConsumerError, LandingConsumerSettings};
pub use landing_status::{DeadLettersByKind, LandingSnapshot, LandingStatus, OfKind};
pub use range_landing::{RangeLanded, RangeLanding, RangeLandingError, RangeLandingSettings};
pub use raw_writer::{CommitPoint, LandCounts, RawWriter};
pub use refusals::TakeOut;
pub use settings::LandSettings;
