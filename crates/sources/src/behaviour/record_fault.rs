//! The ways in which a record of a stream can be broken, each with the dead letter that has to come of it.

use super::stream::Stream;
use crate::simulator::Fault;

/// A field that every record of its stream has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Id {
    /// The event's own id.
    Event,
    /// The user who did it.
    User,
    /// The session in which it was done.
    Session,
    /// The video that was watched.
    Video,
    /// The ad that was shown.
    Ad,
    /// The campaign that the ad is of.
    Campaign,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFault {
    /// A user who cannot be an event; the value is the user's JSON.
    User(&'static Fault),
    /// The last byte is missing. [`RecordFault::break_bytes`] takes it off.
    Truncated,
    /// The bytes are none of any encoding. [`RecordFault::break_bytes`] puts them there.
    Garbage,
    /// This id is absent.
    Missing(Id),
    /// This enum's field has a number that the enum does not have: [`RecordFault::UNKNOWN`].
    UnknownSymbol(&'static str),
    /// An `error_code` of 400 to 599 with the status `SUCCESS`.
    ErrorCodeWithoutError,
    /// An `error_code` that is not from 400 to 599, with the status `ERROR`.
    ErrorCodeOutOfRange,
    /// A `product_id` that is not from 1 to 10000.
    ProductOutOfRange,
    /// A `product_id` beside another event type than `VIEW_PRODUCT` and `ADD_TO_CART`.
    ProductElsewhere,
}

/// More bytes than any encoding's longest number has, none of which could be its last.
const NO_NUMBER: [u8; 11] = [0xff; 11];

impl RecordFault {
    /// The number that no enum of the contract has.
    pub const UNKNOWN: u64 = 99;

    /// The `error-kind` of the record's dead letter.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(fault) => fault.kind,
            Self::Truncated | Self::Garbage => "undecodable",
            Self::Missing(_) => "missing_field",
            Self::UnknownSymbol(_)
            | Self::ErrorCodeWithoutError
            | Self::ErrorCodeOutOfRange
            | Self::ProductOutOfRange
            | Self::ProductElsewhere => "invalid_value",
        }
    }

    /// The field that its `error-message` names; a user's is a JSON path.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::User(fault) => fault.path,
            Self::Truncated | Self::Garbage => None,
            Self::Missing(id) => Some(id.field()),
            Self::UnknownSymbol(field) => Some(field),
            Self::ErrorCodeWithoutError | Self::ErrorCodeOutOfRange => Some("error_code"),
            Self::ProductOutOfRange | Self::ProductElsewhere => Some("product_id"),
        }
    }

    /// Whether the record still has to be broken, by [`RecordFault::break_bytes`].
    pub fn is_of_bytes(&self) -> bool {
        matches!(self, Self::Truncated | Self::Garbage)
    }

    /// Breaks a value's final bytes, in whichever encoding and frame they are to be sent; nothing to do for faults
    /// that are in the message already. The same bytes break in the same way.
    ///
    /// What is left can be read in no encoding: the last byte of a value ends its last field.
    pub fn break_bytes(&self, value: &mut Vec<u8>) {
        match self {
            Self::Truncated => {
                value.pop();
            }
            Self::Garbage => {
                let length = value.len().max(NO_NUMBER.len());
                value.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(167) ^ 0x5a);
                value.resize(length, 0x5a);
                value[..NO_NUMBER.len()].copy_from_slice(&NO_NUMBER);
            }
            _ => {}
        }
    }

    /// The faults that a record of this stream can have, equally likely. Their order is part of the seed.
    pub(super) fn of(stream: Stream) -> &'static [Self] {
        match stream {
            // The simulator of users has its own.
            Stream::Users => &[],
            Stream::Interactions => &[
                Self::Truncated,
                Self::Garbage,
                Self::Missing(Id::Event),
                Self::Missing(Id::User),
                Self::Missing(Id::Session),
                Self::UnknownSymbol("event_type"),
                Self::UnknownSymbol("status"),
                Self::ErrorCodeWithoutError,
                Self::ErrorCodeOutOfRange,
                // Becomes ProductElsewhere where the event type has no product.
                Self::ProductOutOfRange,
            ],
            Stream::Videos => &[
                Self::Truncated,
                Self::Garbage,
                Self::Missing(Id::Event),
                Self::Missing(Id::User),
                Self::Missing(Id::Session),
                Self::Missing(Id::Video),
                Self::UnknownSymbol("action"),
                Self::UnknownSymbol("device"),
            ],
            Stream::Ads => &[
                Self::Truncated,
                Self::Garbage,
                Self::Missing(Id::Event),
                Self::Missing(Id::User),
                Self::Missing(Id::Session),
                Self::Missing(Id::Ad),
                Self::Missing(Id::Campaign),
                Self::UnknownSymbol("placement"),
                Self::UnknownSymbol("action"),
            ],
        }
    }
}

impl Id {
    /// The field's name in its event, such as `event_id`.
    pub fn field(self) -> &'static str {
        match self {
            Self::Event => "event_id",
            Self::User => "user_id",
            Self::Session => "session_id",
            Self::Video => "video_id",
            Self::Ad => "ad_id",
            Self::Campaign => "campaign_id",
        }
    }
}
