//! fact_age_generation_analysis and fact_quality_by_segment.

use millrace_events::layer::Layer;

use super::aggregate_definitions::{BUSINESS, GROUPS, NEW, PERSONAL, VETERAN};
use crate::aggregate::{Condition, Counted, Key, Number, Text};
use crate::column::columns;
use crate::job_plan::{Facts, PlannedTable};
use crate::plan_error::PlanError;
use crate::rounding::percent;
use crate::table_spec::{Contents, TableSpec};

columns! { COLUMNS, fn row(group: Counted<'_>, total: i64, facts: &Facts<'_>)
where {
    let users = group.rows()?;
    let (business, veterans) = (group.count(BUSINESS)?, group.count(VETERAN)?);
    let score = engagement_score(group)?;
} {
    age_group: Text = group.text(0)?,
    generation: Text = group.text(1)?,
    gender: Text = group.text(2)?,
    user_count: Int64 = users,
    avg_data_quality: Float64 = group.average(Number::Quality)?,
    avg_account_age_days: Float64 = group.average(Number::AccountAge)?,
    countries_represented: Int64 = group.distinct(Text::Country)?,
    unique_email_domains: Int64 = group.distinct(Text::EmailDomain)?,
    personal_email_count: Int64 = group.count(PERSONAL)?,
    business_email_count: Int64 = business,
    veteran_users: Int64 = veterans,
    new_users: Int64 = group.count(NEW)?,
    total_users_in_batch: Int64 = total,
    percentage_of_total: Float64 = percent(users, total),
    business_email_percentage: Float64 = percent(business, users),
    veteran_percentage: Float64 = percent(veterans, users),
    engagement_score: Float64 = f64::from(score),
    engagement_tier: Text = tier(score),
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

pub(super) const AGE_GENERATION_ANALYSIS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_age_generation_analysis",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: COLUMNS,
        key: 3,
        data_subject: None,
    },
    counts: &[&GROUPS],
    rows: |facts| {
        let groups = facts.cells(&GROUPS)?;
        let total = groups.total()?;
        groups.iter().map(|group| row(group, total, facts)).collect()
    },
};

/// Points for old accounts, business mail, quality and more than one country.
fn engagement_score(group: Counted<'_>) -> Result<i32, PlanError> {
    let users = group.rows()?;
    let (account_age, aged) = group.sum(Number::AccountAge)?;
    let (quality, _) = group.sum(Number::Quality)?;
    // Compared as integers: a rounded share of 50.00 may be more than half.
    Ok(if account_age > 365 * aged { 20 } else { 10 }
        + if 2 * group.count(BUSINESS)? > users { 15 } else { 5 }
        + if quality > 80 * users { 10 } else { 5 }
        + if group.distinct(Text::Country)? > 1 { 5 } else { 0 })
}

/// `Low` cannot occur with today's points; the name is kept for the interface.
fn tier(engagement_score: i32) -> &'static str {
    match engagement_score {
        35.. => "High",
        20.. => "Medium",
        _ => "Low",
    }
}

columns! { SEGMENT_COLUMNS, fn segment_row(segment: Counted<'_>, facts: &Facts<'_>)
where {
    let users = segment.rows()?;
    let emails = segment.count(Condition::EmailValid)?;
    let phones = segment.count(Condition::PhoneValid)?;
} {
    age_group: Text = segment.text(0)?,
    generation: Text = segment.text(1)?,
    segment_total: Int64 = users,
    avg_segment_quality: Float64 = segment.average(Number::Quality)?,
    valid_emails_in_segment: Int64 = emails,
    valid_phones_in_segment: Int64 = phones,
    segment_email_validity_rate: Float64 = percent(emails, users),
    segment_phone_validity_rate: Float64 = percent(phones, users),
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

pub(super) const QUALITY_BY_SEGMENT: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_quality_by_segment",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: SEGMENT_COLUMNS,
        key: 2,
        data_subject: None,
    },
    counts: &[&GROUPS],
    rows: |facts| {
        let keys = [Key::Text(Text::AgeGroup), Key::Text(Text::Generation)];
        let segments = facts.cells(&GROUPS)?.by(&keys)?;
        segments.iter().map(|segment| segment_row(segment, facts)).collect()
    },
};
