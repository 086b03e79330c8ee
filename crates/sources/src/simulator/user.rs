//! One user in the API's own shape, written straight as JSON: no word of `nations.tsv` needs an escape.

use chrono::{DateTime, Datelike, Timelike};

use super::draw::{Draw, Purpose};
use super::nations::{Nation, Postcode};
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

const TIMEZONES: [(&str, &str); 16] = [
    ("-11:00", "Midway Island, Samoa"),
    ("-8:00", "Pacific Time (US & Canada)"),
    ("-7:00", "Mountain Time (US & Canada)"),
    ("-6:00", "Central Time (US & Canada), Mexico City"),
    ("-5:00", "Eastern Time (US & Canada), Bogota, Lima"),
    ("-3:30", "Newfoundland"),
    ("-3:00", "Brazil, Buenos Aires, Georgetown"),
    ("0:00", "Western Europe Time, London, Lisbon, Casablanca"),
    ("+1:00", "Brussels, Copenhagen, Madrid, Paris"),
    ("+2:00", "Kaliningrad, South Africa"),
    ("+3:30", "Tehran"),
    ("+5:30", "Bombay, Calcutta, Madras, New Delhi"),
    ("+5:45", "Kathmandu"),
    ("+8:00", "Beijing, Perth, Singapore, Hong Kong"),
    ("+9:30", "Adelaide, Darwin"),
    ("+10:00", "Eastern Australia, Guam, Vladivostok"),
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

fn put<const PARTS: usize>(out: &mut Vec<u8>, parts: [&str; PARTS]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends where a user lives, and answers the offset of its time zone, such as `+5:45`.
pub(super) fn write_location(nation: &Nation, draw: &mut Draw, out: &mut Vec<u8>) -> &'static str {
    put(out, [r#""location":{"street":{"number":"#]);
    write_number(1 + draw.below(9_999), out);
    put(out, [r#","name":""#, draw.word(&nation.streets), r#""},"city":""#, draw.word(&nation.cities)]);
    put(out, [r#"","state":""#, draw.word(&nation.states), r#"","country":""#, nation.country]);
    put(out, [r#"","postcode":"#]);
    match nation.postcode {
        Postcode::Number { first, last } => write_number(first + draw.below(last - first + 1), out),
        Postcode::Text { template } => {
            out.push(b'"');
            draw.template(template, out);
            out.push(b'"');
        }
    }
    put(out, [r#","coordinates":{"latitude":""#]);
    write_coordinate(90, draw, out);
    put(out, [r#"","longitude":""#]);
    write_coordinate(180, draw, out);
    let (offset, description) = draw.pick(&TIMEZONES);
    put(out, [r#""},"timezone":{"offset":""#, offset, r#"","description":""#, description, r#""}}"#]);
    offset
}

/// Text with four decimals, as the API gives it, short of `degrees` on either side.
fn write_coordinate(degrees: u32, draw: &mut Draw, out: &mut Vec<u8>) {
    let drawn = draw.below(2 * degrees * 10_000);
    let (is_negative, parts) = (drawn & 1 == 1, drawn >> 1);
    if is_negative {
        out.push(b'-');
    }
    write_number(parts / 10_000, out);
    out.push(b'.');
    write_digits::<4>(parts % 10_000, out);
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

/// The last `DIGITS` decimal digits, leading zeros kept.
fn write_digits<const DIGITS: usize>(mut number: u32, out: &mut Vec<u8>) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits);
}

fn write_number(number: u32, out: &mut Vec<u8>) {
    let digits = number.checked_ilog10().unwrap_or(0) + 1;
    match digits {
        1 => write_digits::<1>(number, out),
        2 => write_digits::<2>(number, out),
        3 => write_digits::<3>(number, out),
        4 => write_digits::<4>(number, out),
        5 => write_digits::<5>(number, out),
        _ => write_digits::<10>(number, out),
    }
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
