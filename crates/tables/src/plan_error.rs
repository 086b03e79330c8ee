//! What a table asks for and is not counted.

use crate::aggregate::{Key, Measure};

/// Why a table cannot be made of what is counted. All of it shows when the plan is built, before a user is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("{table} is made of {aggregate:?}, which it does not list: add it to the table's `counts`")]
    NotListed { table: &'static str, aggregate: &'static str },
    #[error("{0:?} is not counted: no table of the job lists it under `counts`")]
    NotCounted(&'static str),
    #[error("{aggregate:?} does not measure {measure:?}: add it to the aggregate's measures")]
    NotMeasured { aggregate: &'static str, measure: Measure },
    #[error("{aggregate:?} is not grouped by {key:?}")]
    NotAKey { aggregate: &'static str, key: Key },
    #[error("key {place} of {aggregate:?} is no {wanted}")]
    KeyType { aggregate: &'static str, place: usize, wanted: &'static str },
    #[error("{table}: {reason}")]
    Row { table: &'static str, reason: String },
}
