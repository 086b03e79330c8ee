//! What is wrong with a binary value: small, since every step of the reading answers with it.

use crate::decode_error::DecodeError;
use crate::event::Event;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryError {
    Malformed,
    CutShort,
    WrongType,
    NotUtf8,
    TooDeep,
    /// What an event's field holds is this.
    Field(usize, &'static str),
    /// Bytes of no kind that Protobuf or Avro knows; the encoding and the reason.
    Value(&'static str, &'static str),
}

impl BinaryError {
    #[cold]
    pub(crate) fn of(self, event: &Event) -> DecodeError {
        let undecodable =
            |reason: &str| DecodeError::Undecodable { format: "event", reason: reason.to_owned() };
        match self {
            Self::Malformed => undecodable("a field's key, number or length is malformed"),
            Self::CutShort => undecodable("a field ends behind the value"),
            Self::WrongType => undecodable("a field has another wire type than its own"),
            Self::NotUtf8 => undecodable("a text is not UTF-8"),
            Self::TooDeep => undecodable("it is nested too deep"),
            Self::Value(format, reason) => DecodeError::Undecodable { format, reason: reason.to_owned() },
            Self::Field(slot, reason) => {
                DecodeError::InvalidField { field: event.fields()[slot].name.clone(), reason: reason.into() }
            }
        }
    }
}
