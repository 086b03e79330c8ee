//! Fetches users from a source and produces them to Kafka: the library behind the Lambda function and behind
//! `millrace run`.

#![warn(missing_docs)]

mod counts;
mod fetch_pages;
mod function;
mod internal_events;
mod produce_page;

pub use counts::Counts;
pub use fetch_pages::{FetchError, FetchReport, Fetching, fetch};
pub use function::{Function, FunctionError, within};
