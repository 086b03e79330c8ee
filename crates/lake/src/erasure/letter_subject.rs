//! Whom a dead letter is about, read as leniently as can be: nobody could decode it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use millrace_events::event_catalogue::events;
use millrace_events::frame::{Encoding, unframe};
use serde_json::Value;
use uuid::Uuid;

use super::Subjects;
use crate::dead_letter_line::DeadLetter;

/// Where users in JSON of other shapes carry their id: the API's own, and that of other producers.
const OTHER_SHAPES: [&str; 2] = ["/login/uuid", "/id"];

/// Where each event states the id of its data subject: the field's name and its number.
static STATED: LazyLock<Vec<(String, u64)>> = LazyLock::new(|| {
    let stated = events().iter().filter_map(|event| event.data_subject_field());
    stated.map(|field| (format!("/{}", field.name), u64::from(field.number))).collect()
});

/// Those of `subjects` whom `letter` is about: by its key, its value or its headers.
///
/// A value that is neither JSON nor Protobuf throughout is searched for the ids themselves, standing alone.
pub(super) fn whom<'s>(letter: &DeadLetter, subjects: &'s Subjects) -> BTreeSet<&'s str> {
    let header = |name: &str| letter.headers.iter().find(|(header, _)| header == name);
    let told = letter.headers.iter().filter_map(|(_, value)| value.as_deref());
    let key = letter.key.as_deref();
    let mut about: BTreeSet<&str> =
        key.into_iter().chain(told).filter_map(|bytes| named(bytes, subjects)).collect();
    about.extend(key.and_then(of_uuid).and_then(|id| subjects.get(&id)));
    let Some(value) = letter.value.as_deref() else { return about };
    let content_type =
        header("content-type").and_then(|(_, value)| std::str::from_utf8(value.as_deref()?).ok());
    let unframed = unframe(value, content_type);
    match serde_json::from_slice::<Value>(unframed.body) {
        Ok(json) => {
            let stated = STATED.iter().map(|(path, _)| path.as_str());
            let paths = OTHER_SHAPES.into_iter().chain(stated);
            about.extend(paths.filter_map(|path| id_of(json.pointer(path)?, subjects)));
        }
        Err(_) => {
            let message = (unframed.encoding == Encoding::Protobuf).then(|| subject_ids(unframed.body));
            let (ids, whole) = message.unwrap_or_default();
            about.extend(ids.iter().filter_map(|id| named(id, subjects)));
            if !whole {
                about.extend(mentioned(value, subjects));
            }
        }
    }
    about
}

/// A number's own characters count as an id, as they do where events are decoded.
fn id_of<'s>(value: &Value, subjects: &'s Subjects) -> Option<&'s str> {
    match value {
        Value::String(text) => named(text.as_bytes(), subjects),
        Value::Number(number) => subjects.get(&number.to_string()),
        _ => None,
    }
}

/// The id that `bytes` are, blanks around it aside: the source may have been refused for just these.
fn named<'s>(bytes: &[u8], subjects: &'s Subjects) -> Option<&'s str> {
    let text = std::str::from_utf8(bytes).ok()?;
    subjects.get(text).or_else(|| subjects.get(text.trim()))
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
