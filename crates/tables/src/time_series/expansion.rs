//! fact_geographic_expansion.

use std::cmp::Ordering;

use millrace_events::layer::Layer;

use super::aggregate_definitions::COUNTRIES;
use crate::ages;
use crate::aggregate::{Counted, Number, Text};
use crate::column::{Row, Value, columns};
use crate::job_plan::{Facts, PlannedTable};
use crate::plan_error::PlanError;
use crate::rank::rank;
use crate::rounding::{percent, rate};
use crate::table_spec::{Contents, TableSpec};

/// A country beside the others.
struct Country<'a> {
    group: Counted<'a>,
    users: i64,
    /// Days since its first registration, and users a day since then.
    since: Option<i64>,
    rate: Option<f64>,
}

columns! { COLUMNS, fn row(country: &Country<'_>, total: i64, ranks: (i64, i64), facts: &Facts<'_>)
where {
    let Country { group, users, since, rate } = country;
    let (by_users, by_rate) = ranks;
} {
    country: Text = group.text(0)?,
    user_count: Int64 = *users,
    first_user_date: Date = day(group.least(Number::RegistrationDay)?),
    latest_user_date: Date = day(group.greatest(Number::RegistrationDay)?),
    cities_represented: Int64 = group.distinct(Text::City)?,
    avg_user_age: Float64 = group.average(Number::Age)?,
    avg_data_quality: Float64 = group.average(Number::Quality)?,
    days_since_first_user: Int64 = *since,
    user_acquisition_rate: Float64 = *rate,
    total_users_global: Int64 = total,
    market_share_percentage: Float64 = percent(*users, total),
    user_count_rank: Int64 = by_users,
    expansion_rate_rank: Int64 = by_rate,
    expansion_category: Text = category(by_rate),
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

pub(super) const GEOGRAPHIC_EXPANSION: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_geographic_expansion",
        layer: Layer::Timeseries,
        contents: Contents::Snapshot,
        columns: COLUMNS,
        key: 1,
        data_subject: None,
    },
    counts: &[&COUNTRIES],
    rows,
};

fn rows(facts: &Facts<'_>) -> Result<Vec<Row>, PlanError> {
    // Sorted by country, which settles ties in the ranks.
    let cells = facts.cells(&COUNTRIES)?.sorted();
    let total = cells.total()?;
    let as_of = i64::from(ages::days(facts.run.as_of));
    let countries = cells.iter().map(|group| {
        let users = group.rows()?;
        let since = group.least(Number::RegistrationDay)?.map(|first| as_of - first);
        let rate = since.and_then(|days| rate(users, days.max(1)));
        Ok(Country { group, users, since, rate })
    });
    let countries = countries.collect::<Result<Vec<_>, PlanError>>()?;
    let by_users = rank(&countries, |a, b| b.users.cmp(&a.users));
    let by_rate = rank(&countries, |a, b| descending_nulls_last(a.rate, b.rate));
    let ranks = by_users.into_iter().zip(by_rate);
    countries.iter().zip(ranks).map(|(country, ranks)| row(country, total, ranks, facts)).collect()
}

fn day(day: Option<i64>) -> Value {
    day.and_then(|day| i32::try_from(day).ok()).map_or(Value::Null, Value::Date)
}

fn descending_nulls_last(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(&a),
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
