//! A run of the jobs: its logical day and its start. Nothing in a job reads the clock.

use chrono::{Days, NaiveDate, NaiveTime};
use millrace_events::instant::Micros;

/// One run of the jobs: its logical day and the instant it started, the same for all jobs of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunContext {
    /// The logical date (UTC): rows stamped at or after its end are not seen.
    pub as_of: NaiveDate,
    /// When the run started.
    pub started_at: Micros,
}

impl RunContext {
    /// The first instant after `as_of`.
    pub fn end_of_day(&self) -> Micros {
        let next = self.as_of.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
        Micros(next.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_ends_at_the_next_midnight() {
        let as_of = NaiveDate::from_ymd_opt(2024, 2, 28).expect("a date");
        assert_eq!(RunContext { as_of, started_at: Micros(0) }.end_of_day(), Micros(1_709_164_800_000_000));
    }
}
