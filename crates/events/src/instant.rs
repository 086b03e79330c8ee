//! Instants in microseconds since 1970, UTC, from what the encodings write and back.

use std::io::Write;

use chrono::{DateTime, NaiveDate};

use crate::event::{Event, Unreadable};

pub(crate) const UNREADABLE: &str = "neither an instant as RFC 3339 has it nor milliseconds since 1970";
pub(crate) const FAR_AWAY: &str = "an instant more than 262,000 years away";

/// What chrono, and so every calendar computation behind this, can hold, in seconds.
const CALENDAR: std::ops::RangeInclusive<i64> = -8_334_601_228_800..=8_210_266_876_799;

/// The first and the last millisecond that a calendar holds.
pub(crate) const EARLIEST_MILLIS: i64 = *CALENDAR.start() * 1_000;
pub(crate) const LATEST_MILLIS: i64 = *CALENDAR.end() * 1_000 + 999;

/// `None` where no calendar holds the instant. `micros` lies within a second.
#[inline]
pub(crate) fn of_parts(seconds: i64, micros: i64) -> Option<i64> {
    CALENDAR.contains(&seconds).then(|| seconds * 1_000_000 + micros)
}

/// `None` where no calendar holds the instant.
pub(crate) fn of_millis(millis: i64) -> Option<i64> {
    of_parts(millis.div_euclid(1_000), millis.rem_euclid(1_000) * 1_000)
}

/// `None` where no calendar holds the instant.
pub(crate) fn of_micros(micros: i64) -> Option<i64> {
    of_parts(micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
}

/// RFC 3339, cut to microseconds.
pub(crate) fn of_rfc3339(text: &str) -> Option<i64> {
    utc(text.as_bytes())
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|date| date.timestamp_micros()))
}

/// An instant as an event's text says it: RFC 3339, and a day where the event takes values as their source gave them.
pub(crate) fn read(event: &Event, text: &str) -> Option<i64> {
    let is_lenient = event.unreadable() == Unreadable::Absent;
    of_rfc3339(text).or_else(|| if is_lenient { of_day(text) } else { None })
}

/// The form that the API and most producers write, `2008-10-11T15:18:15.540Z`, with up to six digits behind the second
/// or none; several times faster than chrono. `None` for any other, valid or not.
fn utc(text: &[u8]) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| {
        text[range].iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !(20..=27).contains(&text.len())
        || text.last() != Some(&b'Z')
        || separators.iter().any(|&(at, separator)| text[at] != separator)
    {
        return None;
    }
    let micros = match text.len() {
        20 => 0,
        21 => return None,
        end => {
            let places = (end - 21) as u32;
            (text[19] == b'.').then_some(())?;
            digits(20..end - 1)? * 10_u32.pow(6 - places)
        }
    };
    let date = NaiveDate::from_ymd_opt(digits(0..4)?.try_into().ok()?, digits(5..7)?, digits(8..10)?)?;
    let (hour, minute, second) = (digits(11..13)?, digits(14..16)?, digits(17..19)?);
    // A leap second is left to chrono.
    let time = date.and_hms_micro_opt(hour, minute, second, micros)?;
    Some(time.and_utc().timestamp_micros())
}

/// `YYYY-MM-DD`, as that day's first instant.
pub(crate) fn of_day(text: &str) -> Option<i64> {
    let plain = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    let date = plain.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())??;
    Some(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

/// Appends the instant as RFC 3339 with as many digits as it needs (0, 3 or 6) and answers true; appends nothing and
/// answers false where RFC 3339 has no year for it.
pub(crate) fn write_rfc3339(micros: i64, out: &mut Vec<u8>) -> bool {
    use chrono::{Datelike, Timelike};
    let Some(date) = DateTime::from_timestamp_micros(micros).filter(|date| (0..=9999).contains(&date.year()))
    else {
        return false;
    };
    let (day, time) = (date.date_naive(), date.time());
    // Writing into a Vec does not fail.
    let _ = write!(out, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
    let _ = write!(out, "T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let fraction = micros.rem_euclid(1_000_000);
    let _ = match fraction {
        0 => Ok(()),
        _ if fraction % 1_000 == 0 => write!(out, ".{:03}", fraction / 1_000),
        _ => write!(out, ".{fraction:06}"),
    };
    out.push(b'Z');
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn the_fast_form_agrees_with_chrono(text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,7})?Z") {
            let chrono = DateTime::parse_from_rfc3339(&text).ok().map(|date| date.timestamp_micros());
            if let Some(fast) = utc(text.as_bytes()) {
                proptest::prop_assert_eq!(Some(fast), chrono);
            }
        }

        #[test]
        fn what_is_written_is_read_again(micros in -62_167_219_200_000_000..253_402_300_800_000_000_i64) {
            let mut out = Vec::new();
            proptest::prop_assert!(write_rfc3339(micros, &mut out));
            let text = std::str::from_utf8(&out).unwrap();
            proptest::prop_assert_eq!(of_rfc3339(text), Some(micros));
            proptest::prop_assert_eq!(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros(), micros);
        }
    }

    #[test]
    fn rfc3339_has_no_year_ten_thousand() {
        assert!(!write_rfc3339(253_402_300_800_000_000, &mut Vec::new()));
        assert!(!write_rfc3339(-62_167_219_200_000_001, &mut Vec::new()));
    }
}
