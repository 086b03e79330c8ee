//! The tables of the job raw-transformation.

use millrace_events::layer::Layer;

use crate::column::ColumnType::{Boolean, Date, Float64, Int32, Int64, Text, Texts, Timestamp};
use crate::table_spec::{Contents, TableSpec};

/// The newest row of each user as of the day, cleaned.
pub const USERS_TRANSFORMED: TableSpec = TableSpec {
    name: "users_transformed",
    layer: Layer::Curated,
    contents: Contents::Snapshot,
    columns: &[
        ("id", Text),
        ("first_name", Text),
        ("last_name", Text),
        ("full_name", Text),
        ("gender", Text),
        ("email", Text),
        ("email_domain", Text),
        ("email_provider_type", Text),
        ("email_valid", Boolean),
        ("username", Text),
        ("phone", Text),
        ("phone_valid", Boolean),
        ("address", Text),
        ("street_address", Text),
        ("city", Text),
        ("state", Text),
        ("country", Text),
        ("country_code", Text),
        ("post_code", Text),
        ("latitude", Float64),
        ("longitude", Float64),
        ("birth_date", Date),
        ("age_years", Int32),
        ("age_group", Text),
        ("generation", Text),
        ("registration_date", Date),
        ("account_age_days", Int32),
        ("account_tenure_category", Text),
        ("data_quality_score", Float64),
        ("quality_issues", Texts),
        ("picture", Text),
        ("business_email", Text),
        ("user_company", Text),
        ("processed_at", Timestamp),
        ("processing_date", Date),
        ("data_source", Text),
        ("job_name", Text),
        ("source_topic", Text),
        ("source_generation", Text),
        ("source_partition", Int32),
        ("source_offset", Int64),
    ],
    key: 1,
    data_subject: Some("id"),
};

/// One row: how good the day's users are.
pub const DATA_QUALITY_SUMMARY: TableSpec = TableSpec {
    name: "data_quality_summary",
    layer: Layer::Curated,
    contents: Contents::Snapshot,
    columns: &[
        ("total_records", Int64),
        ("high_quality_records", Int64),
        ("medium_quality_records", Int64),
        ("low_quality_records", Int64),
        ("avg_quality_score", Float64),
        ("valid_emails", Int64),
        ("valid_phones", Int64),
        ("unique_email_domains", Int64),
        ("unique_countries", Int64),
        ("quality_check_timestamp", Timestamp),
        ("processing_date", Date),
        ("job_name", Text),
    ],
    key: 0,
    data_subject: None,
};
