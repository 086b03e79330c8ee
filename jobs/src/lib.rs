//! The batch jobs: raw rows to curated tables, and the queries over them.

pub mod catalogue;
pub mod job_error;
pub mod publish;
pub mod query;
pub mod raw_transformation;
pub mod run_context;
pub mod run_record;
pub mod scratch;
