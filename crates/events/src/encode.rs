//! UserCreated to Protobuf, straight from borrowed fields: the bytes that prost would write, without its owned copy.

use std::ops::Range;

use prost::encoding::{WireType, encode_key, encode_varint};

use crate::protobuf_writer;
use crate::user::{FIELDS, Field, Text, User};

/// Appends the user's message to `out`; answers where in `out` the user id lies.
pub(crate) fn user(user: &User<'_>, out: &mut Vec<u8>) -> Option<Range<usize>> {
    let numbers = &user.numbers;
    let mut key = None;
    for (field, tag) in FIELDS.into_iter().zip(1..) {
        match field {
            Field::Text(name) => {
                let Some(text) = &user[name] else { continue };
                encode_key(tag, WireType::LengthDelimited, out);
                encode_varint(text.len() as u64, out);
                if name == Text::UserId {
                    key = Some(out.len()..out.len() + text.len());
                }
                out.extend_from_slice(text.as_bytes());
            }
            Field::Latitude => double(tag, numbers.latitude, out),
            Field::Longitude => double(tag, numbers.longitude, out),
            Field::Dob => timestamp(tag, numbers.dob, out),
            Field::RegisteredAt => timestamp(tag, numbers.registered_at, out),
            Field::FetchedAt => timestamp(tag, numbers.fetched_at, out),
            Field::SourcePage => {
                let Some(page) = numbers.source_page else { continue };
                encode_key(tag, WireType::Varint, out);
                // A negative int32 travels as the 64 bits of its sign extension.
                encode_varint(i64::from(page) as u64, out);
            }
        }
    }
    key
}

fn double(tag: u32, value: Option<f64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        encode_key(tag, WireType::SixtyFourBit, out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn timestamp(tag: u32, micros: Option<i64>, out: &mut Vec<u8>) {
    if let Some(micros) = micros {
        protobuf_writer::timestamp(tag, micros, out);
    }
}
