//! UserCreated to Protobuf, straight from borrowed fields: the bytes that prost would write, without its owned copy.

use std::borrow::Cow;
use std::ops::Range;

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::user::User;

/// Appends the user's message to `out`; answers where in `out` the user id lies.
pub(crate) fn user(user: &User<'_>, out: &mut Vec<u8>) -> Option<Range<usize>> {
    text(1, &user.user_id, out);
    let key = user.user_id.as_ref().map(|id| out.len() - id.len()..out.len());
    text(2, &user.title, out);
    text(3, &user.first_name, out);
    text(4, &user.last_name, out);
    text(5, &user.gender, out);
    text(6, &user.street_number, out);
    text(7, &user.street_name, out);
    text(8, &user.city, out);
    text(9, &user.state, out);
    text(10, &user.country, out);
    text(11, &user.country_code, out);
    text(12, &user.postcode, out);
    double(13, user.latitude, out);
    double(14, user.longitude, out);
    text(15, &user.timezone_offset, out);
    text(16, &user.timezone_description, out);
    text(17, &user.email, out);
    text(18, &user.username, out);
    timestamp(19, user.dob, out);
    timestamp(20, user.registered_at, out);
    text(21, &user.phone, out);
    text(22, &user.cell, out);
    text(23, &user.national_id_name, out);
    text(24, &user.national_id_value, out);
    text(25, &user.picture_url, out);
    timestamp(26, user.fetched_at, out);
    text(27, &user.source, out);
    text(28, &user.source_seed, out);
    if let Some(page) = user.source_page {
        encode_key(29, WireType::Varint, out);
        // A negative int32 travels as the 64 bits of its sign extension.
        encode_varint(i64::from(page) as u64, out);
    }
    text(30, &user.gender_branch, out);
    text(31, &user.business_email, out);
    text(32, &user.user_company, out);
    key
}

fn text(tag: u32, value: &Option<Cow<'_, str>>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        encode_key(tag, WireType::LengthDelimited, out);
        encode_varint(value.len() as u64, out);
        out.extend_from_slice(value.as_bytes());
    }
}

fn double(tag: u32, value: Option<f64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        encode_key(tag, WireType::SixtyFourBit, out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// google.protobuf.Timestamp: seconds and nanoseconds, each left out where it is 0.
fn timestamp(tag: u32, micros: Option<i64>, out: &mut Vec<u8>) {
    let Some(micros) = micros else { return };
    let seconds = micros.div_euclid(1_000_000) as u64;
    let nanos = micros.rem_euclid(1_000_000) as u64 * 1_000;
    let length = |value: u64| if value == 0 { 0 } else { 1 + encoded_len_varint(value) };

    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint((length(seconds) + length(nanos)) as u64, out);
    for (tag, value) in [(1, seconds), (2, nanos)] {
        if value != 0 {
            encode_key(tag, WireType::Varint, out);
            encode_varint(value, out);
        }
    }
}
