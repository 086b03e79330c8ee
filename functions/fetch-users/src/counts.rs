//! What an invocation did.

use serde::Serialize;

/// What an invocation answers: fetched = produced + rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Users that the source gave.
    pub fetched: u64,
    /// Users on Kafka, acknowledged.
    pub produced: u64,
    /// Users that cannot be events, sent to the dead letters.
    pub rejected: u64,
    /// The deadline came before the last user asked for.
    pub out_of_time: bool,
}
