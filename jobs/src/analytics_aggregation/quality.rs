//! fact_data_quality_metrics: one row, also of no user.

use millrace_lake::layout::Layer;

use super::aggregates::{ALL_USERS, EXCELLENT, FAIR, GOOD, POOR, VERY_POOR};
use crate::aggregate::{Condition, Number};
use crate::job_plan::{Facts, PlannedTable};
use crate::table::rounding::percent;
use crate::table::{ColumnType, Row, TableSpec};

/// Whose series is fact_data_quality_trends.
pub const DATA_QUALITY_METRICS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_data_quality_metrics",
        layer: Layer::Analytics,
        columns: &[
            ("total_records", ColumnType::Count),
            ("excellent_quality", ColumnType::Count),
            ("good_quality", ColumnType::Count),
            ("fair_quality", ColumnType::Count),
            ("poor_quality", ColumnType::Count),
            ("very_poor_quality", ColumnType::Count),
            ("avg_quality_score", ColumnType::Real),
            ("min_quality_score", ColumnType::Real),
            ("max_quality_score", ColumnType::Real),
            ("valid_emails", ColumnType::Count),
            ("valid_phones", ColumnType::Count),
            ("unique_users", ColumnType::Count),
            ("records_with_issues", ColumnType::Count),
            ("excellent_quality_percentage", ColumnType::Real),
            ("good_quality_percentage", ColumnType::Real),
            ("email_validity_percentage", ColumnType::Real),
            ("phone_validity_percentage", ColumnType::Real),
            ("data_completeness_score", ColumnType::Real),
            ("processing_date", ColumnType::Day),
            ("created_at", ColumnType::Instant),
        ],
        key: 0,
    },
    rows,
};

fn rows(facts: &Facts<'_>) -> Vec<Row> {
    let all = facts.users.cells(&ALL_USERS);
    let row = all.iter().map(|all| {
        let users = all.rows();
        let (excellent, good) = (all.count(EXCELLENT), all.count(GOOD));
        let (emails, phones) = (all.count(Condition::EmailValid), all.count(Condition::PhoneValid));
        vec![
            users.into(),
            excellent.into(),
            good.into(),
            all.count(FAIR).into(),
            all.count(POOR).into(),
            all.count(VERY_POOR).into(),
            all.average(Number::Quality).into(),
            all.least(Number::Quality).map(|score| score as f64).into(),
            all.greatest(Number::Quality).map(|score| score as f64).into(),
            emails.into(),
            phones.into(),
            // users_transformed has one row an id, so ids that are there are distinct.
            all.count(Condition::HasId).into(),
            all.count(Condition::HasIssues).into(),
            percent(excellent, users).into(),
            percent(good, users).into(),
            percent(emails, users).into(),
            percent(phones, users).into(),
            percent(emails + phones, 2 * users).into(),
            facts.processing_date(),
            facts.created_at(),
        ]
    });
    row.collect()
}
