//! Why a record or a user cannot be an event.

use crate::failure::{Class, Classified};
use std::borrow::Cow;

/// Why a record or a user cannot be an event: a dead letter's `error-kind` and `error-message`.
///
/// Messages name places and shapes, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{path} is {found} where {expected} is meant")]
    WrongType { path: String, found: &'static str, expected: &'static str },
    #[error("{path} occurs twice")]
    DuplicateField { path: String },
    #[error("the user has neither a user id nor an email nor a username")]
    NoIdentity,
    #[error("the value is no {format}: {reason}")]
    Undecodable { format: &'static str, reason: String },
    /// Of a record's own parts, such as its timestamp.
    #[error("{path} is {reason}")]
    InvalidValue { path: &'static str, reason: &'static str },
    /// Of an event's field: no such value, or a rule of the event that it breaks.
    #[error("{field} is {reason}")]
    InvalidField { field: String, reason: Cow<'static, str> },
    #[error("{field} is missing")]
    MissingField { field: String },
    #[error("no schema has the id {0}, and the value cannot be read without it")]
    UnknownSchema(u32),
    /// The schema that wrote the value is known and is none of this event's.
    #[error("the schema that wrote it {reason}")]
    UnfitSchema { reason: String },
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
