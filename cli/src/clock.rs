//! The one place of the run that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate};

/// Microseconds since 1970, UTC.
pub(crate) fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_millis() -> i64 {
    now_micros() / 1_000
}

/// Today, UTC.
pub(crate) fn today() -> NaiveDate {
    DateTime::from_timestamp_micros(now_micros()).unwrap_or_default().date_naive()
}
