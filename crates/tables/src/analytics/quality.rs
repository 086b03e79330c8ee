//! fact_data_quality_metrics: one row, also of no user.

use millrace_events::layer::Layer;

use super::aggregate_definitions::{ALL_USERS, EXCELLENT, FAIR, GOOD, POOR, VERY_POOR};
use crate::aggregate::{Condition, Counted, Number};
use crate::column::columns;
use crate::job_plan::{Facts, PlannedTable};
use crate::rounding::percent;
use crate::table_spec::{Contents, TableSpec};

columns! { COLUMNS, fn row(all: Counted<'_>, facts: &Facts<'_>)
where {
    let users = all.rows()?;
    let (excellent, good) = (all.count(EXCELLENT)?, all.count(GOOD)?);
    let (emails, phones) = (all.count(Condition::EmailValid)?, all.count(Condition::PhoneValid)?);
} {
    total_records: Int64 = users,
    excellent_quality: Int64 = excellent,
    good_quality: Int64 = good,
    fair_quality: Int64 = all.count(FAIR)?,
    poor_quality: Int64 = all.count(POOR)?,
    very_poor_quality: Int64 = all.count(VERY_POOR)?,
    avg_quality_score: Float64 = all.average(Number::Quality)?,
    min_quality_score: Float64 = all.least(Number::Quality)?.map(|score| score as f64),
    max_quality_score: Float64 = all.greatest(Number::Quality)?.map(|score| score as f64),
    valid_emails: Int64 = emails,
    valid_phones: Int64 = phones,
    // users_transformed has one row an id, so ids that are there are distinct.
    unique_users: Int64 = all.count(Condition::HasId)?,
    records_with_issues: Int64 = all.count(Condition::HasIssues)?,
    excellent_quality_percentage: Float64 = percent(excellent, users),
    good_quality_percentage: Float64 = percent(good, users),
    email_validity_percentage: Float64 = percent(emails, users),
    phone_validity_percentage: Float64 = percent(phones, users),
    data_completeness_score: Float64 = percent(emails + phones, 2 * users),
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

/// Whose series is fact_data_quality_trends.
pub const DATA_QUALITY_METRICS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_data_quality_metrics",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: COLUMNS,
        key: 0,
        data_subject: None,
    },
    counts: &[&ALL_USERS],
    rows: |facts| facts.cells(&ALL_USERS)?.iter().map(|all| row(all, facts)).collect(),
};
