//! The tables of the job analytics-aggregation.

mod age_generation;
pub(crate) mod aggregate_definitions;
mod dimension;
mod email;
mod geography;
mod overview;
mod quality;

pub use dimension::DIM_USER_DEMOGRAPHICS;
pub use quality::DATA_QUALITY_METRICS;

use crate::job_names::ANALYTICS_AGGREGATION;
use crate::job_plan::{JobPlan, PlannedTable};
use crate::plan_error::PlanError;

/// The tables that are counts. [`DIM_USER_DEMOGRAPHICS`] has a row a user and is made apart.
pub(crate) static TABLES: [PlannedTable; 8] = [
    geography::GEOGRAPHIC_ANALYSIS,
    age_generation::AGE_GENERATION_ANALYSIS,
    email::PROVIDER_ANALYSIS,
    email::DOMAIN_ANALYSIS,
    DATA_QUALITY_METRICS,
    age_generation::QUALITY_BY_SEGMENT,
    overview::USER_ANALYTICS,
    overview::USER_DEMOGRAPHICS,
];

/// The job's plan.
///
/// # Errors
/// A table asks for what is not counted for it; a test holds that none does.
pub fn plan() -> Result<JobPlan, PlanError> {
    JobPlan::new(ANALYTICS_AGGREGATION, &TABLES)
}
