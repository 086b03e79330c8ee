//! fact_data_quality_trends and fact_quality_anomalies: the series of fact_data_quality_metrics over its days.

use millrace_lake::layout::Layer;

use super::anomalies;
use crate::job_plan::{Facts, PlannedTable};
use crate::table::rounding::percent;
use crate::table::{Column, ColumnType, Row, TableSpec, Value, followed_by};

/// What one day's fact_data_quality_metrics says, of a day with users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityDay {
    /// Days since 1970-01-01.
    pub day: i32,
    pub total_records: i64,
    pub avg_quality_score: f64,
    pub excellent: i64,
    pub good: i64,
    pub fair: i64,
    /// Below 70, so very poor ones too.
    pub poor: i64,
    pub valid_emails: i64,
    pub valid_phones: i64,
}

const TREND_COLUMNS: &[Column] = &[
    ("quality_date", ColumnType::Day),
    ("total_records", ColumnType::Count),
    ("avg_quality_score", ColumnType::Real),
    ("excellent_quality_count", ColumnType::Count),
    ("good_quality_count", ColumnType::Count),
    ("fair_quality_count", ColumnType::Count),
    ("poor_quality_count", ColumnType::Count),
    ("valid_emails", ColumnType::Count),
    ("valid_phones", ColumnType::Count),
    ("excellent_quality_percentage", ColumnType::Real),
    ("good_quality_percentage", ColumnType::Real),
    ("email_validity_percentage", ColumnType::Real),
    ("phone_validity_percentage", ColumnType::Real),
    ("previous_avg_quality", ColumnType::Real),
    ("quality_trend", ColumnType::Text),
    ("quality_change", ColumnType::Real),
    ("processing_date", ColumnType::Day),
    ("created_at", ColumnType::Instant),
];

const ANOMALY_COLUMNS: [Column; 23] = followed_by(TREND_COLUMNS, anomalies::COLUMNS);

pub(super) const DATA_QUALITY_TRENDS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_data_quality_trends",
        layer: Layer::Timeseries,
        columns: TREND_COLUMNS,
        key: 1,
    },
    rows: trend_rows,
};

pub(super) const QUALITY_ANOMALIES: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_quality_anomalies",
        layer: Layer::Timeseries,
        columns: &ANOMALY_COLUMNS,
        key: 1,
    },
    rows: |facts| {
        let scores: Vec<f64> = facts.quality_days.iter().map(|day| day.avg_quality_score).collect();
        let judged = anomalies::judge(&scores);
        trend_rows(facts).into_iter().zip(judged).map(|(row, judged)| judged.beside(row)).collect()
    },
};

fn trend_rows(facts: &Facts<'_>) -> Vec<Row> {
    let before = std::iter::once(None).chain(facts.quality_days.iter().map(Some));
    let rows = facts.quality_days.iter().zip(before).map(|(day, before)| {
        let change = before.map(|before| day.avg_quality_score - before.avg_quality_score);
        let share = |count: i64| Value::from(percent(count, day.total_records));
        vec![
            Value::Day(day.day),
            day.total_records.into(),
            day.avg_quality_score.into(),
            day.excellent.into(),
            day.good.into(),
            day.fair.into(),
            day.poor.into(),
            day.valid_emails.into(),
            day.valid_phones.into(),
            share(day.excellent),
            share(day.good),
            share(day.valid_emails),
            share(day.valid_phones),
            before.map(|before| before.avg_quality_score).into(),
            change.map_or("Baseline", trend).into(),
            change.into(),
            facts.processing_date(),
            facts.created_at(),
        ]
    });
    rows.collect()
}

/// More than a point up or down.
fn trend(change: f64) -> &'static str {
    if change > 1.0 {
        "Improving"
    } else if change < -1.0 {
        "Declining"
    } else {
        "Stable"
    }
}
