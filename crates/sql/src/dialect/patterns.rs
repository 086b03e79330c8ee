//! `to_char`, `to_date` and `to_timestamp` with PostgreSQL's patterns. DataFusion's own take others.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, StringArray, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{DataFusionError, Result};
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// `to_timestamp` of two arguments; that of one is DataFusion's.
pub(super) const READ_TIMESTAMP: &str = "to_timestamp_by_pattern";

const MICROS: TimeUnit = TimeUnit::Microsecond;

/// What is done with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    Write,
    ReadDate,
    ReadTimestamp,
}

/// A function of a value and a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ByPattern {
    name: &'static str,
    task: Task,
    signature: Signature,
}

impl ByPattern {
    pub(super) fn all() -> [Self; 3] {
        [("to_char", Task::Write), ("to_date", Task::ReadDate), (READ_TIMESTAMP, Task::ReadTimestamp)]
            .map(|(name, task)| Self { name, task, signature: Signature::any(2, Volatility::Immutable) })
    }
}

impl ScalarUDFImpl for ByPattern {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let is_text = |kind: &DataType| {
            matches!(kind, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
        };
        match (self.task, &arguments[0]) {
            (Task::Write, DataType::Date32 | DataType::Timestamp(..) | DataType::Null) => {
                Ok(DataType::Utf8View)
            }
            (Task::Write, _) => Err(DataFusionError::Plan(
                "to_char writes dates and timestamps alone: ROUND a number, or CAST it to VARCHAR".to_owned(),
            )),
            (Task::ReadDate, kind) if is_text(kind) => Ok(DataType::Date32),
            (Task::ReadTimestamp, kind) if is_text(kind) => {
                Ok(DataType::Timestamp(MICROS, Some("UTC".into())))
            }
            _ => Err(DataFusionError::Plan(format!("{} reads texts: CAST the value instead", self.name))),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let pattern = match &arguments.args[1] {
            ColumnarValue::Scalar(pattern) => pattern.try_as_str().flatten().map(parse).transpose()?,
            ColumnarValue::Array(_) => {
                return Err(DataFusionError::Plan(format!("{} takes one pattern, as a literal", self.name)));
            }
        };
        let done = |values: &[ArrayRef]| self.task.done(&values[0], pattern.as_deref());
        make_scalar_function(done, Vec::new())(&arguments.args[..1])
    }
}

impl Task {
    fn done(self, values: &ArrayRef, pattern: Option<&[Piece]>) -> Result<ArrayRef> {
        Ok(match (self, pattern) {
            (Self::Write, None) => Arc::new(StringViewArray::new_null(values.len())),
            (Self::Write, Some(pattern)) => write(values, pattern)?,
            (Self::ReadDate, pattern) => {
                let read = read(values, pattern)?.into_iter();
                let days = read.map(|instant| instant.map(|instant| instant.date().to_epoch_days()));
                Arc::new(days.collect::<Date32Array>())
            }
            (Self::ReadTimestamp, pattern) => {
                let read = read(values, pattern)?.into_iter();
                let micros = read.map(|instant| instant.map(|instant| instant.and_utc().timestamp_micros()));
                Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
        })
    }
}

fn write(values: &ArrayRef, pattern: &[Piece]) -> Result<ArrayRef> {
    let instants = cast(values, &DataType::Timestamp(MICROS, None))?;
    let instants = instants.as_primitive::<TimestampMicrosecondType>();
    let texts = instants.iter().map(|instant| {
        let instant = DateTime::from_timestamp_micros(instant?)?.naive_utc();
        Some(pattern.iter().map(|piece| piece.write(instant)).collect::<String>())
    });
    Ok(Arc::new(texts.collect::<StringViewArray>()))
}

fn read(values: &ArrayRef, pattern: Option<&[Piece]>) -> Result<Vec<Option<NaiveDateTime>>> {
    let texts = cast(values, &DataType::Utf8)?;
    let texts: &StringArray = texts.as_string::<i32>();
    let Some(pattern) = pattern else { return Ok(vec![None; texts.len()]) };
    let unfit = || DataFusionError::Execution("a text cannot be cast by its pattern to timestamp".to_owned());
    texts.iter().map(|text| text.map(|text| instant(text, pattern).ok_or_else(unfit)).transpose()).collect()
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// A field, and whether blanks and zeros before it are left out.
    Field(Field, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    YearOfCentury,
    IsoYear,
    Quarter,
    Month,
    MonthName(Case),
    MonthShort(Case),
    Day,
    DayOfYear,
    DayName(Case),
    DayShort(Case),
    DayOfWeek,
    IsoDayOfWeek,
    IsoWeek,
    Hour,
    Hour12,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    HalfOfDay(Case),
    Zone(Case),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Upper,
    Capital,
    Lower,
}

/// Longer ones before those that they begin with.
const FIELDS: [(&str, Field); 39] = [
    ("IYYY", Field::IsoYear),
    ("YYYY", Field::Year),
    ("YY", Field::YearOfCentury),
    ("Q", Field::Quarter),
    ("MONTH", Field::MonthName(Case::Upper)),
    ("Month", Field::MonthName(Case::Capital)),
    ("month", Field::MonthName(Case::Lower)),
    ("MON", Field::MonthShort(Case::Upper)),
    ("Mon", Field::MonthShort(Case::Capital)),
    ("mon", Field::MonthShort(Case::Lower)),
    ("MM", Field::Month),
    ("MI", Field::Minute),
    ("MS", Field::Millisecond),
    ("DDD", Field::DayOfYear),
    ("DD", Field::Day),
    ("DAY", Field::DayName(Case::Upper)),
    ("Day", Field::DayName(Case::Capital)),
    ("day", Field::DayName(Case::Lower)),
    ("DY", Field::DayShort(Case::Upper)),
    ("Dy", Field::DayShort(Case::Capital)),
    ("dy", Field::DayShort(Case::Lower)),
    ("D", Field::DayOfWeek),
    ("IW", Field::IsoWeek),
    ("ID", Field::IsoDayOfWeek),
    ("HH24", Field::Hour),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("SS", Field::Second),
    ("US", Field::Microsecond),
    ("FF3", Field::Millisecond),
    ("FF6", Field::Microsecond),
    ("AM", Field::HalfOfDay(Case::Upper)),
    ("PM", Field::HalfOfDay(Case::Upper)),
    ("am", Field::HalfOfDay(Case::Lower)),
    ("pm", Field::HalfOfDay(Case::Lower)),
    ("TZ", Field::Zone(Case::Upper)),
    ("tz", Field::Zone(Case::Lower)),
    ("yyyy", Field::Year),
    ("dd", Field::Day),
];

fn parse(pattern: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, behind) = quoted.split_once('"').unwrap_or((quoted, ""));
            pieces.push(Piece::Literal(text.to_owned()));
            rest = behind;
            continue;
        }
        let (is_bare, from) = match rest.strip_prefix("FM") {
            Some(from) => (true, from),
            None => (false, rest),
        };
        let named = |(text, _): &&(&str, Field)| {
            // Numbers have one form in any case.
            let cased = text.chars().any(|letter| letter.is_lowercase());
            from.starts_with(text) || (!cased && !is_named(text) && starts_with_any_case(from, text))
        };
        if let Some((text, field)) = FIELDS.iter().find(named) {
            pieces.push(Piece::Field(*field, is_bare));
            rest = &from[text.len()..];
        } else if first.is_alphabetic() {
            let word: String = rest.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            return Err(DataFusionError::Plan(format!(
                "the pattern has {word:?}, which is not known here: quote it where it is a text"
            )));
        } else {
            pieces.push(Piece::Literal(first.to_string()));
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(pieces)
}

/// Whether the case of a field is that of its text.
fn is_named(text: &str) -> bool {
    matches!(text, "MONTH" | "MON" | "DAY" | "DY" | "AM" | "PM" | "TZ")
}

fn starts_with_any_case(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with))
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn cased(text: &str, case: Case) -> String {
    match case {
        Case::Upper => text.to_uppercase(),
        Case::Capital => text.to_owned(),
        Case::Lower => text.to_lowercase(),
    }
}

impl Piece {
    fn write(&self, at: NaiveDateTime) -> String {
        let (field, is_bare) = match self {
            Self::Literal(text) => return text.clone(),
            Self::Field(field, is_bare) => (*field, *is_bare),
        };
        let digits = |value: i64, width: usize| {
            if is_bare { value.to_string() } else { format!("{value:0width$}") }
        };
        // PostgreSQL pads names to the longest one's width.
        let name = |text: String| if is_bare { text } else { format!("{text:<9}") };
        let month = MONTHS[at.month0() as usize];
        let weekday = DAYS[at.weekday().num_days_from_sunday() as usize];
        match field {
            Field::Year => digits(at.year().into(), 4),
            Field::YearOfCentury => digits(i64::from(at.year()).rem_euclid(100), 2),
            Field::IsoYear => digits(at.iso_week().year().into(), 4),
            Field::Quarter => (at.month0() / 3 + 1).to_string(),
            Field::Month => digits(at.month().into(), 2),
            Field::MonthName(case) => name(cased(month, case)),
            Field::MonthShort(case) => cased(&month[..3], case),
            Field::Day => digits(at.day().into(), 2),
            Field::DayOfYear => digits(at.ordinal().into(), 3),
            Field::DayName(case) => name(cased(weekday, case)),
            Field::DayShort(case) => cased(&weekday[..3], case),
            Field::DayOfWeek => (at.weekday().num_days_from_sunday() + 1).to_string(),
            Field::IsoDayOfWeek => at.weekday().number_from_monday().to_string(),
            Field::IsoWeek => digits(at.iso_week().week().into(), 2),
            Field::Hour => digits(at.hour().into(), 2),
            Field::Hour12 => digits(at.hour12().1.into(), 2),
            Field::Minute => digits(at.minute().into(), 2),
            Field::Second => digits(at.second().into(), 2),
            Field::Millisecond => digits((at.nanosecond() / 1_000_000).into(), 3),
            Field::Microsecond => digits((at.nanosecond() / 1_000).into(), 6),
            Field::HalfOfDay(case) => cased(if at.hour12().0 { "PM" } else { "AM" }, case),
            Field::Zone(case) => cased("UTC", case),
        }
    }
}

/// Reads a text; what a pattern leaves out is the first of its kind.
fn instant(text: &str, pattern: &[Piece]) -> Option<NaiveDateTime> {
    let (mut year, mut month, mut day, mut day_of_year) = (1_i32, 1_u32, 1_u32, None);
    let (mut hour, mut minute, mut second, mut nanos, mut afternoon) = (0_u32, 0_u32, 0_u32, 0_u32, None);
    let mut rest = text.trim_start();
    for piece in pattern {
        let Piece::Field(field, _) = piece else {
            // Any one character stands for a separator, and blanks may be more.
            if rest.chars().next().is_some_and(|next| !next.is_alphanumeric()) {
                rest = rest.trim_start_matches(|next: char| next.is_whitespace());
                rest = rest.strip_prefix(|next: char| !next.is_alphanumeric()).unwrap_or(rest);
            }
            continue;
        };
        let mut digits = |width: usize| -> Option<u32> {
            let end = rest.bytes().take(width).take_while(u8::is_ascii_digit).count();
            let (number, behind) = rest.split_at(end);
            rest = behind;
            number.parse().ok()
        };
        match field {
            Field::Year => year = i32::try_from(digits(4)?).ok()?,
            Field::YearOfCentury => {
                let short = i32::try_from(digits(2)?).ok()?;
                year = if short < 70 { 2000 + short } else { 1900 + short };
            }
            Field::Month => month = digits(2)?,
            Field::Day => day = digits(2)?,
            Field::DayOfYear => day_of_year = Some(digits(3)?),
            Field::Hour | Field::Hour12 => hour = digits(2)?,
            Field::Minute => minute = digits(2)?,
            Field::Second => second = digits(2)?,
            Field::Millisecond => nanos = fraction(&mut rest, 3)?,
            Field::Microsecond => nanos = fraction(&mut rest, 6)?,
            Field::MonthName(_) | Field::MonthShort(_) => {
                let whole = matches!(field, Field::MonthName(_));
                let found = MONTHS
                    .iter()
                    .position(|name| starts_with_any_case(rest, if whole { name } else { &name[..3] }))?;
                rest = &rest[if whole { MONTHS[found].len() } else { 3 }..];
                month = found as u32 + 1;
            }
            Field::HalfOfDay(_) => {
                afternoon = Some(starts_with_any_case(rest, "PM"));
                rest = rest.get(2..)?;
            }
            // They say nothing that the others don't, and PostgreSQL passes over them or refuses them.
            _ => return None,
        }
    }
    if let Some(is_afternoon) = afternoon {
        hour = hour % 12 + if is_afternoon { 12 } else { 0 };
    }
    let date = match day_of_year {
        Some(day) => NaiveDate::from_yo_opt(year, day)?,
        None => NaiveDate::from_ymd_opt(year, month, day)?,
    };
    Some(date.and_time(NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?))
}

/// Digits of a second's fraction, as nanoseconds.
fn fraction(rest: &mut &str, width: usize) -> Option<u32> {
    let end = rest.bytes().take(width).take_while(u8::is_ascii_digit).count();
    let (number, behind) = rest.split_at(end);
    *rest = behind;
    let value: u32 = number.parse().ok()?;
    Some(value * 10_u32.pow(9 - end as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 1, 5).unwrap().and_hms_micro_opt(14, 3, 9, 45_600).unwrap()
    }

    fn written(pattern: &str) -> String {
        parse(pattern).unwrap().iter().map(|piece| piece.write(at())).collect()
    }

    #[test]
    fn patterns_are_written_as_postgresql_does() {
        // What `psql -c "SELECT to_char(TIMESTAMP '2026-01-05 14:03:09.0456', '…')"` of PostgreSQL 15 answers.
        for (pattern, expected) in [
            ("YYYY-MM-DD HH24:MI:SS", "2026-01-05 14:03:09"),
            ("yyyy-mm-dd hh24:mi:ss", "2026-01-05 14:03:09"),
            ("HH12:MI AM", "02:03 PM"),
            ("FMMonth FMDD, YYYY", "January 5, 2026"),
            ("Month|Day|", "January  |Monday   |"),
            ("DY dd MON yy", "MON 05 JAN 26"),
            ("IYYY-\"W\"IW-ID", "2026-W02-1"),
            ("Q DDD D", "1 005 2"),
            ("MS US", "045 045600"),
        ] {
            assert_eq!(written(pattern), expected, "{pattern}");
        }
        assert!(parse("YYYY J").unwrap_err().to_string().contains("\"J\""));
    }

    #[test]
    fn texts_are_read_by_their_patterns() {
        let read = |text: &str, pattern: &str| {
            instant(text, &parse(pattern).unwrap()).map(|instant| instant.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("2026-01-05", "YYYY-MM-DD"), some("2026-01-05 00:00:00"));
        assert_eq!(read("05 Mar 2026", "DD Mon YYYY"), some("2026-03-05 00:00:00"));
        assert_eq!(read("20260105", "YYYYMMDD"), some("2026-01-05 00:00:00"));
        assert_eq!(read("2026-01-05 02:03 PM", "YYYY-MM-DD HH12:MI AM"), some("2026-01-05 14:03:00"));
        assert_eq!(read("1.5", "SS.MS"), some("0001-01-01 00:00:01.500"));
        assert_eq!(read("2026-02-30", "YYYY-MM-DD"), None);
        assert_eq!(read("soon", "YYYY-MM-DD"), None);
    }
}
