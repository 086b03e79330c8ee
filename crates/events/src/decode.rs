//! A record's value, and the encoding it came in.

use crate::frame::{Encoding, media_type, unframe};
use crate::refusal::Refusal;

/// A value and what the record's headers say of it.
#[derive(Clone, Copy, Default)]
pub struct Value<'a> {
    /// `None` is Kafka's null, a tombstone.
    pub bytes: Option<&'a [u8]>,
    /// Header `content-type`.
    pub content_type: Option<&'a str>,
    /// Where a user in the API's own shape came from: header `source`, or a dead letter's `source-topic`.
    pub source: Option<&'a str>,
}

/// Row values never reach a log.
impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.bytes.map(<[u8]>::len);
        f.debug_struct("Value")
            .field("bytes", &bytes)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// A value out of its frame.
pub(crate) enum Body<'a> {
    Protobuf(&'a [u8]),
    Json(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(crate) fn body(&self) -> Result<Body<'a>, Refusal> {
        let refused = |reason: &str| Refusal::Undecodable { format: "event", reason: reason.to_owned() };
        let bytes = self.bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| refused("it is empty"))?;
        if self.content_type.map(media_type) == Some("application/avro") {
            return Err(refused("its content-type is application/avro, which is not read yet"));
        }
        let unframed = unframe(bytes, self.content_type);
        Ok(match unframed.encoding {
            Encoding::Protobuf => Body::Protobuf(unframed.body),
            Encoding::Json => Body::Json(unframed.body),
        })
    }
}
