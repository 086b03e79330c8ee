//! UserCreated from Protobuf's wire, borrowed from the record: no owned message in between.

use std::borrow::Cow;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::json::is_blank;
use crate::refusal::Refusal;
use crate::user::User;

/// Decodes a bare message. As Protobuf has it: unknown fields are passed over, of a repeated one the last counts.
pub(crate) fn user(value: &[u8]) -> Result<User<'_>, Refusal> {
    let mut wire = Wire { rest: value };
    let mut user = User::default();
    while !wire.rest.is_empty() {
        let (tag, wire_type) = wire.key()?;
        let field = match tag {
            1 => &mut user.user_id,
            2 => &mut user.title,
            3 => &mut user.first_name,
            4 => &mut user.last_name,
            5 => &mut user.gender,
            6 => &mut user.street_number,
            7 => &mut user.street_name,
            8 => &mut user.city,
            9 => &mut user.state,
            10 => &mut user.country,
            11 => &mut user.country_code,
            12 => &mut user.postcode,
            13 => {
                user.latitude = wire.double(wire_type)?;
                continue;
            }
            14 => {
                user.longitude = wire.double(wire_type)?;
                continue;
            }
            15 => &mut user.timezone_offset,
            16 => &mut user.timezone_description,
            17 => &mut user.email,
            18 => &mut user.username,
            19 => {
                user.dob = Some(wire.timestamp(wire_type, "dob")?);
                continue;
            }
            20 => {
                user.registered_at = Some(wire.timestamp(wire_type, "registered_at")?);
                continue;
            }
            21 => &mut user.phone,
            22 => &mut user.cell,
            23 => &mut user.national_id_name,
            24 => &mut user.national_id_value,
            25 => &mut user.picture_url,
            26 => {
                user.fetched_at = Some(wire.timestamp(wire_type, "fetched_at")?);
                continue;
            }
            27 => &mut user.source,
            28 => &mut user.source_seed,
            29 => {
                wire.expect(wire_type, WireType::Varint)?;
                // The low 32 bits, as every Protobuf reader takes an int32.
                user.source_page = Some(wire.varint()? as i32);
                continue;
            }
            30 => &mut user.gender_branch,
            31 => &mut user.business_email,
            32 => &mut user.user_company,
            _ => {
                wire.skip(tag, wire_type)?;
                continue;
            }
        };
        *field = wire.text(wire_type)?;
    }
    user.validate()?;
    Ok(user)
}

struct Wire<'a> {
    rest: &'a [u8],
}

impl<'a> Wire<'a> {
    #[inline]
    fn key(&mut self) -> Result<(u32, WireType), Refusal> {
        // Field numbers to 15 take one byte, those to 2047 two: nearly every key of ours is such a one.
        let (tag, wire_type, length) = match *self.rest {
            [low, ..] if low < 0x80 => (u32::from(low >> 3), low & 7, 1),
            [low, high, ..] if high < 0x80 => {
                let key = u32::from(low & 0x7f) | u32::from(high) << 7;
                (key >> 3, low & 7, 2)
            }
            _ => return decode_key(&mut self.rest).map_err(undecodable),
        };
        let wire_type = WireType::try_from(u64::from(wire_type)).map_err(undecodable)?;
        if tag == 0 {
            return Err(broken("a field has the number 0"));
        }
        self.rest = &self.rest[length..];
        Ok((tag, wire_type))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Refusal> {
        decode_varint(&mut self.rest).map_err(undecodable)
    }

    #[inline]
    fn expect(&self, found: WireType, meant: WireType) -> Result<(), Refusal> {
        if found == meant { Ok(()) } else { Err(broken("a field has another wire type than its own")) }
    }

    #[inline]
    fn bytes(&mut self, wire_type: WireType) -> Result<&'a [u8], Refusal> {
        self.expect(wire_type, WireType::LengthDelimited)?;
        let length = self.varint()?;
        let length = usize::try_from(length).ok().filter(|&length| length <= self.rest.len());
        let (bytes, rest) =
            self.rest.split_at(length.ok_or_else(|| broken("a field ends behind the value"))?);
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn text(&mut self, wire_type: WireType) -> Result<Option<Cow<'a, str>>, Refusal> {
        let bytes = self.bytes(wire_type)?;
        let text = std::str::from_utf8(bytes).map_err(|_| broken("a text is not UTF-8"))?;
        Ok((!is_blank(text)).then_some(Cow::Borrowed(text)))
    }

    /// No infinity and no NaN reach a table.
    fn double(&mut self, wire_type: WireType) -> Result<Option<f64>, Refusal> {
        self.expect(wire_type, WireType::SixtyFourBit)?;
        let (bytes, rest) =
            self.rest.split_first_chunk().ok_or_else(|| broken("a field ends behind the value"))?;
        self.rest = rest;
        Ok(Some(f64::from_le_bytes(*bytes)).filter(|number| number.is_finite()))
    }

    /// google.protobuf.Timestamp, cut to microseconds.
    fn timestamp(&mut self, wire_type: WireType, path: &'static str) -> Result<i64, Refusal> {
        let mut message = Wire { rest: self.bytes(wire_type)? };
        let (mut seconds, mut nanos) = (0_i64, 0_i32);
        while !message.rest.is_empty() {
            match message.key()? {
                (1, wire_type) => {
                    message.expect(wire_type, WireType::Varint)?;
                    seconds = message.varint()? as i64;
                }
                (2, wire_type) => {
                    message.expect(wire_type, WireType::Varint)?;
                    nanos = message.varint()? as i32;
                }
                (tag, wire_type) => message.skip(tag, wire_type)?,
            }
        }
        let invalid = |reason| Refusal::InvalidValue { path, reason };
        if !(0..1_000_000_000).contains(&nanos) {
            return Err(invalid("an instant whose nanoseconds are not within a second"));
        }
        // What chrono, and so every calendar computation behind this, can hold.
        if !(-8_334_601_228_800..=8_210_266_876_799).contains(&seconds) {
            return Err(invalid("an instant more than 262,000 years away"));
        }
        Ok(seconds * 1_000_000 + i64::from(nanos / 1_000))
    }

    fn skip(&mut self, tag: u32, wire_type: WireType) -> Result<(), Refusal> {
        skip_field(wire_type, tag, &mut self.rest, DecodeContext::default()).map_err(undecodable)
    }
}

fn broken(reason: &str) -> Refusal {
    Refusal::Undecodable { format: "Protobuf message", reason: reason.to_owned() }
}

fn undecodable(error: prost::DecodeError) -> Refusal {
    Refusal::Undecodable { format: "Protobuf message", reason: error.to_string() }
}
