//! A row to Avro, by the event's own schema: each field is a union of null and its type.

use prost::encoding::encode_varint;

use crate::event::Event;
use crate::row::{Cell, Row};

/// Appends the row as a bare value.
pub(crate) fn write(event: &Event, row: &Row<'_>, out: &mut Vec<u8>) {
    for (_, &cell) in event.fields().iter().zip(row.cells()) {
        if matches!(cell, Cell::Absent | Cell::UnknownSymbol) {
            out.push(0);
            continue;
        }
        // Branch 1, behind null.
        out.push(2);
        match cell {
            Cell::Text { start, end } => {
                let text = row.slice(start, end);
                long(text.len() as i64, out);
                out.extend_from_slice(text);
            }
            Cell::Int(number) => long(number, out),
            Cell::Double(number) => out.extend_from_slice(&number.to_le_bytes()),
            // The schema has the symbols in their order, its 0 aside.
            Cell::Symbol(symbol) => long(i64::from(symbol), out),
            Cell::Absent | Cell::UnknownSymbol => {}
        }
    }
}

fn long(number: i64, out: &mut Vec<u8>) {
    encode_varint(((number << 1) ^ (number >> 63)) as u64, out);
}
