//! dim_user_demographics: a slowly changing dimension of type 2.

use millrace_events::layer::Layer;

use crate::column::ColumnType::{Boolean, Date, Float64, Text, Timestamp};
use crate::table_spec::{Contents, TableSpec};

/// A day's partition holds the users who are new or whose attributes changed; nobody is removed.
pub const DIM_USER_DEMOGRAPHICS: TableSpec = TableSpec {
    name: "dim_user_demographics",
    layer: Layer::Analytics,
    contents: Contents::Versions,
    columns: &[
        ("user_id", Text),
        ("age_group", Text),
        ("generation", Text),
        ("gender", Text),
        ("country", Text),
        ("city", Text),
        ("email_provider_type", Text),
        ("account_tenure_category", Text),
        ("data_quality_score", Float64),
        ("processing_date", Date),
        ("demographic_score", Float64),
        ("target_segment", Text),
        ("dim_created_at", Timestamp),
        ("dim_updated_at", Timestamp),
        ("is_current", Boolean),
    ],
    key: 1,
    data_subject: Some("user_id"),
};
