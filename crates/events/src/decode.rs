//! A record's value into a user, in whatever encoding it came.

use crate::external_user;
use crate::frame::{Encoding, unframe};
use crate::refusal::Refusal;
use crate::user::User;
use crate::wire;

/// A value and what the record's headers say of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Value<'a> {
    /// `None` is Kafka's null, a tombstone.
    pub bytes: Option<&'a [u8]>,
    /// Header `content-type`.
    pub content_type: Option<&'a str>,
    /// Where a user in the API's own shape came from: header `source`, or a dead letter's `source-topic`.
    pub source: Option<&'a str>,
}

pub(crate) fn user<'a>(value: &Value<'a>) -> Result<User<'a>, Refusal> {
    let empty = || Refusal::Undecodable { format: "event", reason: "it is empty".to_owned() };
    let bytes = value.bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(empty)?;
    if value.content_type == Some("application/avro") {
        return Err(Refusal::Undecodable {
            format: "event",
            reason: "its content-type is application/avro, which is not read yet".to_owned(),
        });
    }
    let unframed = unframe(bytes, value.content_type);
    match unframed.encoding {
        Encoding::Protobuf => wire::user(unframed.body),
        Encoding::Json => external_user::decode(unframed.body, value.source),
    }
}
