//! Fetches users from a source and produces them to Kafka: the library behind the Lambda function and behind
//! `millrace run`.

mod fetching;
mod function;
mod producing;
mod told;

pub use fetching::{FetchError, FetchReport, Fetching, fetch};
pub use function::{Counts, Function, FunctionError, within};
