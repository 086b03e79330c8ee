//! The one place of the run that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::NaiveDate;
use millrace_events::instant::{Micros, Millis};

/// The time by the wall clock.
pub(crate) fn now_micros() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The same, as Kafka stamps records.
pub(crate) fn now_millis() -> Millis {
    now_micros().millis()
}

/// Today, UTC.
pub(crate) fn today() -> NaiveDate {
    now_micros().date_time().unwrap_or_default().date_naive()
}
