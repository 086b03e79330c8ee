//! fact_age_demographic_trends: how the share of each group among a year's registrations moves.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use millrace_events::layer::Layer;

use super::aggregate_definitions::COHORTS;
use crate::aggregate::{Counted, Key, Number, Text};
use crate::column::{Row, columns};
use crate::job_plan::{Facts, PlannedTable};
use crate::plan_error::PlanError;
use crate::rounding::{percent, percent_hundredths};
use crate::table_spec::{Contents, TableSpec};

/// Users of an age group and generation who registered in one year.
struct Cohort<'a> {
    group: Counted<'a>,
    in_year: i64,
    /// The same group among the users of the year before: how many of how many.
    before: Option<(i64, i64)>,
}

columns! { COLUMNS, fn row(cohort: Cohort<'_>, facts: &Facts<'_>)
where {
    let Cohort { group, in_year, before } = cohort;
    let users = group.rows()?;
    // The rounded shares are compared, as integers.
    let share_before = before.and_then(|(users, of)| percent_hundredths(users, of));
    let moved = percent_hundredths(users, in_year).zip(share_before).map(|(now, before)| now - before);
} {
    age_group: Text = group.text(0)?,
    generation: Text = group.text(1)?,
    registration_year: Int64 = i64::from(group.number(2)?),
    total_users_in_group: Int64 = users,
    avg_data_quality: Float64 = group.average(Number::Quality)?,
    total_countries: Int64 = group.distinct(Text::Country)?,
    total_users_in_year: Int64 = in_year,
    percentage_of_year: Float64 = percent(users, in_year),
    previous_year_percentage: Float64 = before.and_then(|(users, of)| percent(users, of)),
    trend_direction: Text = direction(moved),
    trend_magnitude: Float64 = moved.map(|moved| moved.abs() as f64 / 100.0),
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

pub(super) const AGE_DEMOGRAPHIC_TRENDS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_age_demographic_trends",
        layer: Layer::Timeseries,
        contents: Contents::Snapshot,
        columns: COLUMNS,
        key: 3,
        data_subject: None,
    },
    counts: &[&COHORTS],
    rows,
};

fn rows(facts: &Facts<'_>) -> Result<Vec<Row>, PlanError> {
    let cohorts = facts.cells(&COHORTS)?;
    let mut years: BTreeMap<i32, i64> = BTreeMap::new();
    for year in cohorts.by(&[Key::RegistrationYear])?.iter() {
        years.insert(year.number(0)?, year.rows()?);
    }
    let total = |year: i32| years.get(&year).copied().unwrap_or(0);
    let mut sizes = BTreeMap::new();
    for cohort in cohorts.iter() {
        sizes.insert((cohort.text(0)?, cohort.text(1)?, cohort.number(2)?), cohort.rows()?);
    }
    let rows = cohorts.iter().map(|group| {
        let year = group.number(2)?;
        let before = sizes.get(&(group.text(0)?, group.text(1)?, year - 1));
        let before = before.map(|users| (*users, total(year - 1)));
        row(Cohort { group, in_year: total(year), before }, facts)
    });
    rows.collect()
}

fn direction(moved: Option<i64>) -> &'static str {
    match moved.map(|moved| moved.cmp(&0)) {
        None => "New",
        Some(Ordering::Greater) => "Growing",
        Some(Ordering::Less) => "Declining",
        Some(Ordering::Equal) => "Stable",
    }
}
