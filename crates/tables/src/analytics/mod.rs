//! The tables of the job analytics-aggregation.

mod age_generation;
pub(crate) mod aggregate_definitions;
mod dimension;
mod email;
mod geography;
#[cfg(test)]
mod guide_example;
mod overview;
mod quality;

pub use dimension::DIM_USER_DEMOGRAPHICS;
pub use quality::DATA_QUALITY_METRICS;

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
    JobPlan::new(&TABLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/guides/add-a-table.md walks through this table: its text compiles, and its plan is whole.
    #[test]
    fn the_guides_table_is_made_as_it_says() {
        static TABLES: [PlannedTable; 1] = [guide_example::USERS_BY_COUNTRY];
        JobPlan::new(&TABLES).expect("a plan");
        let guide =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/add-a-table.md"));
        let guide = guide.expect("the guide");
        let block = guide.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
        assert_eq!(block.expect("a block"), include_str!("guide_example.rs"));
    }
}
