//! A row to JSON, in the names of its fields; absent fields are left out.

use std::io::Write;

use crate::event::Event;
use crate::field::Kind;
use crate::row::{Cell, Row};
use crate::timestamp;

/// Appends the row as one object.
pub(crate) fn write(event: &Event, row: &Row<'_>, out: &mut Vec<u8>) {
    let mut separator = b'{';
    for (slot, (field, &cell)) in event.fields().iter().zip(row.cells()).enumerate() {
        // The key that tells our shape from older ones is always there.
        let tells = event.recognised_by_slot() == Some(slot);
        if matches!(cell, Cell::Absent | Cell::UnknownSymbol) && !tells {
            continue;
        }
        out.push(separator);
        separator = b',';
        // A field's name has nothing to escape. Writing into a Vec does not fail.
        let _ = write!(out, "\"{}\":", field.name);
        let _ = match cell {
            Cell::Absent | Cell::UnknownSymbol => write!(out, "null"),
            Cell::Text { start, end } => {
                text(row.slice(start, end), out);
                Ok(())
            }
            Cell::Int(micros) if field.kind == Kind::Instant => {
                out.push(b'"');
                if timestamp::write_rfc3339(micros, out) {
                    out.push(b'"');
                    Ok(())
                } else {
                    out.pop();
                    write!(out, "{}", micros.div_euclid(1_000))
                }
            }
            Cell::Int(number) => write!(out, "{number}"),
            // The shortest digits that are this number again.
            Cell::Double(number) => write!(out, "{number:?}"),
            Cell::Symbol(symbol) => write!(out, "\"{}\"", field.symbols[usize::from(symbol)].name),
        };
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
}

fn text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut plain = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[plain..at]);
        plain = at + 1;
        if byte < 0x20 {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.extend_from_slice(&[b'\\', byte]);
        }
    }
    out.extend_from_slice(&text[plain..]);
    out.push(b'"');
}
