//! One value of an answer, freed of the engine's types.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StructArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalUnit, IntervalYearMonthType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// A value as people and other programs write it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// Of any width.
    Int(i128),
    /// 64 bits.
    Float(f64),
    /// A 32-bit float apart from [`Cell::Float`]: its shortest text is another.
    Float32(f32),
    /// A number with a fixed count of digits behind the point.
    Decimal(String),
    /// A text.
    Text(String),
    /// ISO 8601: `2026-01-31`, `2026-01-31T10:11:12.345Z`, `10:11:12`; a length of time as `P1DT2H`.
    Temporal(String),
    /// Values of one type.
    List(Vec<Cell>),
    /// Named values.
    Struct(Vec<(String, Cell)>),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Cell {
    /// The value of a row.
    pub(crate) fn of(column: &ArrayRef, row: usize) -> Self {
        if column.is_null(row) {
            return Self::Null;
        }
        macro_rules! int {
            ($kind:ty) => {
                Self::Int(i128::from(column.as_primitive::<$kind>().value(row)))
            };
        }
        macro_rules! value {
            ($kind:ty) => {
                column.as_primitive::<$kind>().value(row)
            };
        }
        match column.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(column.as_boolean().value(row)),
            DataType::Int8 => int!(Int8Type),
            DataType::Int16 => int!(Int16Type),
            DataType::Int32 => int!(Int32Type),
            DataType::Int64 => int!(Int64Type),
            DataType::UInt8 => int!(UInt8Type),
            DataType::UInt16 => int!(UInt16Type),
            DataType::UInt32 => int!(UInt32Type),
            DataType::UInt64 => int!(UInt64Type),
            DataType::Float16 => Self::Float32(value!(Float16Type).to_f32()),
            DataType::Float32 => Self::Float32(value!(Float32Type)),
            DataType::Float64 => Self::Float(value!(Float64Type)),
            DataType::Decimal128(..) => {
                Self::Decimal(column.as_primitive::<Decimal128Type>().value_as_string(row))
            }
            DataType::Decimal256(..) => {
                Self::Decimal(column.as_primitive::<Decimal256Type>().value_as_string(row))
            }
            DataType::Utf8 => Self::Text(column.as_string::<i32>().value(row).to_owned()),
            DataType::LargeUtf8 => Self::Text(column.as_string::<i64>().value(row).to_owned()),
            DataType::Utf8View => Self::Text(column.as_string_view().value(row).to_owned()),
            DataType::Binary => Self::Binary(column.as_binary::<i32>().value(row).to_vec()),
            DataType::LargeBinary => Self::Binary(column.as_binary::<i64>().value(row).to_vec()),
            DataType::BinaryView => Self::Binary(column.as_binary_view().value(row).to_vec()),
            DataType::Date32 => Self::Temporal(date(i64::from(value!(Date32Type)))),
            DataType::Date64 => Self::Temporal(date(value!(Date64Type).div_euclid(86_400_000))),
            DataType::Timestamp(unit, zone) => {
                let mut text = match unit {
                    TimeUnit::Second => timestamp(value!(TimestampSecondType), *unit),
                    TimeUnit::Millisecond => timestamp(value!(TimestampMillisecondType), *unit),
                    TimeUnit::Microsecond => timestamp(value!(TimestampMicrosecondType), *unit),
                    TimeUnit::Nanosecond => timestamp(value!(TimestampNanosecondType), *unit),
                };
                // A clock's time, of whatever zone.
                if zone.is_none() && text.ends_with('Z') {
                    text.pop();
                }
                Self::Temporal(text)
            }
            DataType::Time32(TimeUnit::Second) => {
                Self::Temporal(time(i64::from(value!(Time32SecondType)), 1_000_000_000))
            }
            DataType::Time32(_) => Self::Temporal(time(i64::from(value!(Time32MillisecondType)), 1_000_000)),
            DataType::Time64(TimeUnit::Microsecond) => {
                Self::Temporal(time(value!(Time64MicrosecondType), 1_000))
            }
            DataType::Time64(_) => Self::Temporal(time(value!(Time64NanosecondType), 1)),
            DataType::Duration(unit) => Self::Temporal(match unit {
                TimeUnit::Second => duration(value!(DurationSecondType), *unit),
                TimeUnit::Millisecond => duration(value!(DurationMillisecondType), *unit),
                TimeUnit::Microsecond => duration(value!(DurationMicrosecondType), *unit),
                TimeUnit::Nanosecond => duration(value!(DurationNanosecondType), *unit),
            }),
            DataType::Interval(IntervalUnit::YearMonth) => {
                Self::Temporal(interval(value!(IntervalYearMonthType), 0, 0))
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                let value = value!(IntervalDayTimeType);
                Self::Temporal(interval(0, value.days, i64::from(value.milliseconds) * 1_000_000))
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let value = value!(IntervalMonthDayNanoType);
                Self::Temporal(interval(value.months, value.days, value.nanoseconds))
            }
            DataType::List(_) => Self::List(list(&column.as_list::<i32>().value(row))),
            DataType::LargeList(_) => Self::List(list(&column.as_list::<i64>().value(row))),
            DataType::FixedSizeList(..) => Self::List(list(&column.as_fixed_size_list().value(row))),
            DataType::Struct(_) => structure(column.as_struct(), row),
            DataType::Dictionary(..) => {
                let dictionary = column.as_any_dictionary();
                Self::of(dictionary.values(), dictionary.normalized_keys()[row])
            }
            // What a later engine adds: Arrow's own text is right, if not typed.
            _ => match ArrayFormatter::try_new(column, &FormatOptions::default()) {
                Ok(formatter) => Self::Text(formatter.value(row).to_string()),
                Err(error) => Self::Text(error.to_string()),
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
            // As past 64 bits: more than 15 digits are no JSON reader's number.
            Self::Decimal(text) if text.bytes().filter(u8::is_ascii_digit).count() <= 15 => {
                text.parse::<f64>().map_or_else(|_| Value::String(text.clone()), Value::from)
            }
            Self::Text(text) | Self::Temporal(text) | Self::Decimal(text) => Value::String(text.clone()),
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
            Self::Text(text) | Self::Temporal(text) | Self::Decimal(text) => text.clone(),
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
        matches!(self, Self::Int(_) | Self::Float(_) | Self::Float32(_) | Self::Decimal(_))
    }
}

fn list(values: &ArrayRef) -> Vec<Cell> {
    (0..values.len()).map(|row| Cell::of(values, row)).collect()
}

fn structure(values: &StructArray, row: usize) -> Cell {
    let named = values.fields().iter().zip(values.columns());
    Cell::Struct(named.map(|(field, column)| (field.name().clone(), Cell::of(column, row))).collect())
}

fn date(days: i64) -> String {
    let date = TimeDelta::try_days(days).and_then(|days| NaiveDate::default().checked_add_signed(days));
    date.map_or_else(|| format!("{days} days after 1970-01-01"), |date| date.to_string())
}

fn timestamp(instant: i64, unit: TimeUnit) -> String {
    let instant_of = match unit {
        TimeUnit::Second => DateTime::from_timestamp(instant, 0),
        TimeUnit::Nanosecond => Some(DateTime::from_timestamp_nanos(instant)),
        TimeUnit::Microsecond => DateTime::from_timestamp_micros(instant),
        TimeUnit::Millisecond => DateTime::from_timestamp_millis(instant),
    };
    match instant_of {
        Some(instant) => instant.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{instant} {unit:?}s after 1970-01-01"),
    }
}

fn time(value: i64, nanoseconds_of_one: i64) -> String {
    let per_second = 1_000_000_000 / nanoseconds_of_one;
    let (seconds, rest) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let rest = u32::try_from(rest * nanoseconds_of_one).ok();
    let seconds = u32::try_from(seconds).ok();
    seconds
        .zip(rest)
        .and_then(|(seconds, rest)| chrono::NaiveTime::from_num_seconds_from_midnight_opt(seconds, rest))
        .map_or_else(|| format!("{seconds:?} s after midnight"), |time| time.to_string())
}

fn duration(length: i64, unit: TimeUnit) -> String {
    let length = match unit {
        TimeUnit::Second => TimeDelta::try_seconds(length).unwrap_or(TimeDelta::MAX),
        TimeUnit::Nanosecond => TimeDelta::nanoseconds(length),
        TimeUnit::Microsecond => TimeDelta::microseconds(length),
        TimeUnit::Millisecond => TimeDelta::try_milliseconds(length).unwrap_or(TimeDelta::MAX),
    };
    let (days, rest) = (length.num_days(), length - TimeDelta::days(length.num_days()));
    match (days, rest.is_zero()) {
        (0, _) => rest.to_string(),
        (_, true) => format!("P{days}D"),
        // Both parts have the sign of the whole.
        _ => format!("P{days}D{}", rest.abs().to_string().trim_start_matches('P')),
    }
}

/// Months, days and time apart, as they are no fixed lengths of one another.
fn interval(months: i32, days: i32, nanoseconds: i64) -> String {
    let mut text = "P".to_owned();
    for (part, unit) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if part != 0 {
            text.push_str(&format!("{part}{unit}"));
        }
    }
    if nanoseconds != 0 {
        let sign = if nanoseconds < 0 { "-" } else { "" };
        let length = nanoseconds.unsigned_abs();
        let (seconds, rest) = (length / 1_000_000_000, length % 1_000_000_000);
        text.push('T');
        for (part, unit) in [(seconds / 3600, 'H'), (seconds % 3600 / 60, 'M')] {
            if part != 0 {
                text.push_str(&format!("{sign}{part}{unit}"));
            }
        }
        let seconds = seconds % 60;
        match rest {
            0 if seconds == 0 => {}
            0 => text.push_str(&format!("{sign}{seconds}S")),
            _ => text.push_str(&format!("{sign}{seconds}.{}S", format!("{rest:09}").trim_end_matches('0'))),
        }
    }
    if text == "P" { "PT0S".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        Date32Array, Decimal128Array, DurationMillisecondArray, Float32Array, Float64Array, ListArray,
        NullArray, StringArray, Time64NanosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
        UInt64Array,
    };

    use super::*;

    fn cell(values: impl Array + 'static) -> Cell {
        Cell::of(&(Arc::new(values) as ArrayRef), 0)
    }

    fn text(values: impl Array + 'static) -> String {
        cell(values).to_text().unwrap_or_else(|| "none".to_owned())
    }

    #[test]
    fn times_are_iso_8601() {
        assert_eq!(text(Date32Array::from(vec![20_484])), "2026-01-31");
        assert_eq!(text(Date32Array::from(vec![-1])), "1969-12-31");
        assert_eq!(text(TimestampMicrosecondArray::from(vec![1])), "1970-01-01T00:00:00.000001");
        let instant = TimestampMillisecondArray::from(vec![-1_000]).with_timezone("UTC");
        assert_eq!(text(instant), "1969-12-31T23:59:59Z");
        assert!(text(TimestampMillisecondArray::from(vec![i64::MAX])).contains("after"));
        assert_eq!(text(Time64NanosecondArray::from(vec![36_672_000_000_000])), "10:11:12");
        assert_eq!(text(DurationMillisecondArray::from(vec![86_400_000 * 3])), "P3D");
        assert_eq!(text(DurationMillisecondArray::from(vec![86_401_000])), "P1DT1S");
        assert_eq!(text(Date32Array::from(vec![i32::MAX])), "2147483647 days after 1970-01-01");
        assert_eq!(interval(14, 3, 3_723_500_000_000), "P1Y2M3DT1H2M3.5S");
        assert_eq!(interval(0, 0, 0), "PT0S");
        assert_eq!(interval(0, -1, -90_000_000_000), "P-1DT-1M-30S");
    }

    #[test]
    fn numbers_keep_their_shortest_text() {
        assert_eq!(text(Float64Array::from(vec![0.1])), "0.1");
        assert_eq!(text(Float64Array::from(vec![100.0])), "100.0");
        assert_eq!(text(Float32Array::from(vec![0.1])), "0.1");
        assert_eq!(text(UInt64Array::from(vec![u64::MAX])), "18446744073709551615");
        assert_eq!(cell(Float64Array::from(vec![f64::NAN])).to_json(), serde_json::Value::Null);
        assert_eq!(cell(Float32Array::from(vec![0.1])).to_json().to_string(), "0.1");
        let decimal = |value, digits, scale| {
            Decimal128Array::from(vec![value]).with_precision_and_scale(digits, scale).unwrap()
        };
        assert_eq!(cell(decimal(1250, 10, 3)).to_json().to_string(), "1.25");
        assert_eq!(text(decimal(1250, 10, 3)), "1.250");
        let long = decimal(12_345_678_901_234_567_890, 38, 2);
        assert_eq!(cell(long).to_json().to_string(), "\"123456789012345678.90\"");
    }

    #[test]
    fn null_is_apart_from_the_empty_text_and_lists_are_json() {
        assert_eq!(cell(NullArray::new(1)).to_text(), None);
        assert_eq!(text(StringArray::from(vec![""])), "");
        let mut issues =
            datafusion::arrow::array::ListBuilder::new(datafusion::arrow::array::StringBuilder::new());
        issues.append_value([Some("missing_id"), None]);
        let issues: ListArray = issues.finish();
        assert_eq!(text(issues), r#"["missing_id",null]"#);
    }
}
