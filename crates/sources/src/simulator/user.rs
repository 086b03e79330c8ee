//! One user in the API's own shape, written straight as JSON: no word of `nations.tsv` needs an escape.

use chrono::{DateTime, Datelike, Timelike};

use super::draw::{Draw, Purpose};
use super::json_text::{put, write_digits, write_number};
use super::location::write_location;
use super::nations::Nation;
use super::person::Person;

/// Ages are as of the first day of this year, so that they need no clock.
const EPOCH_YEAR: i32 = 2026;

// Milliseconds since 1970 of a year's start.
const START_OF_1944: i64 = -820_540_800_000;
const START_OF_2002: i64 = 1_009_843_200_000;
const START_OF_2006: i64 = 1_136_073_600_000;
const START_OF_2026: i64 = 1_767_225_600_000;

/// Mail domains, each as often as it stands here of all. The API knows only example.com; the others give the tables
/// something to tell. Those nobody can own are reserved for examples.
const MAIL_DOMAINS: [&str; 20] = [
    "example.com",
    "example.com",
    "example.com",
    "example.com",
    "example.com",
    "example.com",
    "example.com",
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "outlook.com",
    "yahoo.com",
    "hotmail.com",
    "example.edu",
    "dept.example.ac.uk",
    "agency.example.gov",
    "mill-and-sons.example",
    "riverside-foods.example",
    "example.org",
];

const ADJECTIVES: [&str; 32] = [
    "amber", "angry", "big", "blue", "brave", "calm", "clever", "crazy", "eager", "gentle", "golden",
    "green", "happy", "heavy", "jolly", "kind", "lazy", "little", "lucky", "merry", "orange", "proud",
    "purple", "quick", "quiet", "red", "sad", "silver", "sleepy", "swift", "tiny", "yellow",
];

const ANIMALS: [&str; 32] = [
    "badger",
    "bear",
    "bird",
    "butterfly",
    "cat",
    "dog",
    "dolphin",
    "duck",
    "elephant",
    "falcon",
    "fox",
    "frog",
    "goose",
    "gorilla",
    "hare",
    "heron",
    "koala",
    "ladybug",
    "leopard",
    "lion",
    "mouse",
    "otter",
    "owl",
    "panda",
    "peacock",
    "rabbit",
    "salmon",
    "sparrow",
    "swan",
    "tiger",
    "turtle",
    "wolf",
];

const PASSWORDS: [&str; 16] = [
    "anchor", "bandit", "cookie", "dragon", "falcon1", "gateway", "hunter", "legend", "maverick", "nugget",
    "passport", "rainbow", "shadow", "thunder", "volcano", "wizard",
];

/// Appends user `number`, who is the same person as user `origin`.
pub(super) fn write(seed: u64, origin: u64, number: u64, out: &mut Vec<u8>) {
    let mut identity = Draw::new(seed, Purpose::Identity, origin);
    let mut contact = Draw::new(seed, Purpose::Contact, number);
    let Person { nation, is_female, first, last, title } = Person::draw(&mut identity);
    let gender = if is_female { "female" } else { "male" };

    put(out, [r#"{"gender":""#, gender, r#"","name":{"title":""#, title]);
    put(out, [r#"","first":""#, first.text, r#"","last":""#, last.text, r#""},"#]);
    write_location(nation, &mut contact, out);
    put(out, [r#","email":""#, &first.email_part, ".", &last.email_part, "@", contact.word(&MAIL_DOMAINS)]);
    put(out, [r#"","login":{"uuid":""#]);
    write_login(&mut identity, out);
    put(out, [r#"},"dob":"#]);
    write_date(START_OF_1944, START_OF_2006, &mut identity, out);
    put(out, [r#","registered":"#]);
    write_date(START_OF_2002, START_OF_2026, &mut identity, out);
    put(out, [r#","phone":""#]);
    contact.template(nation.phone, out);
    put(out, [r#"","cell":""#]);
    contact.template(nation.cell, out);
    put(out, [r#"","id":"#]);
    write_national_id(nation, &mut identity, out);
    put(out, [r#","picture":"#]);
    write_picture(is_female, &mut identity, out);
    put(out, [r#","nat":""#, nation.code, r#""}"#]);
}

fn write_login(draw: &mut Draw, out: &mut Vec<u8>) {
    draw.uuid(out);
    put(out, [r#"","username":""#, draw.word(&ADJECTIVES), draw.word(&ANIMALS)]);
    write_digits::<3>(100 + draw.below(900), out);
    put(out, [r#"","password":""#, draw.word(&PASSWORDS), r#"","salt":""#]);
    draw.hex::<4>(out);
    // Of the hashes only the form is kept: nothing may carry them further anyway.
    put(out, [r#"","md5":""#]);
    draw.hex::<16>(out);
    put(out, [r#"","sha1":""#]);
    draw.hex::<20>(out);
    put(out, [r#"","sha256":""#]);
    draw.hex::<32>(out);
    out.push(b'"');
}

/// `{"date","age"}` with an instant from `start` up to `end`, in ms since 1970.
fn write_date(start: i64, end: i64, draw: &mut Draw, out: &mut Vec<u8>) {
    let milliseconds = start + draw.long_below((end - start) as u64) as i64;
    let date = DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    put(out, [r#"{"date":""#]);
    write_digits::<4>(date.year() as u32, out);
    out.push(b'-');
    write_digits::<2>(date.month(), out);
    out.push(b'-');
    write_digits::<2>(date.day(), out);
    out.push(b'T');
    write_digits::<2>(date.hour(), out);
    out.push(b':');
    write_digits::<2>(date.minute(), out);
    out.push(b':');
    write_digits::<2>(date.second(), out);
    out.push(b'.');
    write_digits::<3>(date.timestamp_subsec_millis(), out);
    put(out, [r#"Z","age":"#]);
    write_number((EPOCH_YEAR - 1 - date.year()).unsigned_abs(), out);
    out.push(b'}');
}

fn write_national_id(nation: &Nation, draw: &mut Draw, out: &mut Vec<u8>) {
    let Some((name, template)) = nation.id else {
        return put(out, [r#"{"name":"","value":null}"#]);
    };
    put(out, [r#"{"name":""#, name, r#"","value":""#]);
    draw.template(template, out);
    put(out, [r#""}"#]);
}

fn write_picture(is_female: bool, draw: &mut Draw, out: &mut Vec<u8>) {
    let folder = if is_female { "women/" } else { "men/" };
    let portrait = draw.below(100);
    let sizes = [(r#"{"large":""#, ""), (r#","medium":""#, "med/"), (r#","thumbnail":""#, "thumb/")];
    for (key, size) in sizes {
        put(out, [key, "https://randomuser.me/api/portraits/", size, folder]);
        write_number(portrait, out);
        put(out, [r#".jpg""#]);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_start_where_the_constants_say() {
        let starts =
            [(1944, START_OF_1944), (2002, START_OF_2002), (2006, START_OF_2006), (2026, START_OF_2026)];
        for (year, milliseconds) in starts {
            let date = DateTime::from_timestamp_millis(milliseconds).unwrap();
            assert_eq!(date.to_rfc3339(), format!("{year}-01-01T00:00:00+00:00"));
        }
        assert_eq!(EPOCH_YEAR, 2026);
    }

    #[test]
    fn numbers_are_written_as_json_numbers() {
        for number in [0, 7, 10, 999, 1_000, 99_999] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
