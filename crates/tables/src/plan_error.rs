//! What a table asks for and is not counted.

use crate::aggregate::{Key, Measure};

/// Why a table cannot be made of what is counted. All of it shows when the plan is built, before a user is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A table's rows ask for an aggregate that the table itself does not list.
    #[error("{table} is made of {aggregate:?}, which it does not list: add it to the table's `counts`")]
    NotListed {
        /// The table's name.
        table: &'static str,
        /// The aggregate's name.
        aggregate: &'static str,
    },
    /// No table of the job lists the aggregate of this name.
    #[error("{0:?} is not counted: no table of the job lists it under `counts`")]
    NotCounted(&'static str),
    /// A group was asked for a count that its aggregate does not have.
    #[error("{aggregate:?} does not measure {measure:?}: add it to the aggregate's measures")]
    NotMeasured {
        /// The aggregate's name.
        aggregate: &'static str,
        /// What was asked for.
        measure: Measure,
    },
    /// Groups were asked for by a key that they do not have.
    #[error("{aggregate:?} is not grouped by {key:?}")]
    NotAKey {
        /// The aggregate's name.
        aggregate: &'static str,
        /// The key that was asked for.
        key: Key,
    },
    /// A group has no key at this place, or one of the other type.
    #[error("key {place} of {aggregate:?} is no {wanted}")]
    KeyType {
        /// The aggregate's name.
        aggregate: &'static str,
        /// The key's place, from 0.
        place: usize,
        /// `text` or `number`.
        wanted: &'static str,
    },
    /// A row has too few or too many values, or a value of another type than its column.
    #[error("{table}: {reason}")]
    Row {
        /// The table's name.
        table: &'static str,
        /// What does not fit.
        reason: String,
    },
}
