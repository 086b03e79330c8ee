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
/// or none; many times faster than chrono. `None` for any other, valid or not.
fn utc(text: &[u8]) -> Option<i64> {
    let (moment, rest) = text.split_first_chunk::<19>()?;
    let eight = |at: usize| moment[at..].first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    let (date, clock, time) = (eight(0)?, eight(8)?, eight(11)?);
    let (date, clock, time) =
        (pairs(date, *b"0000-00-")?, pairs(clock, *b"00T00:00")?, pairs(time, *b"00:00:00")?);
    let micros = match rest {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            let number = digits.iter().try_fold(0_u32, |number, byte| {
                byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
            });
            number? * 10_u32.pow(6 - digits.len() as u32)
        }
        _ => return None,
    };
    let two = |pairs: u64, at: u32| (pairs >> (8 * at)) as u32 & 0xff;
    let (year, month, day) = (two(date, 0) * 100 + two(date, 2), two(date, 5), two(clock, 0));
    let (hour, minute, second) = (two(time, 0), two(time, 3), two(time, 6));
    // A leap second is left to chrono.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour * 3_600 + minute * 60 + second);
    Some((days(year, month, day)? * 86_400 + seconds) * 1_000_000 + i64::from(micros))
}

/// Where eight characters are digits and separators as in the pattern, each byte that begins a pair of digits holds the pair's number.
#[inline]
fn pairs(text: u64, pattern: [u8; 8]) -> Option<u64> {
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    // What sets the high bit: more than 9 where there is a digit, anything but the separator elsewhere.
    let limits = u64::from_le_bytes(pattern.map(|byte| if byte == b'0' { 0x76 } else { 0x7f }));
    let odd = text ^ u64::from_le_bytes(pattern);
    // A carry comes from a byte whose own high bit is set.
    if (odd.wrapping_add(limits) | odd) & HIGHS != 0 {
        return None;
    }
    Some(odd * 10 + (odd >> 8))
}

/// Days since 1970 of a date of the years 0 to 9999.
#[inline]
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    /// Of the years from 0 to 1969.
    const TO_1970: i64 = 719_528;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = LENGTHS.get((month as usize).wrapping_sub(1))? + u32::from(is_leap && month == 2);
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin with March, so that the day which not all have is the last; counted from that of the year 399 before 0.
    let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leaps + (month * 153 + 2) / 5 + day - 1;
    // Of 400 years; the first of March is day 60 of year 0.
    Some(i64::from(days) - 146_097 + 60 - TO_1970)
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
    fn every_day_of_the_years_0_to_9999_is_chronos() {
        let mut expected = NaiveDate::from_ymd_opt(0, 1, 1).unwrap().to_epoch_days();
        for year in 0..10_000 {
            for month in 0..=13 {
                for day in 0..=32 {
                    let date = NaiveDate::from_ymd_opt(year as i32, month, day);
                    let days = days(year, month, day);
                    assert_eq!(days.is_some(), date.is_some(), "{year}-{month}-{day}");
                    if let Some(days) = days {
                        assert_eq!(days, i64::from(expected), "{year}-{month}-{day}");
                        expected += 1;
                    }
                }
            }
        }
    }

    #[test]
    fn rfc3339_has_no_year_ten_thousand() {
        assert!(!write_rfc3339(253_402_300_800_000_000, &mut Vec::new()));
        assert!(!write_rfc3339(-62_167_219_200_000_001, &mut Vec::new()));
    }
}
