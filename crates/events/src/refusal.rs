//! Why a record or a user cannot be an event.

/// Why a record or a user cannot be an event: a dead letter's `error-kind` and `error-message`.
///
/// Messages name places and shapes, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{path} is {found} where {expected} is meant")]
    WrongType { path: String, found: &'static str, expected: &'static str },
    #[error("{path} occurs twice")]
    DuplicateField { path: String },
    #[error("the user has neither a user id nor an email nor a username")]
    NoIdentity,
    #[error("the value is no {format}: {reason}")]
    Undecodable { format: &'static str, reason: String },
    #[error("{path} is {reason}")]
    InvalidValue { path: &'static str, reason: &'static str },
}

impl Refusal {
    /// The machine's name of the reason: a dead letter's `error-kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WrongType { .. } => "wrong_type",
            Self::DuplicateField { .. } => "duplicate_field",
            Self::NoIdentity => "no_identity",
            Self::Undecodable { .. } => "undecodable",
            Self::InvalidValue { .. } => "invalid_value",
        }
    }

    /// Always a dead letter: the bytes stay as they are, so another try ends the same.
    pub fn class(&self) -> crate::failure::Class {
        crate::failure::Class::DeadLetter
    }
}
