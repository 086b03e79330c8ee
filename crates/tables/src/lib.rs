//! The lake's tables: one catalogue of all of them ([`table_catalogue`]), and how those that are counts are made of users.
//!
//! No engine, no store and no Polars: jobs count on this machine, others may count elsewhere, and queries, exports, Glue,
//! Snowflake and the docs read the same definitions.
//!
//! A table is defined once, a column a line, name and value together (the `columns!` macro). A table of counts names the aggregates
//! that it is made of; a job's plan derives from its tables what has to be counted ([`job_plan::JobPlan`]).

#![warn(missing_docs)]

pub mod ages;
pub mod aggregate;
pub mod analytics;
mod column;
pub mod curated;
pub mod job_plan;
mod plan_error;
mod quality_day;
mod rank;
pub mod rounding;
pub mod run_context;
pub mod table_catalogue;
mod table_spec;
pub mod time_series;

pub use column::{Column, ColumnType, Row, Value};
pub use plan_error::PlanError;
pub use quality_day::QualityDay;
pub use rank::rank;
pub use run_context::RunContext;
pub use table_catalogue::{Table, tables};
pub use table_spec::{Contents, TableSpec};

/// The names of the jobs, in the order in which they run.
pub mod job_names {
    /// Makes the curated tables of raw users.
    pub const RAW_TRANSFORMATION: &str = "raw-transformation";
    /// Makes the analytics tables of the curated users.
    pub const ANALYTICS_AGGREGATION: &str = "analytics-aggregation";
    /// Makes the series of the curated users and of fact_data_quality_metrics, so it runs behind the job that makes that table's day.
    pub const TIME_SERIES_ANALYSIS: &str = "time-series-analysis";
}
