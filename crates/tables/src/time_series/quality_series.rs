//! fact_data_quality_trends and fact_quality_anomalies: the series of fact_data_quality_metrics over its days.

use millrace_events::layer::Layer;

use super::anomalies;
use crate::column::{Column, Row, Value, columns, followed_by};
use crate::job_plan::{Facts, PlannedTable};
use crate::plan_error::PlanError;
use crate::quality_day::QualityDay;
use crate::rounding::percent;
use crate::table_spec::{Contents, TableSpec};

columns! { TREND_COLUMNS, fn trend_row(day: &QualityDay, before: Option<&QualityDay>, facts: &Facts<'_>)
where {
    let change = before.map(|before| day.avg_quality_score - before.avg_quality_score);
    let share = |count: i64| percent(count, day.total_records);
} {
    quality_date: Date = Value::Date(day.day),
    total_records: Int64 = day.total_records,
    avg_quality_score: Float64 = day.avg_quality_score,
    excellent_quality_count: Int64 = day.excellent,
    good_quality_count: Int64 = day.good,
    fair_quality_count: Int64 = day.fair,
    poor_quality_count: Int64 = day.poor,
    valid_emails: Int64 = day.valid_emails,
    valid_phones: Int64 = day.valid_phones,
    excellent_quality_percentage: Float64 = share(day.excellent),
    good_quality_percentage: Float64 = share(day.good),
    email_validity_percentage: Float64 = share(day.valid_emails),
    phone_validity_percentage: Float64 = share(day.valid_phones),
    previous_avg_quality: Float64 = before.map(|before| before.avg_quality_score),
    quality_trend: Text = change.map_or("Baseline", trend),
    quality_change: Float64 = change,
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

const ANOMALY_COLUMNS: [Column; 23] = followed_by(TREND_COLUMNS, anomalies::COLUMNS);

pub(super) const DATA_QUALITY_TRENDS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_data_quality_trends",
        layer: Layer::Timeseries,
        contents: Contents::Snapshot,
        columns: TREND_COLUMNS,
        key: 1,
        data_subject: None,
    },
    counts: &[],
    rows: trend_rows,
};

pub(super) const QUALITY_ANOMALIES: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_quality_anomalies",
        layer: Layer::Timeseries,
        contents: Contents::Snapshot,
        columns: &ANOMALY_COLUMNS,
        key: 1,
        data_subject: None,
    },
    counts: &[],
    rows: |facts| {
        let scores: Vec<f64> = facts.quality_days.iter().map(|day| day.avg_quality_score).collect();
        let judged = anomalies::judge(&scores);
        trend_rows(facts)?.into_iter().zip(judged).map(|(row, judged)| judged.beside(row)).collect()
    },
};

fn trend_rows(facts: &Facts<'_>) -> Result<Vec<Row>, PlanError> {
    let before = std::iter::once(None).chain(facts.quality_days.iter().map(Some));
    facts.quality_days.iter().zip(before).map(|(day, before)| trend_row(day, before, facts)).collect()
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
