//! An event from JSON whose keys are its fields' names.

use jiter::Peek;

use crate::event::{Event, Unreadable};
use crate::field::{Kind, Meaning};
use crate::instant;
use crate::json::{Cursor, Member, NotJson};
use crate::refusal::Refusal;
use crate::row::{Cell, RowBuffer};

/// Whether the object has this key at its top. What is no object has none.
pub(crate) fn has_key(text: &str, name: &str) -> bool {
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
pub(crate) fn read(text: &str, event: &Event, row: &mut RowBuffer) -> Result<(), Refusal> {
    let mut cursor = Cursor::new(text);
    let read = read_object(&mut cursor, event, row).and_then(|()| cursor.finish());
    read.map_err(|error| Refusal::Undecodable {
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
    // Producers write an event's fields in one order, mostly the contract's.
    let mut next = 0;
    cursor.object("$", |cursor, key, _| {
        let slot = if fields.get(next).is_some_and(|field| field.name == key) {
            Some(next)
        } else {
            fields.iter().position(|field| field.name == key)
        };
        let Some(slot) = slot else { return cursor.skip() };
        next = slot + 1;
        if !row.see(slot) {
            cursor.note(Refusal::DuplicateField { path: Member("$", key).to_string() });
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
    let invalid =
        |reason: &'static str| Refusal::InvalidField { field: field.name.clone(), reason: reason.into() };
    let is_lenient = event.unreadable() == Unreadable::Absent;
    let cell = match field.kind {
        Kind::Text => {
            row.put_text(slot, text.as_bytes());
            return Ok(());
        }
        Kind::Enum => {
            let meaning = if peek == Peek::String {
                field.meaning_of_name(text.as_bytes())
            } else {
                text.parse().map_or(Meaning::Unknown, |number| field.meaning_of_number(number))
            };
            row.put_meaning(slot, meaning);
            return Ok(());
        }
        Kind::Int32 => {
            text.parse::<i32>().map_err(|_| "no whole number of 32 bits").map(i64::from).map(Cell::Int)
        }
        Kind::Int64 => text.parse().map_err(|_| "no whole number of 64 bits").map(Cell::Int),
        Kind::Double => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Cell::Double(number)),
            // No infinity and no NaN reach a table.
            Ok(_) => Ok(Cell::Absent),
            Err(_) if is_lenient => Ok(Cell::Absent),
            Err(_) => Err("no number"),
        },
        Kind::Instant => {
            let micros = if peek == Peek::String {
                instant::read(event, &text)
            } else {
                text.parse().ok().and_then(instant::of_millis)
            };
            match micros {
                Some(micros) => Ok(Cell::Int(micros)),
                None if is_lenient => Ok(Cell::Absent),
                None => Err(instant::UNREADABLE),
            }
        }
    };
    match cell {
        Ok(cell) => row.put(slot, cell),
        Err(reason) => cursor.note(invalid(reason)),
    }
    Ok(())
}
