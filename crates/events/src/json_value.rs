//! What a value of JSON means for a field.

use crate::event::{Event, Unreadable};
use crate::field::{Kind, Meaning};
use crate::row::{Cell, RowBuffer};
use crate::timestamp;
use crate::whole_number;

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
