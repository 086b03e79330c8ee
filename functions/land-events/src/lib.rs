//! Lands Kafka's records as raw Parquet objects: the library behind the Lambda function and behind `millrace run`.

mod error;
mod landing;
mod lane;
mod partition;
mod settings;

pub use error::LandError;
pub use landing::{LandCounts, Landed, Landing};
pub use settings::LandSettings;
