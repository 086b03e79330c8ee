//! What a compaction is asked for: which hours, how large the objects become, and what the work may take.

use std::time::Instant;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::selection::CompactionPolicy;
use crate::layout::{self, LayoutError};
use crate::object_key::Key;

/// What is to be compacted, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactionOrder {
    /// What is small, and how large the large ones become.
    pub policy: CompactionPolicy,
    /// Which hours are looked at.
    pub hours: Hours,
    /// What the work may take.
    pub limits: Limits,
}

/// Hours of a raw table, by the folders of its objects: the hour of an object's first row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hours {
    /// Every hour, the current one too.
    #[default]
    All,
    /// Those that had ended: what is merged in them is seldom merged again.
    Closed(ClosedHours),
}

/// The hours of some days that had ended at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedHours {
    /// The first day.
    pub first: NaiveDate,
    /// The last day, inclusive.
    pub last: NaiveDate,
    /// An hour that ended later is open.
    pub by: DateTime<Utc>,
}

impl Hours {
    /// The prefixes that are listed for them, in the order of their names.
    pub(super) fn prefixes(&self, table: &str) -> Result<Vec<String>, LayoutError> {
        match self {
            Self::All => Ok(vec![layout::raw_prefix(table)?]),
            Self::Closed(ClosedHours { first, last, .. }) => first
                .iter_days()
                .take_while(|day| day <= last)
                .map(|day| layout::raw_day_prefix(table, day))
                .collect(),
        }
    }

    /// Whether an object is of one of them.
    pub(super) fn hold(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::Closed(ClosedHours { first, last, by }) => {
                layout::raw_hour(key).is_some_and(|(day, hour)| {
                    let begin = NaiveTime::from_hms_opt(u32::from(hour), 0, 0)
                        .map(|time| day.and_time(time).and_utc());
                    (first..=last).contains(&&day)
                        && begin.is_some_and(|begin| begin + TimeDelta::hours(1) <= *by)
                })
            }
        }
    }
}

impl ClosedHours {
    /// The hours of `day` and of the days before it, `days` together, that had ended at `by`.
    pub fn of_days(day: NaiveDate, days: u32, by: DateTime<Utc>) -> Self {
        let before = Days::new(u64::from(days.saturating_sub(1)));
        Self { first: day.checked_sub_days(before).unwrap_or(day), last: day, by }
    }
}

/// What a compaction may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of fetched objects that are held at once; objects that overlap are held together, and stay as they are where they are
    /// more. Files of a folder are not fetched, and count nothing. The row group being written comes on top.
    pub memory_bytes: u64,
    /// Objects that are fetched or removed at once.
    pub concurrency: usize,
    /// When no further object is begun: what is left is told, and a next compaction goes on.
    pub until: Option<Instant>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, concurrency: 32, until: None }
    }
}

impl Limits {
    pub(super) fn are_reached(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_days_that_had_ended_are_closed() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let object = |place: &str| {
            let name = "users_created-g1-00000-00000000000000000000-00000000000000000001.parquet";
            Key::new(format!("raw/users/{place}{name}")).unwrap()
        };
        let hours = Hours::Closed(ClosedHours::of_days(
            day("2026-02-03"),
            2,
            "2026-02-03T14:59:59Z".parse().unwrap(),
        ));
        assert_eq!(
            hours.prefixes("users").unwrap(),
            ["raw/users/date=2026-02-02/", "raw/users/date=2026-02-03/"]
        );
        for (place, closed) in [
            ("date=2026-02-01/hour=23/", false),
            ("date=2026-02-02/hour=00/", true),
            ("date=2026-02-03/hour=13/", true),
            ("date=2026-02-03/hour=14/", false),
            ("date=2026-02-04/hour=00/", false),
            ("date=2026-02-03/", false),
            ("", false),
        ] {
            assert_eq!(hours.hold(&object(place)), closed, "{place}");
            assert!(Hours::All.hold(&object(place)));
        }
        let whole = Hours::Closed(ClosedHours::of_days(
            day("2026-02-03"),
            1,
            "2026-02-04T00:00:00Z".parse().unwrap(),
        ));
        assert!(whole.hold(&object("date=2026-02-03/hour=23/")));
        assert_eq!(whole.prefixes("users").unwrap().len(), 1);
    }
}
