//! Lands Kafka's records as raw Parquet objects: the library behind the Lambda function and behind `millrace run`.

mod batch;
mod error;
mod function;
mod lag;
mod lander;
mod landing;
mod lane;
mod partition;
mod partition_run;
mod progress;
mod settings;
mod told;

pub use batch::{BatchError, BatchLander, BatchOutcome, BatchSettings};
pub use error::LandError;
pub use function::{Function, FunctionError};
pub use lag::LagWatch;
pub use lander::{Lander, LanderError, LanderSettings};
pub use landing::{LandCounts, Landed, Landing};
pub use progress::{DeadLettersByKind, LandProgress, OfKind, Seen};
pub use settings::LandSettings;
