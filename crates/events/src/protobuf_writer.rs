//! A row to Protobuf: the bytes that prost would write.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::event::Event;
use crate::field::Kind;
use crate::row::{Cell, Row};

/// Appends the row as a bare message.
pub(crate) fn write(event: &Event, row: &Row<'_>, out: &mut Vec<u8>) {
    for (field, &cell) in event.fields().iter().zip(row.cells()) {
        let number = field.number;
        match cell {
            Cell::Absent | Cell::UnknownSymbol => {}
            Cell::Text { start, end } => {
                let text = row.slice(start, end);
                encode_key(number, WireType::LengthDelimited, out);
                encode_varint(text.len() as u64, out);
                out.extend_from_slice(text);
            }
            Cell::Int(micros) if field.kind == Kind::Instant => timestamp(number, micros, out),
            Cell::Int(value) => {
                encode_key(number, WireType::Varint, out);
                // A negative int32 travels as the 64 bits of its sign extension.
                encode_varint(value as u64, out);
            }
            Cell::Double(value) => {
                encode_key(number, WireType::SixtyFourBit, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Cell::Symbol(symbol) => {
                encode_key(number, WireType::Varint, out);
                let value = field.symbols[usize::from(symbol)].number;
                encode_varint(i64::from(value) as u64, out);
            }
        }
    }
}

/// google.protobuf.Timestamp: seconds and nanoseconds, each left out where it is 0.
pub(crate) fn timestamp(number: u32, micros: i64, out: &mut Vec<u8>) {
    let seconds = micros.div_euclid(1_000_000) as u64;
    let nanos = micros.rem_euclid(1_000_000) as u64 * 1_000;
    let length = |value: u64| if value == 0 { 0 } else { 1 + encoded_len_varint(value) };

    encode_key(number, WireType::LengthDelimited, out);
    encode_varint((length(seconds) + length(nanos)) as u64, out);
    for (number, value) in [(1, seconds), (2, nanos)] {
        if value != 0 {
            encode_key(number, WireType::Varint, out);
            encode_varint(value, out);
        }
    }
}
