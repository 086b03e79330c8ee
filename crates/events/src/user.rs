//! A user between its encodings: what JSON or Protobuf said, borrowed from it.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate};

use crate::enrich::{self, GenderBranch};
use crate::refusal::Refusal;

/// UserCreated's fields, borrowed from what they were read from. Absent is `None`, never an empty text.
///
/// Instants are microseconds since 1970, UTC.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct User<'a> {
    pub(crate) user_id: Option<Cow<'a, str>>,
    pub(crate) title: Option<Cow<'a, str>>,
    pub(crate) first_name: Option<Cow<'a, str>>,
    pub(crate) last_name: Option<Cow<'a, str>>,
    pub(crate) gender: Option<Cow<'a, str>>,
    pub(crate) street_number: Option<Cow<'a, str>>,
    pub(crate) street_name: Option<Cow<'a, str>>,
    pub(crate) city: Option<Cow<'a, str>>,
    pub(crate) state: Option<Cow<'a, str>>,
    pub(crate) country: Option<Cow<'a, str>>,
    pub(crate) country_code: Option<Cow<'a, str>>,
    pub(crate) postcode: Option<Cow<'a, str>>,
    pub(crate) latitude: Option<f64>,
    pub(crate) longitude: Option<f64>,
    pub(crate) timezone_offset: Option<Cow<'a, str>>,
    pub(crate) timezone_description: Option<Cow<'a, str>>,
    pub(crate) email: Option<Cow<'a, str>>,
    pub(crate) username: Option<Cow<'a, str>>,
    pub(crate) dob: Option<i64>,
    pub(crate) registered_at: Option<i64>,
    pub(crate) phone: Option<Cow<'a, str>>,
    pub(crate) cell: Option<Cow<'a, str>>,
    pub(crate) national_id_name: Option<Cow<'a, str>>,
    pub(crate) national_id_value: Option<Cow<'a, str>>,
    pub(crate) picture_url: Option<Cow<'a, str>>,
    pub(crate) fetched_at: Option<i64>,
    pub(crate) source: Option<Cow<'a, str>>,
    pub(crate) source_seed: Option<Cow<'a, str>>,
    pub(crate) source_page: Option<i32>,
    pub(crate) gender_branch: Option<Cow<'a, str>>,
    pub(crate) business_email: Option<Cow<'a, str>>,
    pub(crate) user_company: Option<Cow<'a, str>>,
}

impl User<'_> {
    /// The rule that every user keeps, in whatever encoding it came.
    pub(crate) fn validate(&self) -> Result<(), Refusal> {
        if self.user_id.is_none() && self.email.is_none() && self.username.is_none() {
            return Err(Refusal::NoIdentity);
        }
        Ok(())
    }

    /// Fills gender_branch, business_email and user_company from the other fields.
    pub(crate) fn enrich(&mut self) {
        let gender = GenderBranch::of(self.gender.as_deref());
        self.gender_branch = Some(Cow::Borrowed(gender.as_str()));
        let mut text = String::new();
        if enrich::write_business_email(self.email.as_deref(), gender, &mut text) {
            self.business_email = Some(Cow::Owned(std::mem::take(&mut text)));
        }
        if enrich::write_user_company(self.username.as_deref(), &mut text) {
            self.user_company = Some(Cow::Owned(text));
        }
    }
}

/// Counts, by field, the values that were neither a date nor a finite coordinate and so became absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unparsable(pub(crate) Vec<(&'static str, u64)>);

impl Unparsable {
    fn count(&mut self, field: &'static str) {
        match self.0.iter_mut().find(|(name, _)| *name == field) {
            Some((_, count)) => *count += 1,
            None => self.0.push((field, 1)),
        }
    }

    /// RFC 3339, or `YYYY-MM-DD` as that day's first instant.
    pub(crate) fn instant(&mut self, field: &'static str, text: Option<Cow<'_, str>>) -> Option<i64> {
        let text = text?;
        let instant = rfc3339_utc(text.as_bytes())
            .or_else(|| DateTime::parse_from_rfc3339(&text).ok().map(|date| date.timestamp_micros()))
            .or_else(|| day(&text));
        if instant.is_none() {
            self.count(field);
        }
        instant
    }

    /// A finite number, surrounding white space aside.
    pub(crate) fn coordinate(&mut self, field: &'static str, text: Option<Cow<'_, str>>) -> Option<f64> {
        let number = text?.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            self.count(field);
        }
        number
    }
}

/// The one form that the API writes, `2008-10-11T15:18:15.540Z`, several times faster than chrono; `None` for any
/// other, valid or not.
fn rfc3339_utc(text: &[u8]) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| {
        text[range].iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if text.len() != 24 || separators.iter().any(|&(at, separator)| text[at] != separator) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(digits(0..4)?.try_into().ok()?, digits(5..7)?, digits(8..10)?)?;
    let (hour, minute, second) = (digits(11..13)?, digits(14..16)?, digits(17..19)?);
    // A leap second is left to chrono.
    let time = date.and_hms_milli_opt(hour, minute, second, digits(20..23)?)?;
    Some(time.and_utc().timestamp_micros())
}

fn day(text: &str) -> Option<i64> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let date = plain.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())??;
    Some(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Option<i64> {
        Unparsable::default().instant("dob", Some(text.into()))
    }

    #[test]
    fn dates_are_rfc3339_or_days() {
        assert_eq!(instant("1970-01-01T00:00:01.500Z"), Some(1_500_000));
        assert_eq!(instant("1969-12-31T23:59:59.9999999Z"), Some(-1));
        assert_eq!(instant("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(instant("1970-01-02"), Some(86_400_000_000));
        for wrong in
            ["", "1970", "1970-1-2", "1970-02-30", "+970-01-01", "1970-01-01T00:00:00", " 1970-01-01", "soon"]
        {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn coordinates_are_finite() {
        let mut unparsable = Unparsable::default();
        assert_eq!(unparsable.coordinate("latitude", Some(" -13.5\u{a0}".into())), Some(-13.5));
        for wrong in ["NaN", "inf", "1e999", "12,5", "north"] {
            assert_eq!(unparsable.coordinate("latitude", Some(wrong.into())), None, "{wrong}");
        }
        assert_eq!(unparsable.0, [("latitude", 5)]);
    }

    proptest::proptest! {
        #[test]
        fn the_fast_form_agrees_with_chrono(text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}Z") {
            let chrono = DateTime::parse_from_rfc3339(&text).ok().map(|date| date.timestamp_micros());
            if let Some(fast) = rfc3339_utc(text.as_bytes()) {
                proptest::prop_assert_eq!(Some(fast), chrono);
            }
        }
    }
}
