//! An event from Protobuf's wire: no owned message in between.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::binary_error::BinaryError;
use crate::event::Event;
use crate::field::Kind;
use crate::row::{Cell, RowBuffer};
use crate::timestamp;

/// Reads a bare message into `row`, which has to be clear. As Protobuf has it: unknown fields are passed over, of a
/// repeated one the last counts.
pub(crate) fn read(event: &Event, message: &[u8], row: &mut RowBuffer) -> Result<(), BinaryError> {
    row.hold(message);
    let mut wire = Wire { rest: message };
    let fields = event.fields();
    while !wire.rest.is_empty() {
        let (number, wire_type) = wire.key()?;
        let Some((slot, kind)) = event.slot_of_number(number) else {
            wire.skip(number, wire_type)?;
            continue;
        };
        match kind {
            Kind::Text => {
                let length = wire.bytes(wire_type)?.len();
                let end = message.len() - wire.rest.len();
                row.put_bytes(slot, end - length, end)?;
            }
            Kind::Double => {
                let number = wire.double(wire_type)?;
                // No infinity and no NaN reach a table.
                row.put(slot, if number.is_finite() { Cell::Double(number) } else { Cell::Absent });
            }
            // The low 32 bits, as every Protobuf reader takes an int32.
            Kind::Int32 => row.put(slot, Cell::Int(i64::from(wire.number(wire_type)? as i32))),
            Kind::Int64 => row.put(slot, Cell::Int(wire.number(wire_type)? as i64)),
            Kind::Enum => {
                let number = wire.number(wire_type)? as i32;
                row.put_meaning(slot, fields[slot].meaning_of_number(number));
            }
            Kind::Instant => {
                let before = match row.cell(slot) {
                    Cell::Int(micros) => micros,
                    _ => 0,
                };
                let message = wire.bytes(wire_type)?;
                row.put(slot, Cell::Int(timestamp(message, slot, before)?));
            }
        }
    }
    Ok(())
}

/// google.protobuf.Timestamp, cut to microseconds. A message that occurs twice is merged, as Protobuf has it.
fn timestamp(message: &[u8], slot: usize, before: i64) -> Result<i64, BinaryError> {
    let mut wire = Wire { rest: message };
    let mut seconds = before.div_euclid(1_000_000);
    let mut nanos = before.rem_euclid(1_000_000) as i32 * 1_000;
    while !wire.rest.is_empty() {
        match wire.key()? {
            (1, wire_type) => seconds = wire.number(wire_type)? as i64,
            (2, wire_type) => nanos = wire.number(wire_type)? as i32,
            (number, wire_type) => wire.skip(number, wire_type)?,
        }
    }
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(BinaryError::Field(slot, "an instant whose nanoseconds are not within a second"));
    }
    timestamp::of_parts(seconds, i64::from(nanos / 1_000))
        .ok_or(BinaryError::Field(slot, timestamp::FAR_AWAY))
}

/// Its small steps are inlined by force: a fault is several words, so that a result with one is handed over in memory, which took a
/// seventh of landing's time.
struct Wire<'a> {
    rest: &'a [u8],
}

impl<'a> Wire<'a> {
    /// A field's number, at least 1, and its wire type.
    #[inline(always)]
    fn key(&mut self) -> Result<(u32, WireType), BinaryError> {
        // Field numbers to 15 take one byte, those to 2047 two: nearly every key of ours is such a one.
        let (key, length) = match *self.rest {
            [low, ..] if low < 0x80 => (u32::from(low), 1),
            [low, high, ..] if high < 0x80 => (u32::from(low & 0x7f) | u32::from(high) << 7, 2),
            _ => return decode_key(&mut self.rest).map_err(|_| BinaryError::Malformed),
        };
        let wire_type = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::SixtyFourBit,
            2 => WireType::LengthDelimited,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::ThirtyTwoBit,
            _ => return Err(BinaryError::Malformed),
        };
        if key >> 3 == 0 {
            return Err(BinaryError::Malformed);
        }
        self.rest = &self.rest[length..];
        Ok((key >> 3, wire_type))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, BinaryError> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            _ => decode_varint(&mut self.rest).map_err(|_| BinaryError::Malformed),
        }
    }

    #[inline(always)]
    fn number(&mut self, wire_type: WireType) -> Result<u64, BinaryError> {
        expect(wire_type, WireType::Varint)?;
        self.varint()
    }

    #[inline(always)]
    fn bytes(&mut self, wire_type: WireType) -> Result<&'a [u8], BinaryError> {
        expect(wire_type, WireType::LengthDelimited)?;
        let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(BinaryError::CutShort)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn double(&mut self, wire_type: WireType) -> Result<f64, BinaryError> {
        expect(wire_type, WireType::SixtyFourBit)?;
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(BinaryError::CutShort)?;
        self.rest = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// Groups within groups are followed to prost's bound.
    fn skip(&mut self, number: u32, wire_type: WireType) -> Result<(), BinaryError> {
        skip_field(wire_type, number, &mut self.rest, DecodeContext::default())
            .map_err(|_| BinaryError::Malformed)
    }
}

#[inline]
fn expect(found: WireType, meant: WireType) -> Result<(), BinaryError> {
    if found == meant { Ok(()) } else { Err(BinaryError::WrongType) }
}
