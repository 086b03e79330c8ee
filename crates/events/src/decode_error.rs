//! Why a record or a user cannot be an event.

use crate::failure::{Class, Classified};
use std::borrow::Cow;

/// Why a record or a user cannot be an event: a dead letter's `error-kind` and `error-message`.
///
/// Messages name places and shapes, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A JSON value has a shape that its place does not take.
    #[error("{path} is {found} where {expected} is meant")]
    WrongType {
        /// JSON path, such as `$.name.first`.
        path: String,
        /// The shape that stands there, such as `an object`.
        found: &'static str,
        /// The shape that belongs there, such as `a text`.
        expected: &'static str,
    },
    /// A JSON object has a known key twice, so that nobody can say which value counts.
    #[error("{path} occurs twice")]
    DuplicateField {
        /// JSON path.
        path: String,
    },
    /// None of a user's three texts by which an id could be told is there.
    #[error("the user has neither a user id nor an email nor a username")]
    NoIdentity,
    /// The bytes cannot be read in their encoding at all.
    #[error("the value is no {format}: {reason}")]
    Undecodable {
        /// What the value was to be, such as `JSON` or `event`.
        format: &'static str,
        /// Where or why reading stopped.
        reason: String,
    },
    /// Of a record's own parts, such as its timestamp.
    #[error("{path} is {reason}")]
    InvalidValue {
        /// The part's column in raw, such as `_timestamp`.
        path: &'static str,
        /// What it is instead, as a predicate: `outside the years 0 to 9999`.
        reason: &'static str,
    },
    /// Of an event's field: no such value, or a rule of the event that it breaks.
    #[error("{field} is {reason}")]
    InvalidField {
        /// As the `.proto` file has it.
        field: String,
        /// What it is instead, as a predicate; never the value.
        reason: Cow<'static, str>,
    },
    /// A field that a rule of the event demands is absent.
    #[error("{field} is missing")]
    MissingField {
        /// As the `.proto` file has it.
        field: String,
    },
    /// The registry has no schema of the id in the value's frame.
    #[error("no schema has the id {0}, and the value cannot be read without it")]
    UnknownSchema(u32),
    /// The schema that wrote the value is known and is none of this event's.
    #[error("the schema that wrote it {reason}")]
    UnfitSchema {
        /// As a predicate, such as `is no Avro schema`.
        reason: String,
    },
}

impl DecodeError {
    /// The machine's name of the reason: a dead letter's `error-kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WrongType { .. } => "wrong_type",
            Self::DuplicateField { .. } => "duplicate_field",
            Self::NoIdentity => "no_identity",
            Self::Undecodable { .. } => "undecodable",
            Self::InvalidValue { .. } | Self::InvalidField { .. } => "invalid_value",
            Self::MissingField { .. } => "missing_field",
            Self::UnknownSchema(_) => "unknown_schema",
            Self::UnfitSchema { .. } => "unfit_schema",
        }
    }
}

impl Classified for DecodeError {
    fn class(&self) -> Class {
        crate::failure::Class::DeadLetter
    }
}
