//! fact_age_generation_analysis and fact_quality_by_segment.

use millrace_lake::layout::Layer;

use super::aggregates::{BUSINESS, GROUPS, NEW, PERSONAL, VETERAN};
use crate::aggregate::{Condition, Key, Number, Text};
use crate::job_plan::{Facts, PlannedTable};
use crate::table::rounding::percent;
use crate::table::{ColumnType, Row, TableSpec};

pub(super) const AGE_GENERATION_ANALYSIS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_age_generation_analysis",
        layer: Layer::Analytics,
        columns: &[
            ("age_group", ColumnType::Text),
            ("generation", ColumnType::Text),
            ("gender", ColumnType::Text),
            ("user_count", ColumnType::Count),
            ("avg_data_quality", ColumnType::Real),
            ("avg_account_age_days", ColumnType::Real),
            ("countries_represented", ColumnType::Count),
            ("unique_email_domains", ColumnType::Count),
            ("personal_email_count", ColumnType::Count),
            ("business_email_count", ColumnType::Count),
            ("veteran_users", ColumnType::Count),
            ("new_users", ColumnType::Count),
            ("total_users_in_batch", ColumnType::Count),
            ("percentage_of_total", ColumnType::Real),
            ("business_email_percentage", ColumnType::Real),
            ("veteran_percentage", ColumnType::Real),
            ("engagement_score", ColumnType::Real),
            ("engagement_tier", ColumnType::Text),
            ("processing_date", ColumnType::Day),
            ("created_at", ColumnType::Instant),
        ],
        key: 3,
    },
    rows: age_generation_rows,
};

fn age_generation_rows(facts: &Facts<'_>) -> Vec<Row> {
    let groups = facts.users.cells(&GROUPS);
    let total = groups.total();
    let rows = groups.iter().map(|group| {
        let users = group.rows();
        let (business, veterans) = (group.count(BUSINESS), group.count(VETERAN));
        let countries = group.distinct(Text::Country);
        let (account_age, aged) = group.sum(Number::AccountAge);
        let (quality, _) = group.sum(Number::Quality);
        // Compared as integers: a rounded share of 50.00 may be more than half.
        let score = if account_age > 365 * aged { 20 } else { 10 }
            + if 2 * business > users { 15 } else { 5 }
            + if quality > 80 * users { 10 } else { 5 }
            + if countries > 1 { 5 } else { 0 };
        vec![
            group.text(0).into(),
            group.text(1).into(),
            group.text(2).into(),
            users.into(),
            group.average(Number::Quality).into(),
            group.average(Number::AccountAge).into(),
            countries.into(),
            group.distinct(Text::EmailDomain).into(),
            group.count(PERSONAL).into(),
            business.into(),
            veterans.into(),
            group.count(NEW).into(),
            total.into(),
            percent(users, total).into(),
            percent(business, users).into(),
            percent(veterans, users).into(),
            f64::from(score).into(),
            tier(score).into(),
            facts.processing_date(),
            facts.created_at(),
        ]
    });
    rows.collect()
}

/// `Low` cannot occur with today's points; the name is kept for the interface.
fn tier(engagement_score: i32) -> &'static str {
    match engagement_score {
        35.. => "High",
        20.. => "Medium",
        _ => "Low",
    }
}

pub(super) const QUALITY_BY_SEGMENT: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_quality_by_segment",
        layer: Layer::Analytics,
        columns: &[
            ("age_group", ColumnType::Text),
            ("generation", ColumnType::Text),
            ("segment_total", ColumnType::Count),
            ("avg_segment_quality", ColumnType::Real),
            ("valid_emails_in_segment", ColumnType::Count),
            ("valid_phones_in_segment", ColumnType::Count),
            ("segment_email_validity_rate", ColumnType::Real),
            ("segment_phone_validity_rate", ColumnType::Real),
            ("processing_date", ColumnType::Day),
            ("created_at", ColumnType::Instant),
        ],
        key: 2,
    },
    rows: segment_rows,
};

fn segment_rows(facts: &Facts<'_>) -> Vec<Row> {
    let segments =
        facts.users.cells(&GROUPS).by(&[Key::Text(Text::AgeGroup), Key::Text(Text::Generation)]);
    let rows = segments.iter().map(|segment| {
        let users = segment.rows();
        let (emails, phones) = (segment.count(Condition::EmailValid), segment.count(Condition::PhoneValid));
        vec![
            segment.text(0).into(),
            segment.text(1).into(),
            users.into(),
            segment.average(Number::Quality).into(),
            emails.into(),
            phones.into(),
            percent(emails, users).into(),
            percent(phones, users).into(),
            facts.processing_date(),
            facts.created_at(),
        ]
    });
    rows.collect()
}
