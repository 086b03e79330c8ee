//! UserCreated from Protobuf's wire, borrowed from the record: no owned message in between.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::json::is_blank;
use crate::refusal::Refusal;
use crate::user::{FIELDS, Field, Numbers, TEXTS, Text, has_identity};

/// A message's fields as they lie in the record: the texts are not known to be UTF-8 yet.
#[derive(Debug)]
pub(crate) struct WireUser<'a> {
    /// Empty is absent.
    texts: [&'a [u8]; TEXTS],
    pub(crate) numbers: Numbers,
}

impl<'a> WireUser<'a> {
    /// Reads a bare message. As Protobuf has it: unknown fields are passed over, of a repeated one the last counts.
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, Refusal> {
        Ok(Self::read_fields(message)?)
    }

    fn read_fields(message: &'a [u8]) -> Result<Self, Fault> {
        let mut wire = Wire { rest: message };
        let mut user = Self { texts: [&[]; TEXTS], numbers: Numbers::default() };
        let numbers = &mut user.numbers;
        while !wire.rest.is_empty() {
            let (tag, wire_type) = wire.key()?;
            match FIELDS.get(tag as usize - 1) {
                Some(Field::Text(text)) => user.texts[*text as usize] = wire.bytes(wire_type)?,
                Some(Field::Latitude) => numbers.latitude = wire.double(wire_type)?,
                Some(Field::Longitude) => numbers.longitude = wire.double(wire_type)?,
                Some(Field::Dob) => numbers.dob = Some(wire.timestamp(wire_type, "dob", numbers.dob)?),
                Some(Field::RegisteredAt) => {
                    numbers.registered_at =
                        Some(wire.timestamp(wire_type, "registered_at", numbers.registered_at)?);
                }
                Some(Field::FetchedAt) => {
                    numbers.fetched_at = Some(wire.timestamp(wire_type, "fetched_at", numbers.fetched_at)?)
                }
                Some(Field::SourcePage) => {
                    expect(wire_type, WireType::Varint)?;
                    // The low 32 bits, as every Protobuf reader takes an int32.
                    numbers.source_page = Some(wire.varint()? as i32);
                }
                None => wire.skip(tag, wire_type)?,
            }
        }
        Ok(user)
    }

    /// The texts, once they are known to be such; blank ones are absent. `scratch` is overwritten.
    ///
    /// All are checked at once, one behind the other: for texts this short a check of each costs more than their copy.
    pub(crate) fn texts<'s>(&self, scratch: &'s mut Vec<u8>) -> Result<[Option<&'s str>; TEXTS], Refusal> {
        scratch.clear();
        for text in self.texts {
            scratch.extend_from_slice(text);
        }
        let mut rest = simdutf8::basic::from_utf8(scratch).map_err(|_| Fault::NotUtf8)?;
        let mut texts = [None; TEXTS];
        for (text, bytes) in texts.iter_mut().zip(self.texts) {
            // Fails where a text ends within a character that the next one completes.
            let (head, tail) = rest.split_at_checked(bytes.len()).ok_or(Fault::NotUtf8)?;
            *text = (!is_blank(head)).then_some(head);
            rest = tail;
        }
        has_identity(|text: Text| texts[text as usize].is_some())?;
        Ok(texts)
    }
}

struct Wire<'a> {
    rest: &'a [u8],
}

impl<'a> Wire<'a> {
    /// A field's number, at least 1, and its wire type.
    #[inline]
    fn key(&mut self) -> Result<(u32, WireType), Fault> {
        // Field numbers to 15 take one byte, those to 2047 two: nearly every key of ours is such a one.
        let (key, length) = match *self.rest {
            [low, ..] if low < 0x80 => (u32::from(low), 1),
            [low, high, ..] if high < 0x80 => (u32::from(low & 0x7f) | u32::from(high) << 7, 2),
            _ => return decode_key(&mut self.rest).map_err(|_| Fault::Malformed),
        };
        let wire_type = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::SixtyFourBit,
            2 => WireType::LengthDelimited,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::ThirtyTwoBit,
            _ => return Err(Fault::Malformed),
        };
        if key >> 3 == 0 {
            return Err(Fault::Malformed);
        }
        self.rest = &self.rest[length..];
        Ok((key >> 3, wire_type))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            _ => decode_varint(&mut self.rest).map_err(|_| Fault::Malformed),
        }
    }

    #[inline]
    fn bytes(&mut self, wire_type: WireType) -> Result<&'a [u8], Fault> {
        expect(wire_type, WireType::LengthDelimited)?;
        let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Fault::CutShort)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// No infinity and no NaN reach a table.
    fn double(&mut self, wire_type: WireType) -> Result<Option<f64>, Fault> {
        expect(wire_type, WireType::SixtyFourBit)?;
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Fault::CutShort)?;
        self.rest = rest;
        Ok(Some(f64::from_le_bytes(*bytes)).filter(|number| number.is_finite()))
    }

    /// google.protobuf.Timestamp, cut to microseconds. A message that occurs twice is merged, as Protobuf has it.
    fn timestamp(
        &mut self,
        wire_type: WireType,
        path: &'static str,
        before: Option<i64>,
    ) -> Result<i64, Fault> {
        let mut message = Wire { rest: self.bytes(wire_type)? };
        let before = before.unwrap_or(0);
        let mut seconds = before.div_euclid(1_000_000);
        let mut nanos = before.rem_euclid(1_000_000) as i32 * 1_000;
        while !message.rest.is_empty() {
            match message.key()? {
                (1, wire_type) => {
                    expect(wire_type, WireType::Varint)?;
                    seconds = message.varint()? as i64;
                }
                (2, wire_type) => {
                    expect(wire_type, WireType::Varint)?;
                    nanos = message.varint()? as i32;
                }
                (tag, wire_type) => message.skip(tag, wire_type)?,
            }
        }
        if !(0..1_000_000_000).contains(&nanos) {
            return Err(Fault::Instant(path, "an instant whose nanoseconds are not within a second"));
        }
        // What chrono, and so every calendar computation behind this, can hold.
        if !(-8_334_601_228_800..=8_210_266_876_799).contains(&seconds) {
            return Err(Fault::Instant(path, "an instant more than 262,000 years away"));
        }
        Ok(seconds * 1_000_000 + i64::from(nanos / 1_000))
    }

    fn skip(&mut self, tag: u32, wire_type: WireType) -> Result<(), Fault> {
        skip_field(wire_type, tag, &mut self.rest, DecodeContext::default()).map_err(|_| Fault::Malformed)
    }
}

#[inline]
fn expect(found: WireType, meant: WireType) -> Result<(), Fault> {
    if found == meant { Ok(()) } else { Err(Fault::WrongType) }
}

/// What is wrong with a message: small, since every step of the reading answers with it.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Malformed,
    CutShort,
    WrongType,
    NotUtf8,
    Instant(&'static str, &'static str),
}

impl From<Fault> for Refusal {
    #[cold]
    fn from(fault: Fault) -> Self {
        let reason = match fault {
            Fault::Instant(path, reason) => return Self::InvalidValue { path, reason },
            Fault::Malformed => "a field's key or number is malformed",
            Fault::CutShort => "a field ends behind the value",
            Fault::WrongType => "a field has another wire type than its own",
            Fault::NotUtf8 => "a text is not UTF-8",
        };
        Self::Undecodable { format: "Protobuf message", reason: reason.to_owned() }
    }
}
