//! What a run is told, so that nothing in a job reads the clock or guesses a limit.

use std::path::PathBuf;

use chrono::{Days, NaiveDate, NaiveTime};

/// One run of the jobs: its logical day and the instant it started, the same for all jobs of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunContext {
    /// The logical date (UTC): rows stamped at or after its end are not seen.
    pub as_of: NaiveDate,
    /// When the run started, in microseconds UTC.
    pub started_at: i64,
}

impl RunContext {
    /// The first instant after `as_of`, in microseconds UTC.
    pub fn end_of_day(&self) -> i64 {
        let next = self.as_of.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
        next.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
    }
}

/// For [`JobSettings::memory_bytes`] where memory is dear: beside a broker on a laptop, in a Lambda function. More makes tens of
/// millions of rows faster.
pub const LITTLE_MEMORY: u64 = 96 << 20;

/// The least that [`JobSettings::memory_bytes`] may be set to by people: with less, rows are spilled in so many small pieces that
/// a job takes many times as long.
pub const LEAST_MEMORY: u64 = 8 << 20;

/// The bounds of a job.
#[derive(Debug, Clone)]
pub struct JobSettings {
    /// What the job's rows may hold in memory at once, in bytes; the engine's own needs (about 60 MB) come on top.
    pub memory_bytes: u64,
    /// Where rows are spilled; each run makes a folder of its own in it and removes it.
    pub scratch_dir: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_ends_at_the_next_midnight() {
        let as_of = NaiveDate::from_ymd_opt(2024, 2, 28).expect("a date");
        assert_eq!(RunContext { as_of, started_at: 0 }.end_of_day(), 1_709_164_800_000_000);
    }
}
