//! Texts and numbers that rows are made of: the same for the same seed, as many different ones as real tables have.

use std::fmt::Write;

/// Scatters a number: neighbours come out far apart.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The id of the user with a number below `all`: ids are in the order of the numbers, as a table's are in its file.
pub(crate) fn user_id(number: u64, all: u64) -> u128 {
    let step = u64::MAX / all;
    let high = number * step + mixed(number) % step;
    u128::from(high) << 64 | u128::from(mixed(!number))
}

/// As a UUID is written.
pub(crate) fn write_uuid(out: &mut impl Write, id: u128) -> std::fmt::Result {
    let (a, b, c) = ((id >> 96) as u32, (id >> 80) as u16, (id >> 64) as u16);
    let (d, e) = ((id >> 48) as u16, id as u64 & 0xFFFF_FFFF_FFFF);
    write!(out, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
}

pub(crate) const COUNTRIES: [(&str, &str); 21] = [
    ("Australia", "AU"),
    ("Brazil", "BR"),
    ("Canada", "CA"),
    ("Switzerland", "CH"),
    ("Germany", "DE"),
    ("Denmark", "DK"),
    ("Spain", "ES"),
    ("Finland", "FI"),
    ("France", "FR"),
    ("United Kingdom", "GB"),
    ("Ireland", "IE"),
    ("India", "IN"),
    ("Iran", "IR"),
    ("Mexico", "MX"),
    ("Netherlands", "NL"),
    ("Norway", "NO"),
    ("New Zealand", "NZ"),
    ("Serbia", "RS"),
    ("Türkiye", "TR"),
    ("Ukraine", "UA"),
    ("United States", "US"),
];

const BEGINNINGS: [&str; 20] = [
    "Al", "Ber", "Cal", "Dor", "El", "Fal", "Gran", "Hol", "In", "Jor", "Kal", "Lind", "Mar", "Nor", "Öst",
    "Pol", "Ram", "Sol", "Tor", "Val",
];
const MIDDLES: [&str; 10] = ["", "a", "en", "in", "mo", "ne", "ro", "sa", "ti", "vi"];
const ENDINGS: [&str; 10] = ["berg", "dal", "ez", "ford", "ham", "ić", "li", "son", "ton", "ville"];

/// One of `BEGINNINGS` × `MIDDLES` × `ENDINGS`: 2,000.
pub(crate) fn write_name(out: &mut impl Write, number: u64) -> std::fmt::Result {
    let number = number as usize;
    out.write_str(BEGINNINGS[number % 20])?;
    out.write_str(MIDDLES[number / 20 % 10])?;
    out.write_str(ENDINGS[number / 200 % 10])
}
