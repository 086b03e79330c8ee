//! An event from JSON whose keys are its fields' names.

use jiter::Peek;

use crate::decode_error::DecodeError;
use crate::event::Event;
use crate::field::Kind;
use crate::json_cursor::{Cursor, Member, NotJson};
use crate::json_fast_path;
use crate::json_value::convert;
use crate::row::RowBuffer;

/// Whether the object has this key at its top. What is no object has none.
pub(crate) fn has_key(text: &str, name: &str) -> bool {
    // Our own JSON has the key first.
    if text
        .strip_prefix("{\"")
        .is_some_and(|rest| rest.strip_prefix(name).is_some_and(|rest| rest.starts_with("\":")))
    {
        return true;
    }
    // Most values have no such word anywhere, and then they are read once.
    if !text.match_indices(name).any(|(at, _)| at > 0 && text.as_bytes()[at - 1] == b'"') {
        return false;
    }
    let mut found = false;
    let mut cursor = Cursor::new(text);
    let is_object = cursor.peek().is_ok_and(|peek| peek == Peek::Object);
    // What is no JSON behind the key is found where it is read.
    let _ = is_object.then(|| {
        cursor.object("$", |cursor, key, _| {
            found |= key == name;
            cursor.skip()
        })
    });
    found
}

/// Reads one object into `row`, which has to be clear. Unknown keys are passed over.
pub(crate) fn read(text: &str, event: &Event, row: &mut RowBuffer) -> Result<(), DecodeError> {
    if json_fast_path::read(text, event, row).is_some() {
        return Ok(());
    }
    row.clear();
    read_carefully(text, event, row)
}

/// Reads whatever JSON there is, and says what is wrong with it.
pub(crate) fn read_carefully(text: &str, event: &Event, row: &mut RowBuffer) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(text);
    let read = read_object(&mut cursor, event, row).and_then(|()| cursor.finish());
    read.map_err(|error| DecodeError::Undecodable {
        format: "JSON",
        reason: format!("{} at byte {}", error.reason, error.index),
    })?;
    cursor.take_fault().map_or(Ok(()), Err)
}

fn read_object(cursor: &mut Cursor<'_>, event: &Event, row: &mut RowBuffer) -> Result<(), NotJson> {
    if cursor.peek()? == Peek::Null {
        cursor.wrong_type("$", Peek::Null, "an object");
    }
    let fields = event.fields();
    cursor.object("$", |cursor, key, _| {
        let Some(slot) = fields.iter().position(|field| field.name == key) else { return cursor.skip() };
        if !row.see(slot) {
            cursor.note(DecodeError::DuplicateField { path: Member("$", key).to_string() });
        }
        read_field(cursor, event, slot, row)
    })?;
    Ok(())
}

fn read_field(
    cursor: &mut Cursor<'_>,
    event: &Event,
    slot: usize,
    row: &mut RowBuffer,
) -> Result<(), NotJson> {
    let field = &event.fields()[slot];
    let path = Member("$", &field.name);
    let peek = cursor.peek()?;
    if !(peek == Peek::String || peek == Peek::Null || peek.is_num()) {
        let expected = match field.kind {
            Kind::Text | Kind::Enum => "a text",
            Kind::Double | Kind::Int32 | Kind::Int64 => "a number",
            Kind::Instant => "an instant as text or number",
        };
        cursor.wrong_type(path, peek, expected);
        return cursor.skip();
    }
    // A number's own characters too; null and blank texts are absent.
    let Some(text) = cursor.text(path)? else { return Ok(()) };
    if let Err(reason) = convert(event, slot, &text, peek == Peek::String, row) {
        cursor.note(DecodeError::InvalidField { field: field.name.clone(), reason: reason.into() });
    }
    Ok(())
}
