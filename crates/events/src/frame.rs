//! What a record's value is: its encoding by header or by look, and Confluent's frame around it.

use prost::encoding::decode_varint;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// A message of Protobuf's binary form, without a length in front.
    Protobuf,
    /// Avro's binary form. Readable only with the schema that wrote it.
    Avro,
    /// UTF-8 text of one JSON object.
    Json,
}

impl Encoding {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Protobuf, Self::Avro, Self::Json];

    /// The header `content-type` of a record written so.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Avro => "application/avro",
            Self::Json => "application/json",
        }
    }

    /// What a header `content-type` says; `None` where it names none of the three.
    #[inline]
    pub fn declared_by(content_type: &str) -> Option<Self> {
        // As nearly every record says it.
        if let Some(known) = Self::ALL.into_iter().find(|known| known.content_type() == content_type) {
            return Some(known);
        }
        match media_type(content_type) {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/avro" => Some(Self::Avro),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// What the frame of Confluent's serializers says: which schema of the registry wrote the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(pub u32);

impl SchemaId {
    /// The schema that has to be known, if any is to be had, before the value is decoded: fetch it first. A framed value
    /// needs it where it is Avro, where no `content-type` says what it is, and where it is Protobuf but not the first
    /// message of its file.
    pub fn needed_by(value: &[u8], content_type: Option<&str>) -> Option<Self> {
        let opened = Opened::of(value, content_type);
        match opened.declared {
            Some(Encoding::Json) => None,
            Some(Encoding::Protobuf) => {
                let (path, _) = MessagePath::before(opened.rest)?;
                if path.is(&[0]) { None } else { opened.schema }
            }
            Some(Encoding::Avro) | None => opened.schema,
        }
    }

    /// Appends the frame of a value that this schema wrote: byte 0, the id and, for Protobuf, which message of its file
    /// it is.
    pub(crate) fn write(self, encoding: Encoding, message_index: usize, out: &mut Vec<u8>) {
        out.push(0);
        out.extend_from_slice(&self.0.to_be_bytes());
        match (encoding, message_index) {
            (Encoding::Avro | Encoding::Json, _) => {}
            // The short form of [0].
            (Encoding::Protobuf, 0) => out.push(0),
            (Encoding::Protobuf, index) => {
                out.push(2);
                prost::encoding::encode_varint((index as u64) << 1, out);
            }
        }
    }
}

/// A value out of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unframed<'a> {
    /// As header or look say it.
    pub encoding: Encoding,
    /// The id in the frame; `None` for a value without a frame.
    pub schema: Option<SchemaId>,
    /// The value behind the frame; all of it where there is none.
    pub body: &'a [u8],
}

/// Finds a value's encoding and takes it out of its frame.
///
/// A header `content-type` decides; without one, or with one that names no encoding, the value's look does, which
/// tells Protobuf from JSON alone.
/// The byte 0, with which a frame begins, begins neither a bare Protobuf message (no field has the number 0) nor JSON.
pub fn unframe<'a>(value: &'a [u8], content_type: Option<&str>) -> Unframed<'a> {
    let Opened { declared, schema, rest } = Opened::of(value, content_type);
    let encoding = declared.unwrap_or_else(|| looks_like(rest));
    let body = match (encoding, schema) {
        (Encoding::Protobuf, Some(_)) => MessagePath::before(rest).map_or(rest, |(_, body)| body),
        _ => rest,
    };
    Unframed { encoding, schema, body }
}

/// What header and frame say of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened<'a> {
    pub(crate) declared: Option<Encoding>,
    pub(crate) schema: Option<SchemaId>,
    /// What stands behind the schema id: for Protobuf the message indexes first.
    pub(crate) rest: &'a [u8],
}

impl<'a> Opened<'a> {
    #[inline]
    pub(crate) fn of(value: &'a [u8], content_type: Option<&str>) -> Self {
        let declared = content_type.and_then(Encoding::declared_by);
        match value {
            [0, a, b, c, d, rest @ ..] => {
                Self { declared, schema: Some(SchemaId(u32::from_be_bytes([*a, *b, *c, *d]))), rest }
            }
            rest => Self { declared, schema: None, rest },
        }
    }
}

/// A content type without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

pub(crate) fn looks_like(body: &[u8]) -> Encoding {
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessagePath<'a>(&'a [u8]);

impl<'a> MessagePath<'a> {
    /// The path in front of a message, and the message. `None` where there is no path.
    #[inline]
    pub(crate) fn before(body: &'a [u8]) -> Option<(Self, &'a [u8])> {
        if let [0, message @ ..] = body {
            return Some((Self(&[]), message));
        }
        let mut rest = body;
        // A count of more indexes than bytes ends where the bytes do.
        let count = u64::try_from(zigzag(&mut rest)?).ok()?;
        let indexes = rest;
        for _ in 0..count {
            zigzag(&mut rest)?;
        }
        Some((Self(&indexes[..indexes.len() - rest.len()]), rest))
    }

    #[inline]
    pub(crate) fn is(&self, path: &[usize]) -> bool {
        if self.0.is_empty() {
            return path == [0];
        }
        let mut rest = self.0;
        let mut same = path.iter().all(|&index| zigzag(&mut rest) == i64::try_from(index).ok());
        same &= rest.is_empty();
        same
    }
}

fn zigzag(bytes: &mut &[u8]) -> Option<i64> {
    let number = decode_varint(bytes).ok()?;
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
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
