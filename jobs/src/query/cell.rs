//! One value of an answer, freed of the engine's types.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};
use polars::prelude::{AnyValue, Series, TimeUnit};

/// A value as people and other programs write it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// A 32-bit float apart from [`Cell::Float`]: its shortest text is another.
    Float32(f32),
    Text(String),
    /// ISO 8601: `2026-01-31`, `2026-01-31T10:11:12.345Z`, `10:11:12`; a duration as `P1DT2H`.
    Temporal(String),
    List(Vec<Cell>),
    Struct(Vec<(String, Cell)>),
    Binary(Vec<u8>),
}

impl Cell {
    pub(super) fn of(value: &AnyValue<'_>) -> Self {
        match value {
            AnyValue::Null => Self::Null,
            AnyValue::Boolean(value) => Self::Bool(*value),
            AnyValue::String(text) => Self::Text((*text).to_owned()),
            AnyValue::StringOwned(text) => Self::Text(text.to_string()),
            AnyValue::Float32(value) => Self::Float32(*value),
            AnyValue::Float64(value) => Self::Float(*value),
            AnyValue::Date(days) => Self::Temporal(date(*days)),
            AnyValue::Datetime(instant, unit, _) => Self::Temporal(timestamp(*instant, *unit)),
            AnyValue::DatetimeOwned(instant, unit, _) => Self::Temporal(timestamp(*instant, *unit)),
            AnyValue::Duration(length, unit) => Self::Temporal(duration(*length, *unit)),
            AnyValue::Time(nanoseconds) => Self::Temporal(time(*nanoseconds)),
            AnyValue::List(values) | AnyValue::Array(values, _) => Self::List(list(values)),
            AnyValue::Binary(bytes) => Self::Binary(bytes.to_vec()),
            AnyValue::BinaryOwned(bytes) => Self::Binary(bytes.clone()),
            AnyValue::Struct(..) | AnyValue::StructOwned(_) => structure(value),
            other => match other.extract::<i128>() {
                Some(number) if other.is_integer() => Self::Int(number),
                // Decimals and what a later engine adds: its own text is right, if not typed.
                _ => Self::Text(other.to_string()),
            },
        }
    }

    /// The value as JSON; what JSON has no number for (NaN, infinity) is null, bytes are hexadecimal text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(number), _) => Value::from(number),
                (_, Ok(number)) => Value::from(number),
                // Past 64 bits JSON readers lose digits.
                _ => Value::String(value.to_string()),
            },
            Self::Float(value) => Value::from(*value),
            // Through its shortest text, so that 0.1 stays 0.1.
            Self::Float32(value) => value.to_string().parse::<f64>().map_or(Value::Null, Value::from),
            Self::Text(text) | Self::Temporal(text) => Value::String(text.clone()),
            Self::List(values) => Value::Array(values.iter().map(Self::to_json).collect()),
            Self::Struct(fields) => {
                Value::Object(fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
            }
            Self::Binary(bytes) => Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }

    /// The value as plain text, lists and structs as JSON; none for null.
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Text(text) | Self::Temporal(text) => text.clone(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) if !value.is_finite() => value.to_string(),
            // serde_json writes the shortest text that reads back as the same number.
            Self::Float32(value) => value.to_string(),
            other => match other.to_json() {
                serde_json::Value::String(text) => text,
                json => json.to_string(),
            },
        })
    }

    /// Right-aligned in a table.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_) | Self::Float32(_))
    }
}

fn list(values: &Series) -> Vec<Cell> {
    values.iter().map(|value| Cell::of(&value)).collect()
}

fn structure(value: &AnyValue<'_>) -> Cell {
    let AnyValue::StructOwned(row) = value.clone().into_static() else {
        return Cell::Text(value.to_string());
    };
    let (values, fields) = *row;
    let named = fields.iter().zip(&values).map(|(field, value)| (field.name().to_string(), Cell::of(value)));
    Cell::Struct(named.collect())
}

fn date(days: i32) -> String {
    NaiveDate::default()
        .checked_add_signed(TimeDelta::days(i64::from(days)))
        .map_or_else(|| format!("{days} days after 1970-01-01"), |date| date.to_string())
}

