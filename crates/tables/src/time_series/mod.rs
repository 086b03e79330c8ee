//! The tables of the job time-series-analysis.

mod age_trends;
mod aggregate_definitions;
mod anomalies;
mod expansion;
mod quality_series;
mod registrations;

use crate::job_plan::{JobPlan, PlannedTable};
use crate::plan_error::PlanError;

pub(crate) static TABLES: [PlannedTable; 6] = [
    registrations::REGISTRATION_TRENDS,
    expansion::GEOGRAPHIC_EXPANSION,
    age_trends::AGE_DEMOGRAPHIC_TRENDS,
    quality_series::DATA_QUALITY_TRENDS,
    registrations::REGISTRATION_ANOMALIES,
    quality_series::QUALITY_ANOMALIES,
];

/// The job's plan.
///
/// # Errors
/// A table asks for what is not counted for it; a test holds that none does.
pub fn plan() -> Result<JobPlan, PlanError> {
    JobPlan::new(&TABLES)
}
