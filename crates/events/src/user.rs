//! A user between its encodings: what JSON or Protobuf said, borrowed from it.

use std::borrow::Cow;
use std::ops::{Index, IndexMut};

use crate::decode_error::DecodeError;
use crate::enrich::{self, GenderBranch};
use crate::timestamp;

/// The texts among UserCreated's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    UserId,
    Title,
    FirstName,
    LastName,
    Gender,
    StreetNumber,
    StreetName,
    City,
    State,
    Country,
    CountryCode,
    Postcode,
    TimezoneOffset,
    TimezoneDescription,
    Email,
    Username,
    Phone,
    Cell,
    NationalIdName,
    NationalIdValue,
    PictureUrl,
    Source,
    SourceSeed,
    GenderBranch,
    BusinessEmail,
    UserCompany,
}

/// How many kinds of [`Text`] there are.
pub(crate) const TEXTS: usize = 26;

/// A field of UserCreated, by how it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Text(Text),
    Latitude,
    Longitude,
    Dob,
    RegisteredAt,
    FetchedAt,
    SourcePage,
}

/// UserCreated's fields; each stands at its number less one, as the .proto file and the raw table have them. Tests hold
/// this against both.
pub(crate) const FIELDS: [Field; 32] = [
    Field::Text(Text::UserId),
    Field::Text(Text::Title),
    Field::Text(Text::FirstName),
    Field::Text(Text::LastName),
    Field::Text(Text::Gender),
    Field::Text(Text::StreetNumber),
    Field::Text(Text::StreetName),
    Field::Text(Text::City),
    Field::Text(Text::State),
    Field::Text(Text::Country),
    Field::Text(Text::CountryCode),
    Field::Text(Text::Postcode),
    Field::Latitude,
    Field::Longitude,
    Field::Text(Text::TimezoneOffset),
    Field::Text(Text::TimezoneDescription),
    Field::Text(Text::Email),
    Field::Text(Text::Username),
    Field::Dob,
    Field::RegisteredAt,
    Field::Text(Text::Phone),
    Field::Text(Text::Cell),
    Field::Text(Text::NationalIdName),
    Field::Text(Text::NationalIdValue),
    Field::Text(Text::PictureUrl),
    Field::FetchedAt,
    Field::Text(Text::Source),
    Field::Text(Text::SourceSeed),
    Field::SourcePage,
    Field::Text(Text::GenderBranch),
    Field::Text(Text::BusinessEmail),
    Field::Text(Text::UserCompany),
];

impl Field {
    /// Its number in Protobuf.
    pub(crate) const fn number(self) -> u32 {
        let mut at = 0;
        while at < FIELDS.len() {
            match (self, FIELDS[at]) {
                (Self::Text(text), Self::Text(other)) if text as usize == other as usize => break,
                (Self::Latitude, Self::Latitude)
                | (Self::Longitude, Self::Longitude)
                | (Self::Dob, Self::Dob)
                | (Self::RegisteredAt, Self::RegisteredAt)
                | (Self::FetchedAt, Self::FetchedAt)
                | (Self::SourcePage, Self::SourcePage) => break,
                _ => at += 1,
            }
        }
        at as u32 + 1
    }
}

impl Text {
    /// Its field's number in Protobuf.
    #[inline]
    pub(crate) const fn number(self) -> u32 {
        NUMBERS[self as usize]
    }
}

/// The numbers of the texts' fields.
const NUMBERS: [u32; TEXTS] = {
    let mut numbers = [0; TEXTS];
    let mut at = 0;
    while at < FIELDS.len() {
        if let Field::Text(text) = FIELDS[at] {
            numbers[text as usize] = at as u32 + 1;
        }
        at += 1;
    }
    numbers
};

/// The fields that are no texts. Instants are microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Numbers {
    pub(crate) latitude: Option<f64>,
    pub(crate) longitude: Option<f64>,
    pub(crate) dob: Option<i64>,
    pub(crate) registered_at: Option<i64>,
    pub(crate) fetched_at: Option<i64>,
    pub(crate) source_page: Option<i32>,
}

/// UserCreated's fields, borrowed from what they were read from. Absent is `None`, never an empty text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct User<'a> {
    pub(crate) texts: [Option<Cow<'a, str>>; TEXTS],
    pub(crate) numbers: Numbers,
}

impl<'a> Index<Text> for User<'a> {
    type Output = Option<Cow<'a, str>>;

    fn index(&self, text: Text) -> &Self::Output {
        &self.texts[text as usize]
    }
}

impl IndexMut<Text> for User<'_> {
    fn index_mut(&mut self, text: Text) -> &mut Self::Output {
        &mut self.texts[text as usize]
    }
}

impl User<'_> {
    /// The rule that every user keeps, in whatever encoding it came: somebody can be told by it.
    pub(crate) fn validate(&self) -> Result<(), DecodeError> {
        if [Text::UserId, Text::Email, Text::Username].into_iter().any(|text| self[text].is_some()) {
            Ok(())
        } else {
            Err(DecodeError::NoIdentity)
        }
    }

    /// Fills gender_branch, business_email and user_company from the other fields.
    pub(crate) fn enrich(&mut self) {
        let gender = GenderBranch::of(self[Text::Gender].as_deref());
        self[Text::GenderBranch] = Some(Cow::Borrowed(gender.as_str()));
        let mut text = String::new();
        if enrich::write_business_email(self[Text::Email].as_deref(), gender, &mut text) {
            self[Text::BusinessEmail] = Some(Cow::Owned(std::mem::take(&mut text)));
        }
        if enrich::write_user_company(self[Text::Username].as_deref(), &mut text) {
            self[Text::UserCompany] = Some(Cow::Owned(text));
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

    /// See [`instant`].
    pub(crate) fn instant(&mut self, field: &'static str, text: Option<Cow<'_, str>>) -> Option<i64> {
        let instant = instant(&text?);
        if instant.is_none() {
            self.count(field);
        }
        instant
    }

    /// See [`coordinate`].
    pub(crate) fn coordinate(&mut self, field: &'static str, text: Option<Cow<'_, str>>) -> Option<f64> {
        let number = coordinate(&text?);
        if number.is_none() {
            self.count(field);
        }
        number
    }
}

/// RFC 3339, or `YYYY-MM-DD` as that day's first instant.
pub(crate) fn instant(text: &str) -> Option<i64> {
    timestamp::of_rfc3339(text).or_else(|| timestamp::of_day(text))
}

/// A finite number, surrounding white space aside.
pub(crate) fn coordinate(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
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
        for wrong in [
            "",
            "1970",
            "1970-1-2",
            "1970-02-30",
            "+970-01-01",
            "-123-01-01",
            "1970-01-01T00:00:00",
            " 1970-01-01",
            "soon",
        ] {
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
}