fn timestamp(instant: i64, unit: TimeUnit) -> String {
    let instant_of = match unit {
        TimeUnit::Nanoseconds => Some(DateTime::from_timestamp_nanos(instant)),
        TimeUnit::Microseconds => DateTime::from_timestamp_micros(instant),
        TimeUnit::Milliseconds => DateTime::from_timestamp_millis(instant),
    };
    match instant_of {
        Some(instant) => instant.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{instant} {unit:?} after 1970-01-01"),
    }
}

fn time(nanoseconds: i64) -> String {
    let (seconds, rest) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    u32::try_from(seconds)
        .ok()
        .and_then(|seconds| chrono::NaiveTime::from_num_seconds_from_midnight_opt(seconds, rest as u32))
        .map_or_else(|| format!("{nanoseconds} ns after midnight"), |time| time.to_string())
}

fn duration(length: i64, unit: TimeUnit) -> String {
    let length = match unit {
        TimeUnit::Nanoseconds => TimeDelta::nanoseconds(length),
        TimeUnit::Microseconds => TimeDelta::microseconds(length),
        TimeUnit::Milliseconds => TimeDelta::try_milliseconds(length).unwrap_or(TimeDelta::MAX),
    };
    let (days, rest) = (length.num_days(), length - TimeDelta::days(length.num_days()));
    match (days, rest.is_zero()) {
        (0, _) => rest.to_string(),
        (_, true) => format!("P{days}D"),
        // Both parts have the sign of the whole.
        _ => format!("P{days}D{}", rest.abs().to_string().trim_start_matches('P')),
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::NamedFrom;

    use super::*;

    fn text(value: AnyValue<'_>) -> String {
        Cell::of(&value).to_text().unwrap_or_else(|| "none".to_owned())
    }

    #[test]
    fn times_are_iso_8601() {
        assert_eq!(text(AnyValue::Date(20_484)), "2026-01-31");
        assert_eq!(text(AnyValue::Date(-1)), "1969-12-31");
        assert_eq!(text(AnyValue::Datetime(1, TimeUnit::Microseconds, None)), "1970-01-01T00:00:00.000001Z");
        assert_eq!(text(AnyValue::Datetime(-1_000, TimeUnit::Milliseconds, None)), "1969-12-31T23:59:59Z");
        assert!(text(AnyValue::Datetime(i64::MAX, TimeUnit::Milliseconds, None)).contains("after"));
        assert_eq!(text(AnyValue::Time(36_672_000_000_000)), "10:11:12");
        assert_eq!(text(AnyValue::Duration(86_400_000 * 3, TimeUnit::Milliseconds)), "P3D");
        assert_eq!(text(AnyValue::Duration(90_000_000_000, TimeUnit::Nanoseconds)), "PT90S");
        assert_eq!(text(AnyValue::Duration(86_401_000_000, TimeUnit::Microseconds)), "P1DT1S");
        assert_eq!(text(AnyValue::Date(i32::MAX)), "2147483647 days after 1970-01-01");
    }

    #[test]
    fn numbers_keep_their_shortest_text() {
        assert_eq!(text(AnyValue::Float64(0.1)), "0.1");
        assert_eq!(text(AnyValue::Float64(100.0)), "100.0");
        assert_eq!(text(AnyValue::Float32(0.1)), "0.1");
        assert_eq!(text(AnyValue::UInt64(u64::MAX)), "18446744073709551615");
        assert_eq!(Cell::of(&AnyValue::Float64(f64::NAN)).to_json(), serde_json::Value::Null);
        assert_eq!(Cell::of(&AnyValue::Float32(0.1)).to_json().to_string(), "0.1");
    }

    #[test]
    fn null_is_apart_from_the_empty_text_and_lists_are_json() {
        assert_eq!(Cell::of(&AnyValue::Null).to_text(), None);
        assert_eq!(Cell::of(&AnyValue::String("")).to_text(), Some(String::new()));
        let issues = Series::new("issues".into(), [Some("missing_id"), None]);
        assert_eq!(text(AnyValue::List(issues)), r#"["missing_id",null]"#);
    }
}
