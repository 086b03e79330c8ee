//! Which clock stamps the users that a source gives.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{NaiveDate, NaiveTime};
use millrace_events::instant::Micros;
use millrace_events::randomuser::SourceClock;

/// The clock of a source that can run on either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The instant at which an answer is complete.
    Real,
    /// A logical day: its start plus 1 ms for each user given before, so that a run can be repeated.
    Logical(NaiveDate),
}

impl Clock {
    /// The clock of an answer that is complete now, `users_before` having been given by this source before it.
    pub(crate) fn of_answer(self, users_before: u64) -> SourceClock {
        match self {
            Self::Real => SourceClock::Answered(now()),
            Self::Logical(day) => {
                let day_start = Micros(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
                SourceClock::Logical { day_start, users_before }
            }
        }
    }
}

/// The time by the wall clock.
pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
