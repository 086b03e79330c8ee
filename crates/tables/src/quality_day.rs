//! A day of fact_data_quality_metrics, of which the series of quality is made.

/// What one day's fact_data_quality_metrics says, of a day with users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityDay {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Users of the day.
    pub total_records: i64,
    /// Mean `data_quality_score` of these users, at most 100.
    pub avg_quality_score: f64,
    /// Users with a score of 90 or more.
    pub excellent: i64,
    /// From 80, below 90.
    pub good: i64,
    /// From 70, below 80.
    pub fair: i64,
    /// Below 70, so very poor ones too.
    pub poor: i64,
    /// Users whose email is valid.
    pub valid_emails: i64,
    /// Users whose phone number is valid.
    pub valid_phones: i64,
}

impl QualityDay {
    /// For the check of plans.
    pub(crate) const SAMPLE: Self = Self {
        day: 0,
        total_records: 1,
        avg_quality_score: 0.0,
        excellent: 0,
        good: 0,
        fair: 0,
        poor: 1,
        valid_emails: 0,
        valid_phones: 0,
    };
}
