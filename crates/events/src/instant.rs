//! Instants, by their unit: Kafka stamps records in milliseconds, the lake's columns are microseconds.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970, UTC; negative before. Written and read as the plain number.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// Microseconds since 1970, UTC; negative before. Written and read as the plain number.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Millis {
    /// The plain number.
    #[inline]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The same instant. One that microseconds cannot hold, 290,000 years away, becomes the nearest that they can.
    #[inline]
    pub const fn micros(self) -> Micros {
        Micros(self.0.saturating_mul(1_000))
    }

    /// `None` outside the calendar, 262,000 years to either side.
    pub fn date_time(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.0)
    }
}

impl Micros {
    /// The plain number.
    #[inline]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The millisecond that it lies in.
    #[inline]
    pub const fn millis(self) -> Millis {
        Millis(self.0.div_euclid(1_000))
    }

    /// How long it is since `earlier`; nothing where that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `None` outside the calendar, 262,000 years to either side.
    pub fn date_time(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_within_the_millisecond_and_never_overflow() {
        assert_eq!(Micros(-1).millis(), Millis(-1));
        assert_eq!(Micros(1_999).millis(), Millis(1));
        assert_eq!(Millis(7).micros(), Micros(7_000));
        assert_eq!(Millis(i64::MAX).micros(), Micros(i64::MAX));
        assert_eq!(Micros(0).date_time(), Millis(0).date_time());
        assert_eq!(Micros(i64::MAX).date_time(), None);
        assert_eq!(Micros(7).since(Micros(5)), Duration::from_micros(2));
        assert_eq!(Micros(i64::MIN).since(Micros(i64::MAX)), Duration::ZERO);
    }
}
