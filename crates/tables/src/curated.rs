//! The tables of the job raw-transformation.

use millrace_events::layer::Layer;

use crate::aggregate::{Aggregate, Condition, Counted, Measure, Number, Text};
use crate::column::{ColumnType, columns};
use crate::job_names::RAW_TRANSFORMATION;
use crate::job_plan::{Facts, JobPlan, PlannedTable};
use crate::plan_error::PlanError;
use crate::table_spec::{Contents, TableSpec};

/// The newest row of each user as of the day, cleaned.
pub const USERS_TRANSFORMED: TableSpec = TableSpec {
    name: "users_transformed",
    layer: Layer::Curated,
    contents: Contents::Snapshot,
    columns: &[
        ("id", ColumnType::Text),
        ("first_name", ColumnType::Text),
        ("last_name", ColumnType::Text),
        ("full_name", ColumnType::Text),
        ("gender", ColumnType::Text),
        ("email", ColumnType::Text),
        ("email_domain", ColumnType::Text),
        ("email_provider_type", ColumnType::Text),
        ("email_valid", ColumnType::Boolean),
        ("username", ColumnType::Text),
        ("phone", ColumnType::Text),
        ("phone_valid", ColumnType::Boolean),
        ("address", ColumnType::Text),
        ("street_address", ColumnType::Text),
        ("city", ColumnType::Text),
        ("state", ColumnType::Text),
        ("country", ColumnType::Text),
        ("country_code", ColumnType::Text),
        ("post_code", ColumnType::Text),
        ("latitude", ColumnType::Float64),
        ("longitude", ColumnType::Float64),
        ("birth_date", ColumnType::Date),
        ("age_years", ColumnType::Int32),
        ("age_group", ColumnType::Text),
        ("generation", ColumnType::Text),
        ("registration_date", ColumnType::Date),
        ("account_age_days", ColumnType::Int32),
        ("account_tenure_category", ColumnType::Text),
        ("data_quality_score", ColumnType::Float64),
        ("quality_issues", ColumnType::Texts),
        ("picture", ColumnType::Text),
        ("business_email", ColumnType::Text),
        ("user_company", ColumnType::Text),
        ("processed_at", ColumnType::Timestamp),
        ("processing_date", ColumnType::Date),
        ("data_source", ColumnType::Text),
        ("job_name", ColumnType::Text),
        ("source_topic", ColumnType::Text),
        ("source_generation", ColumnType::Text),
        ("source_partition", ColumnType::Int32),
        ("source_offset", ColumnType::Int64),
    ],
    key: 1,
    data_subject: Some("id"),
};

const HIGH: Condition = Condition::QualityFrom(80, i64::MAX);
const MEDIUM: Condition = Condition::QualityFrom(50, 80);
const LOW: Condition = Condition::QualityFrom(i64::MIN, 50);

/// All users as one group.
static QUALITY_OF_ALL: Aggregate = Aggregate {
    name: "quality of all users",
    keys: &[],
    measures: &[
        Measure::Rows,
        Measure::Where(HIGH),
        Measure::Where(MEDIUM),
        Measure::Where(LOW),
        Measure::Sum(Number::Quality),
        Measure::Where(Condition::EmailValid),
        Measure::Where(Condition::PhoneValid),
        Measure::Distinct(Text::EmailDomain),
        Measure::Distinct(Text::Country),
    ],
};

columns! { SUMMARY_COLUMNS, fn summary_row(all: Counted<'_>, facts: &Facts<'_>) {
    total_records: Int64 = all.rows()?,
    high_quality_records: Int64 = all.count(HIGH)?,
    medium_quality_records: Int64 = all.count(MEDIUM)?,
    low_quality_records: Int64 = all.count(LOW)?,
    avg_quality_score: Float64 = all.average(Number::Quality)?,
    valid_emails: Int64 = all.count(Condition::EmailValid)?,
    valid_phones: Int64 = all.count(Condition::PhoneValid)?,
    unique_email_domains: Int64 = all.distinct(Text::EmailDomain)?,
    unique_countries: Int64 = all.distinct(Text::Country)?,
    quality_check_timestamp: Timestamp = facts.created_at(),
    processing_date: Date = facts.processing_date(),
    job_name: Text = RAW_TRANSFORMATION,
}}

/// One row, also of no user: how good the day's users are.
pub const DATA_QUALITY_SUMMARY: TableSpec = TableSpec {
    name: "data_quality_summary",
    layer: Layer::Curated,
    contents: Contents::Snapshot,
    columns: SUMMARY_COLUMNS,
    key: 0,
    data_subject: None,
};

/// The table that is counts. [`USERS_TRANSFORMED`] has a row a user and is made apart.
static TABLES: [PlannedTable; 1] = [PlannedTable {
    spec: DATA_QUALITY_SUMMARY,
    counts: &[&QUALITY_OF_ALL],
    rows: |facts| facts.cells(&QUALITY_OF_ALL)?.iter().map(|all| summary_row(all, facts)).collect(),
}];

/// The job's plan.
///
/// # Errors
/// A table asks for what is not counted for it; a test holds that none does.
pub fn plan() -> Result<JobPlan, PlanError> {
    JobPlan::new(&TABLES)
}
