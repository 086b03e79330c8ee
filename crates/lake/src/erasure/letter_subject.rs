//! Whom a dead letter is about, read as leniently as can be: nobody could decode it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use millrace_events::event_catalogue::events;
use millrace_events::frame::{Encoding, unframe};
use serde_json::Value;
use uuid::Uuid;

use super::Subjects;
use super::refused_ids::RefusedIds;
use crate::dead_letter_line::DeadLetter;

/// Where users in JSON of other shapes carry their id: the API's own, and that of other producers.
const OTHER_SHAPES: [&str; 2] = ["/login/uuid", "/id"];

/// Headers of a letter itself, which name no person: its attempts are no id, and are alike in all letters. Those of crates/stream's
/// dead letters, which crates/lake does not know; a test of replay-dead-letters holds them to one another.
pub const OF_LETTERS: [&str; 12] = [
    "error-kind",
    "error-message",
    "source-topic",
    "source-partition",
    "source-offset",
    "source-timestamp",
    "failed-at",
    "attempts",
    "value-omitted",
    "headers-omitted",
    "key-omitted",
    "replayed-from",
];

/// Where each event states the id of its data subject: the field's name and its number.
static STATED: LazyLock<Vec<(String, u64)>> = LazyLock::new(|| {
    let stated = events().iter().filter_map(|event| event.data_subject_field());
    stated.map(|field| (format!("/{}", field.name), u64::from(field.number))).collect()
});

/// A record or a dead letter as it is looked at.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's value.
    pub value: Option<&'a [u8]>,
    /// The record's headers, those of a dead letter among them.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// Row values never reach a log.
impl std::fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("headers", &self.headers.len()).finish_non_exhaustive()
    }
}

/// Those of `subjects` whom `letter` is about: by its key, its value or its headers.
///
/// A value that is neither JSON nor Protobuf throughout is searched for the ids themselves, standing alone.
pub(super) fn whom<'s>(letter: &DeadLetter, subjects: &'s Subjects) -> BTreeSet<&'s str> {
    let headers = headers(letter);
    let named = Named::by(parts(letter, &headers));
    let mut about: BTreeSet<&str> = named.ids.iter().filter_map(|id| subjects.get(id)).collect();
    about.extend(named.unread.into_iter().flat_map(|value| mentioned(value, subjects)));
    about
}

fn headers(letter: &DeadLetter) -> Vec<(&str, Option<&[u8]>)> {
    letter.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect()
}

fn parts<'a>(letter: &'a DeadLetter, headers: &'a [(&'a str, Option<&'a [u8]>)]) -> Parts<'a> {
    Parts { key: letter.key.as_deref(), value: letter.value.as_deref(), headers }
}

/// [`is_about_refused`] of a letter.
pub fn is_of_refused(letter: &DeadLetter, refused: &RefusedIds) -> bool {
    !refused.is_empty() && is_about_refused(parts(letter, &headers(letter)), refused)
}

/// Whether a record that is no row, or its dead letter, is about somebody who is refused: by its key, its value or its headers.
///
/// The list has hashes alone. So a value that cannot be read is taken apart into words: an id with other characters than letters,
/// digits and `-_.:@+`, or of fewer than six, that stands in the middle of garbage is not seen here, but where the record becomes a row.
pub fn is_about_refused(parts: Parts<'_>, refused: &RefusedIds) -> bool {
    if refused.is_empty() {
        return false;
    }
    let named = Named::by(parts);
    named.ids.iter().any(|id| refused.contains(id))
        || named.unread.is_some_and(|value| words(value).any(|word| refused.contains(word)))
}

/// The ids that a record may be about.
struct Named<'a> {
    ids: BTreeSet<String>,
    /// The value where it could not be read to its end: it may name others.
    unread: Option<&'a [u8]>,
}

impl<'a> Named<'a> {
    fn by(parts: Parts<'a>) -> Self {
        let Parts { key, value, headers } = parts;
        let mut named = Self { ids: BTreeSet::new(), unread: None };
        let of_record = headers.iter().filter(|(name, _)| !OF_LETTERS.contains(name));
        for told in key.into_iter().chain(of_record.filter_map(|(_, value)| *value)) {
            named.text(told);
        }
        named.ids.extend(key.and_then(of_uuid));
        let Some(value) = value else { return named };
        let content_type = headers.iter().find(|(header, _)| *header == "content-type");
        let content_type = content_type.and_then(|(_, value)| std::str::from_utf8((*value)?).ok());
        let unframed = unframe(value, content_type);
        match serde_json::from_slice::<Value>(unframed.body) {
            Ok(json) => {
                let stated = STATED.iter().map(|(path, _)| path.as_str());
                for value in OTHER_SHAPES.into_iter().chain(stated).filter_map(|path| json.pointer(path)) {
                    match value {
                        Value::String(text) => named.text(text.as_bytes()),
                        // A number's own characters count as an id, as they do where events are decoded.
                        Value::Number(number) => drop(named.ids.insert(number.to_string())),
                        _ => {}
                    }
                }
            }
            Err(_) => {
                let message = (unframed.encoding == Encoding::Protobuf).then(|| subject_ids(unframed.body));
                let (ids, whole) = message.unwrap_or_default();
                ids.iter().for_each(|id| named.text(id));
                named.unread = (!whole).then_some(value);
            }
        }
        named
    }

