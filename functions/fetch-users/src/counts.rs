//! What an invocation did.

use serde::Serialize;

/// What an invocation answers: fetched = produced + rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub fetched: u64,
    pub produced: u64,
    pub rejected: u64,
    /// The deadline came before the last user asked for.
    pub out_of_time: bool,
}
