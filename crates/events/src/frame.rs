//! What a record's value is: its encoding by header or by look, and Confluent's frame around it.

use prost::encoding::decode_varint;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

/// What the frame of Confluent's serializers says: which schema of the registry wrote the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaId(pub u32);

/// A value out of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unframed<'a> {
    pub encoding: Encoding,
    pub schema: Option<SchemaId>,
    pub body: &'a [u8],
}

/// Finds a value's encoding and takes it out of its frame.
///
/// A header `content-type` decides; without one, or with one that names neither encoding, the value's look does.
/// The byte 0, with which a frame begins, begins neither a bare Protobuf message (no field has the number 0) nor JSON.
pub fn unframe<'a>(value: &'a [u8], content_type: Option<&str>) -> Unframed<'a> {
    let declared = match content_type.map(media_type) {
        Some("application/x-protobuf" | "application/protobuf") => Some(Encoding::Protobuf),
        Some("application/json") => Some(Encoding::Json),
        _ => None,
    };
    let framed = match value {
        [0, a, b, c, d, rest @ ..] => Some((SchemaId(u32::from_be_bytes([*a, *b, *c, *d])), rest)),
        _ => None,
    };
    let (schema, body) = framed.map_or((None, value), |(schema, rest)| (Some(schema), rest));
    let encoding = declared.unwrap_or_else(|| looks_like(body));
    let body = match (encoding, schema) {
        (Encoding::Protobuf, Some(_)) => behind_message_indexes(body).unwrap_or(body),
        _ => body,
    };
    Unframed { encoding, schema, body }
}

/// A content type without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn looks_like(body: &[u8]) -> Encoding {
    // 0x7b as a Protobuf key would be field 15 as a group, which proto3 does not have. White space may be a key and a
    // length, though, so the end has to look like JSON too.
    match body.trim_ascii() {
        [b'{', .., b'}'] => Encoding::Json,
        [b'{', ..] if body.first() == Some(&b'{') => Encoding::Json,
        _ => Encoding::Protobuf,
    }
}

/// Confluent's Protobuf frame names the message within its file: a count and as many indexes, zigzag varints; a lone 0
/// stands for the first message.
fn behind_message_indexes(mut body: &[u8]) -> Option<&[u8]> {
    let mut zigzag = || {
        let number = decode_varint(&mut body).ok()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    };
    let count = zigzag()?;
    for _ in 0..count {
        zigzag()?;
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_bare_values_are_told_apart() {
        let bare = |encoding, body| Unframed { encoding, schema: None, body };
        assert_eq!(unframe(b"\x0a\x01u", None), bare(Encoding::Protobuf, b"\x0a\x01u".as_slice()));
        assert_eq!(unframe(b" {}", None), bare(Encoding::Json, b" {}".as_slice()));
        assert_eq!(unframe(b"{", Some("application/x-protobuf")).encoding, Encoding::Protobuf);
        assert_eq!(unframe(b"5", Some("application/json; charset=utf-8")).encoding, Encoding::Json);

        let first = unframe(b"\0\0\0\0\x07\0\x0a\x01u", None);
        assert_eq!(
            first,
            Unframed { encoding: Encoding::Protobuf, schema: Some(SchemaId(7)), body: b"\x0a\x01u" }
        );
        let nested = unframe(b"\0\0\0\0\x07\x04\x02\x00\x0a\x01u", None);
        assert_eq!(nested.body, b"\x0a\x01u");
        let json = unframe(b"\0\0\0\0\x07{\"id\":1}", None);
        assert_eq!((json.encoding, json.body), (Encoding::Json, b"{\"id\":1}".as_slice()));
        assert_eq!(unframe(b"\0\0", None).schema, None);
    }
}
