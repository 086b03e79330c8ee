//! fact_geographic_expansion.

use std::cmp::Ordering;

use millrace_lake::layout::Layer;

use super::aggregates::COUNTRIES;
use crate::aggregate::{Number, Text};
use crate::job_plan::{Facts, PlannedTable};
use crate::raw_transformation::ages;
use crate::table::rounding::{percent, rate};
use crate::table::{ColumnType, Row, TableSpec, Value, rank};

pub(super) const GEOGRAPHIC_EXPANSION: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_geographic_expansion",
        layer: Layer::Timeseries,
        columns: &[
            ("country", ColumnType::Text),
            ("user_count", ColumnType::Count),
            ("first_user_date", ColumnType::Day),
            ("latest_user_date", ColumnType::Day),
            ("cities_represented", ColumnType::Count),
            ("avg_user_age", ColumnType::Real),
            ("avg_data_quality", ColumnType::Real),
            ("days_since_first_user", ColumnType::Count),
            ("user_acquisition_rate", ColumnType::Real),
            ("total_users_global", ColumnType::Count),
            ("market_share_percentage", ColumnType::Real),
            ("user_count_rank", ColumnType::Count),
            ("expansion_rate_rank", ColumnType::Count),
            ("expansion_category", ColumnType::Text),
            ("processing_date", ColumnType::Day),
            ("created_at", ColumnType::Instant),
        ],
        key: 1,
    },
    rows,
};

fn rows(facts: &Facts<'_>) -> Vec<Row> {
    // Sorted by country, which settles ties in the ranks.
    let cells = facts.users.cells(&COUNTRIES).sorted();
    let countries: Vec<_> = cells.iter().collect();
    let total = cells.total();
    let as_of = i64::from(ages::days(facts.run.as_of));
    let since: Vec<Option<i64>> = countries
        .iter()
        .map(|country| country.least(Number::RegistrationDay).map(|first| as_of - first))
        .collect();
    let rates: Vec<Option<f64>> = countries
        .iter()
        .zip(&since)
        .map(|(country, days)| days.and_then(|days| rate(country.rows(), days.max(1))))
        .collect();
    let user_count_ranks = rank(&countries, |a, b| b.rows().cmp(&a.rows()));
    let rate_ranks = rank(&rates, descending_nulls_last);
    let day = |day: Option<i64>| day.and_then(|day| i32::try_from(day).ok()).map_or(Value::Null, Value::Day);
    let rows = countries.iter().enumerate().map(|(at, country)| {
        vec![
            country.text(0).into(),
            country.rows().into(),
            day(country.least(Number::RegistrationDay)),
            day(country.greatest(Number::RegistrationDay)),
            country.distinct(Text::City).into(),
            country.average(Number::Age).into(),
            country.average(Number::Quality).into(),
            since[at].into(),
            rates[at].into(),
            total.into(),
            percent(country.rows(), total).into(),
            user_count_ranks[at].into(),
            rate_ranks[at].into(),
            category(rate_ranks[at]).into(),
            facts.processing_date(),
            facts.created_at(),
        ]
    });
    rows.collect()
}

fn descending_nulls_last(a: &Option<f64>, b: &Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

fn category(expansion_rate_rank: i64) -> &'static str {
    match expansion_rate_rank {
        ..=5 => "Top Tier",
        6..=15 => "Mid Tier",
        _ => "Emerging",
    }
}