    /// The id that `bytes` are, and what it is without blanks around it: the record may have been refused for just these.
    fn text(&mut self, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        for text in [text, text.trim()] {
            if !text.is_empty() && !self.ids.contains(text) {
                self.ids.insert(text.to_owned());
            }
        }
    }
}

/// The text of a uuid that a key holds as its 16 bytes.
fn of_uuid(key: &[u8]) -> Option<String> {
    Uuid::from_slice(key).ok().map(|uuid| uuid.to_string())
}

/// Ids of this many characters are told from chance wherever they stand.
const TELLING: usize = 32;

/// The ids that stand in `bytes` by themselves: not within a longer word, but for an id as long as a uuid, which Avro has
/// right behind the byte of its length.
fn mentioned<'s>(bytes: &[u8], subjects: &'s Subjects) -> impl Iterator<Item = &'s str> {
    let part_of_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    subjects.ids().filter(move |id| {
        let id = id.as_bytes();
        bytes.windows(id.len()).enumerate().any(|(at, window)| {
            window == id
                && (id.len() >= TELLING
                    || !part_of_word(at.checked_sub(1).and_then(|before| bytes.get(before)))
                        && !part_of_word(bytes.get(at + id.len())))
        })
    })
}

/// What in `bytes` may be an id: each word by itself, and whatever is written as a uuid, be it within a longer word as Avro has it
/// behind the byte of its length.
fn words(bytes: &[u8]) -> impl Iterator<Item = &str> {
    const UUID: usize = 36;
    // A short number is in everybody's garbage.
    const SHORTEST: usize = 6;
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:@+".contains(byte) || *byte >= 0x80;
    let of_id = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let wide = bytes.split(move |byte| !of_word(byte));
    let narrow = bytes.split(move |byte| !of_id(byte));
    let uuids = bytes.windows(UUID).filter(|window| Uuid::try_parse_ascii(window).is_ok());
    let words = wide.chain(narrow).chain(uuids).filter(|word| word.len() >= SHORTEST);
    words.filter_map(|word| std::str::from_utf8(word).ok())
}

/// The values of the fields that may be the data subject's of a Protobuf message, and whether it could be read to its end.
fn subject_ids(message: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut ids = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let Some((field, value, behind)) = field(rest) else { return (ids, false) };
        if STATED.iter().any(|(_, number)| *number == field) {
            ids.extend(value);
        }
        rest = behind;
    }
    (ids, true)
}

