//! An event from JSON whose keys are its fields' names.

use jiter::Peek;

use crate::decode_error::DecodeError;
use crate::event::{Event, Unreadable};
use crate::field::{Kind, Meaning};
use crate::json_cursor::{Cursor, Member, NotJson};
use crate::json_fast_path;
use crate::row::{Cell, RowBuffer};
use crate::timestamp;
use crate::whole_number;

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

/// Puts into the row what a text that is not blank, or a number's characters, say; else the reason why they say nothing.
pub(crate) fn convert(
    event: &Event,
    slot: usize,
    text: &str,
    is_text: bool,
    row: &mut RowBuffer,
) -> Result<(), &'static str> {
    let field = &event.fields()[slot];
    let is_lenient = event.unreadable() == Unreadable::Absent;
    let cell = match field.kind {
        Kind::Text => {
            row.put_text(slot, text);
            return Ok(());
        }
        Kind::Enum => {
            let meaning = if is_text {
                field.meaning_of_name(text.as_bytes())
            } else {
                let number = whole_number::of_json(text).and_then(|number| i32::try_from(number).ok());
                number.map_or(Meaning::Unknown, |number| field.meaning_of_number(number))
            };
            row.put_meaning(slot, meaning);
            return Ok(());
        }
        Kind::Int32 => {
            let number = whole(text, is_text).and_then(|number| i32::try_from(number).ok());
            Cell::Int(i64::from(number.ok_or("no whole number of 32 bits")?))
        }
        Kind::Int64 => Cell::Int(whole(text, is_text).ok_or("no whole number of 64 bits")?),
        Kind::Double => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Cell::Double(number),
            // No infinity and no NaN reach a table.
            Ok(_) => Cell::Absent,
            Err(_) if is_lenient => Cell::Absent,
            Err(_) => return Err("no number"),
        },
        Kind::Instant => {
            let micros = if is_text {
                timestamp::read(event, text)
            } else {
                whole_number::of_json(text).and_then(timestamp::of_millis)
            };
            match micros {
                Some(micros) => Cell::Int(micros),
                None if is_lenient => Cell::Absent,
                None => return Err(timestamp::UNREADABLE),
            }
        }
    };
    row.put(slot, cell);
    Ok(())
}

/// A number, or as text its digits behind a minus or nothing: JSON has no plus.
fn whole(text: &str, is_text: bool) -> Option<i64> {
    match is_text {
        false => whole_number::of_json(text),
        true if text.starts_with('+') => None,
        true => text.parse().ok(),
    }
}
