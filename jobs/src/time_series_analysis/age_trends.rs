//! fact_age_demographic_trends: how the share of each group among a year's registrations moves.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use millrace_lake::layout::Layer;

use super::aggregates::COHORTS;
use crate::aggregate::{Key, Number, Text};
use crate::job_plan::{Facts, PlannedTable};
use crate::table::rounding::{percent, percent_hundredths};
use crate::table::{ColumnType, Row, TableSpec, Value};

pub(super) const AGE_DEMOGRAPHIC_TRENDS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_age_demographic_trends",
        layer: Layer::Timeseries,
        columns: &[
            ("age_group", ColumnType::Text),
            ("generation", ColumnType::Text),
            ("registration_year", ColumnType::Count),
            ("total_users_in_group", ColumnType::Count),
            ("avg_data_quality", ColumnType::Real),
            ("total_countries", ColumnType::Count),
            ("total_users_in_year", ColumnType::Count),
            ("percentage_of_year", ColumnType::Real),
            ("previous_year_percentage", ColumnType::Real),
            ("trend_direction", ColumnType::Text),
            ("trend_magnitude", ColumnType::Real),
            ("processing_date", ColumnType::Day),
            ("created_at", ColumnType::Instant),
        ],
        key: 3,
    },
    rows,
};

fn rows(facts: &Facts<'_>) -> Vec<Row> {
    let cohorts = facts.users.cells(&COHORTS);
    let years = cohorts.by(&[Key::RegistrationYear]);
    let in_year: BTreeMap<i32, i64> = years.iter().map(|year| (year.key(0).number(), year.rows())).collect();
    let total = |year: i32| in_year.get(&year).copied().unwrap_or(0);
    let sizes: BTreeMap<_, i64> = cohorts
        .iter()
        .map(|cohort| ((cohort.text(0), cohort.text(1), cohort.key(2).number()), cohort.rows()))
        .collect();
    let rows = cohorts.iter().map(|cohort| {
        let (users, year) = (cohort.rows(), cohort.key(2).number());
        let before = sizes.get(&(cohort.text(0), cohort.text(1), year - 1)).copied();
        // The rounded shares are compared, as integers.
        let share = percent_hundredths(users, total(year));
        let share_before = before.and_then(|before| percent_hundredths(before, total(year - 1)));
        let moved = share.zip(share_before).map(|(now, before)| now - before);
        vec![
            cohort.text(0).into(),
            cohort.text(1).into(),
            i64::from(year).into(),
            users.into(),
            cohort.average(Number::Quality).into(),
            cohort.distinct(Text::Country).into(),
            total(year).into(),
            percent(users, total(year)).into(),
            before.and_then(|before| percent(before, total(year - 1))).into(),
            direction(moved).into(),
            moved.map_or(Value::Null, |moved| (moved.abs() as f64 / 100.0).into()),
            facts.processing_date(),
            facts.created_at(),
        ]
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
