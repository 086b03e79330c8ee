//! Days and instants as people write them.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use crate::clock;

/// A day: `2026-01-31`, `today` or `yesterday` (UTC).
pub(crate) fn parse_day(text: &str) -> Result<NaiveDate, String> {
    day(text, clock::today())
}

fn day(text: &str, today: NaiveDate) -> Result<NaiveDate, String> {
    let text = text.trim();
    match text.to_lowercase().as_str() {
        "today" => return Ok(today),
        "yesterday" => return today.checked_sub_days(Days::new(1)).ok_or_else(|| "there is none".to_owned()),
        _ => {}
    }
    let in_form = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let parsed = text.parse::<NaiveDate>();
    match parsed {
        Ok(day) if in_form => Ok(day),
        Err(error) if in_form && error.kind() == chrono::format::ParseErrorKind::OutOfRange => {
            Err("there is no such day: give one such as 2026-01-31, today or yesterday".to_owned())
        }
        _ => Err("give a day as YYYY-MM-DD, such as 2026-01-31, or today or yesterday (UTC)".to_owned()),
    }
}

/// An instant: `2026-01-31T12:00:00Z`, with another offset, or a day alone: its first instant, UTC.
pub(crate) fn parse_instant(text: &str) -> Result<DateTime<Utc>, String> {
    instant(text, clock::today())
}

fn instant(text: &str, today: NaiveDate) -> Result<DateTime<Utc>, String> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text.trim()) {
        return Ok(instant.to_utc());
    }
    day(text, today).map(|day| day.and_time(NaiveTime::MIN).and_utc()).map_err(|_| {
        "give an instant such as 2026-01-31T12:00:00Z, or a day, such as 2026-01-31, for its midnight (UTC)".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 1).unwrap()
    }

    #[test]
    fn days_are_dates_or_words() {
        for (text, expected) in [
            ("2026-01-31", "2026-01-31"),
            (" 2024-02-29 ", "2024-02-29"),
            ("today", "2026-03-01"),
            ("Yesterday", "2026-02-28"),
        ] {
            assert_eq!(day(text, today()).map(|day| day.to_string()), Ok(expected.to_owned()), "{text}");
        }
        for text in
            ["", "31.01.2026", "01/31/2026", "2026-1-31", "20260131", "+12026-01-31", "soon", "2026-01-31T00"]
        {
            assert!(day(text, today()).is_err_and(|reason| reason.contains("YYYY-MM-DD")), "{text}");
        }
        for text in ["2026-02-29", "2026-13-01", "2026-00-10"] {
            assert!(day(text, today()).is_err_and(|reason| reason.contains("no such day")), "{text}");
        }
    }

    #[test]
    fn instants_have_a_zone_or_are_a_days_first() {
        for (text, expected) in [
            ("2026-01-31T12:00:00Z", "2026-01-31 12:00:00 UTC"),
            ("2026-01-31T12:00:00.5+02:00", "2026-01-31 10:00:00.500 UTC"),
            ("2026-01-31", "2026-01-31 00:00:00 UTC"),
            ("yesterday", "2026-02-28 00:00:00 UTC"),
        ] {
            assert_eq!(instant(text, today()).map(|at| at.to_string()), Ok(expected.to_owned()), "{text}");
        }
        for text in ["", "12:00", "2026-01-31T12:00:00", "now-ish"] {
            assert!(
                instant(text, today()).is_err_and(|reason| reason.contains("2026-01-31T12:00:00Z")),
                "{text}"
            );
        }
    }
}
