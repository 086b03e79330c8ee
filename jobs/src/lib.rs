//! The batch jobs: raw rows to curated tables, the queries over them, and the erasure of persons from all of it.

#![warn(missing_docs)]

mod aggregation;
pub mod analytics_aggregation;
mod damaged_file;
pub mod erasure;
pub mod erasure_epoch;
pub mod free_memory;
pub mod iceberg_adoption;
pub mod iceberg_tables;
pub mod job_error;
pub mod job_settings;
pub mod lineage;
pub mod partition;
pub mod polars_schema;
mod positioned_file;
pub mod publish;
#[allow(missing_docs, reason = "the SQL engine that replaces it documents its own")]
pub mod raw_transformation;
pub mod run_record;
mod scratch;
mod table_file;
pub mod table_job;
pub mod time_series_analysis;
