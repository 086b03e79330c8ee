//! An answer's values for people and for machines. Snowflake writes dates as days and instants as seconds since 1970.

use chrono::{DateTime, Days, NaiveDate};
use serde_json::{Map, Value};

use crate::session::{ResultColumn, Rows};

impl Rows {
    /// Each row's values as texts; null is `None`.
    pub fn texts(&self) -> impl Iterator<Item = Vec<Option<String>>> {
        self.rows.iter().map(|row| {
            let values = row.iter().zip(&self.columns);
            values.map(|(value, column)| value.as_deref().map(|value| text(value, column))).collect()
        })
    }

    /// Each row as an object by its columns' names in lower case.
    pub fn objects(&self) -> impl Iterator<Item = Map<String, Value>> {
        self.rows.iter().map(|row| {
            let values = row.iter().zip(&self.columns);
            values
                .map(|(value, column)| {
                    let value = value.as_deref().map_or(Value::Null, |value| json(value, column));
                    (column.name.to_ascii_lowercase(), value)
                })
                .collect()
        })
    }
}

fn json(value: &str, column: &ResultColumn) -> Value {
    let text = || Value::String(text(value, column));
    match column.kind.as_str() {
        "boolean" => match truth(value) {
            Some(truth) => Value::Bool(truth),
            None => text(),
        },
        // A number that JSON's readers would round stays a text.
        "fixed" | "real" => match value.parse::<serde_json::Number>() {
            Ok(number) if column.kind == "real" || value.len() <= 15 => Value::Number(number),
            _ => text(),
        },
        "variant" | "array" | "object" => serde_json::from_str(value).unwrap_or_else(|_| text()),
        _ => text(),
    }
}

/// A value as a person writes it; one that is not of its type's form stays as it is.
fn text(value: &str, column: &ResultColumn) -> String {
    let known = match column.kind.as_str() {
        "boolean" => truth(value).map(|truth| truth.to_string()),
        "date" => day(value).map(|day| day.to_string()),
        "timestamp_ntz" => instant(value),
        "timestamp_ltz" => instant(value).map(|instant| instant + "Z"),
        // The second number is the zone; the first is the instant whatever the zone.
        "timestamp_tz" => value.split(' ').next().and_then(instant).map(|instant| instant + "Z"),
        _ => None,
    };
    known.unwrap_or_else(|| value.to_owned())
}

fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

fn day(value: &str) -> Option<NaiveDate> {
    let days: i64 = value.parse().ok()?;
    let epoch = NaiveDate::default();
    let distance = Days::new(days.unsigned_abs());
    if days < 0 { epoch.checked_sub_days(distance) } else { epoch.checked_add_days(distance) }
}

fn instant(value: &str) -> Option<String> {
    let (seconds, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = format!("{fraction:0<9}");
    let nanos: u32 = digits.get(..9)?.parse().ok()?;
    let whole: i64 = seconds.parse().ok()?;
    // Before 1970 the fraction counts downwards with its seconds.
    let instant = if seconds.starts_with('-') && nanos > 0 {
        DateTime::from_timestamp(whole - 1, 1_000_000_000 - nanos)
    } else {
        DateTime::from_timestamp(whole, nanos)
    };
    Some(instant?.format("%Y-%m-%d %H:%M:%S%.f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &str, value: &str) -> (String, Value) {
        let column = ResultColumn { name: "X".to_owned(), kind: kind.to_owned(), scale: 0 };
        (text(value, &column), json(value, &column))
    }

    #[test]
    fn dates_and_instants_are_told_as_such() {
        assert_eq!(told("date", "20454").0, "2026-01-01");
        assert_eq!(told("date", "-1").0, "1969-12-31");
        assert_eq!(told("timestamp_ntz", "1767225600.123456000").0, "2026-01-01 00:00:00.123456");
        assert_eq!(told("timestamp_tz", "1767225600.000000000 1440").0, "2026-01-01 00:00:00Z");
        assert_eq!(told("timestamp_ntz", "-0.500000000").0, "1969-12-31 23:59:59.500");
        assert_eq!(told("date", "x").0, "x");
    }

    #[test]
    fn json_has_the_values_own_types() {
        assert_eq!(told("boolean", "1"), ("true".to_owned(), Value::Bool(true)));
        assert_eq!(told("fixed", "42").1, Value::from(42));
        assert_eq!(told("fixed", "12345678901234567890").1, Value::from("12345678901234567890"));
        assert_eq!(told("real", "0.5").1, Value::from(0.5));
        assert_eq!(told("variant", "[\"a\"]").1, serde_json::json!(["a"]));
        let rows = Rows {
            columns: vec![ResultColumn { name: "N".to_owned(), kind: "fixed".to_owned(), scale: 0 }],
            rows: vec![vec![None], vec![Some("1".to_owned())]],
        };
        let objects: Vec<_> = rows.objects().map(Value::Object).collect();
        assert_eq!(objects, [serde_json::json!({ "n": null }), serde_json::json!({ "n": 1 })]);
        assert_eq!(rows.texts().last(), Some(vec![Some("1".to_owned())]));
    }
}
