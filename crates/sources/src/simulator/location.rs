//! Where a simulated user lives.

use super::draw::Draw;
use super::json_text::{put, write_digits, write_number};
use super::nations::{Nation, Postcode};

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