/// The first field of a message: its number, its bytes where it has such, and what follows.
fn field(message: &[u8]) -> Option<(u64, Option<&[u8]>, &[u8])> {
    let (key, rest) = varint(message)?;
    let number = Some(key >> 3).filter(|number| *number > 0)?;
    match key & 7 {
        0 => Some((number, None, varint(rest)?.1)),
        1 => Some((number, None, rest.get(8..)?)),
        2 => {
            let (length, rest) = varint(rest)?;
            let (bytes, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((number, Some(bytes), behind))
        }
        5 => Some((number, None, rest.get(4..)?)),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7a0eed16-9430-4d68-901f-c0d4c1c3bf00";

    fn about(letter: DeadLetter) -> bool {
        !whom(&letter, &Subjects::new([ID, "42"]).unwrap()).is_empty()
    }

    fn value(bytes: impl AsRef<[u8]>) -> DeadLetter {
        DeadLetter { value: Some(bytes.as_ref().to_vec()), ..DeadLetter::default() }
    }

    #[test]
    fn users_in_every_shape_are_told() {
        for json in [
            format!(r#"{{"login":{{"uuid":"{ID}","username":"x"}}}}"#),
            format!(r#"{{"user_id":"{ID}"}}"#),
            format!(r#"{{"id":" {ID}","email":7}}"#),
            r#"{"id":42}"#.to_owned(),
        ] {
            assert!(about(value(&json)), "{json}");
        }
        let protobuf = [b"\x0a\x24", ID.as_bytes(), b"\x12\x01x"].concat();
        assert!(about(value(&protobuf)));
        assert!(about(value([b"\0\0\0\0\x07\0".as_slice(), &protobuf].concat())), "in Confluent's frame");
        let interaction = [b"\x0a\x01e\x12\x24", ID.as_bytes()].concat();
        assert!(about(value(&interaction)), "as the second field");
        assert!(about(value([b"\0\0\0\0\x07\x02\x02e\x02H".as_slice(), ID.as_bytes()].concat())), "in Avro");
        assert!(about(value(&protobuf[..39])), "cut short behind its id");
        assert!(about(value(format!(r#"{{"login":{{"uuid":"{ID}","#))), "JSON cut short");
        assert!(about(value([b"\xff\xfe ".as_slice(), ID.as_bytes(), b"\x80"].concat())), "in garbage");
    }

    #[test]
    fn keys_and_headers_tell_too() {
        assert!(about(DeadLetter { key: Some(ID.into()), ..DeadLetter::default() }));
        let bytes = Uuid::try_parse(ID).unwrap().as_bytes().to_vec();
        assert!(about(DeadLetter { key: Some(bytes), ..DeadLetter::default() }), "a uuid's 16 bytes");
        let headers = vec![("user".to_owned(), Some(ID.into()))];
        assert!(about(DeadLetter { headers, ..DeadLetter::default() }));
    }

    #[test]
    fn each_whom_a_letter_is_about_is_told() {
        let subjects = Subjects::new([ID, "42", "43"]).unwrap();
        let letter = DeadLetter { key: Some(b"42 ".to_vec()), ..value(format!(r#"{{"user_id":"{ID}"}}"#)) };
        assert_eq!(Vec::from_iter(whom(&letter, &subjects)), ["42", ID]);
        assert_eq!(Vec::from_iter(whom(&value(format!("torn {{ 43 {ID}")), &subjects)), ["43", ID]);
    }

    #[tokio::test]
    async fn who_is_refused_is_told_by_hashes_alone() {
        let store = crate::memory_store::MemoryStore::new();
        let salt = super::super::erased_ids::Salt::made(&store).await.unwrap();
        let erased = [salt.hash(ID), salt.hash("42")];
        super::super::erased_ids::record(&store, chrono::DateTime::UNIX_EPOCH, erased).await.unwrap();
        let refused = RefusedIds::read(&store).await.unwrap();
        let about = |key: Option<&[u8]>, value: &[u8], headers: &[(&str, Option<&[u8]>)]| {
            is_about_refused(Parts { key, value: Some(value), headers }, &refused)
        };
        let protobuf = [b"\x0a\x24", ID.as_bytes(), b"\x12\x01x"].concat();
        for value in [
            format!(r#"{{"login":{{"uuid":"{ID}","username":"x"}}}}"#).as_bytes(),
            br#"{"id":42}"#,
            &protobuf,
            &protobuf[..39],
            &[b"\0\0\0\0\x07\x02\x02e\x02H".as_slice(), ID.as_bytes()].concat(),
            &[b"\xff\xfe ".as_slice(), ID.as_bytes(), b"\x80"].concat(),
        ] {
            assert!(about(None, value, &[]), "{}", value.escape_ascii());
        }
        let bytes = Uuid::try_parse(ID).unwrap().as_bytes().to_vec();
        assert!(about(Some(&bytes), b"", &[]) && about(Some(b"42 "), b"", &[]));
        assert!(about(None, b"", &[("user", Some(ID.as_bytes()))]));
        assert!(!about(None, b"", &[("attempts", Some(b"42")), ("source-offset", Some(b"42"))]), "no ids");
        for value in [br#"{"id":421}"#.as_slice(), b"{ 421", b"torn { 42 ", b"\x1a\x0242", b"{}"] {
            assert!(!about(None, value, &[]), "{}", value.escape_ascii());
        }
        let nobody = RefusedIds::default();
        assert!(!is_about_refused(Parts { key: Some(b"42"), value: None, headers: &[] }, &nobody));
    }

    #[test]
    fn others_are_left() {
        for json in
            [r#"{"id":421}"#, r#"{"login":{"uuid":"x"},"location":{"street":{"number":42}}}"#, "{}", "42x"]
        {
            assert!(!about(value(json)), "{json}");
        }
        assert!(!about(value("{ 421")), "within a longer word");
        assert!(!about(value(b"\x1a\x0242")), "another field of a whole message");
        assert!(!about(DeadLetter::default()));
    }
}
