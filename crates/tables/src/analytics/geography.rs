//! fact_geographic_analysis.

use millrace_events::layer::Layer;

use super::aggregate_definitions::{BUSINESS, FEMALE, MALE, PLACES};
use crate::aggregate::{Cells, Counted, Key, Number, Text};
use crate::column::{Row, columns};
use crate::job_plan::{Facts, PlannedTable};
use crate::plan_error::PlanError;
use crate::rank::rank;
use crate::rounding::percent;
use crate::table_spec::{Contents, TableSpec};

columns! { COLUMNS, fn row(place: Place<'_>, facts: &Facts<'_>)
where {
    let Place { group, city, rank } = place;
    let (country, users) = (group.text(0)?, group.rows()?);
    let share = |count| percent(count, users);
} {
    analysis_type: Text = if city.is_some() { "city" } else { "country" },
    geographic_level: Text = city.map_or_else(|| country.to_owned(), |city| format!("{city}, {country}")),
    country: Text = country,
    city: Text = city,
    user_count: Int64 = users,
    unique_email_domains: Int64 = group.distinct(Text::EmailDomain)?,
    avg_age: Float64 = group.average(Number::Age)?,
    avg_data_quality: Float64 = group.average(Number::Quality)?,
    male_percentage: Float64 = share(group.count(MALE)?),
    female_percentage: Float64 = share(group.count(FEMALE)?),
    business_email_percentage: Float64 = share(group.count(BUSINESS)?),
    processing_date: Date = facts.processing_date(),
    user_count_rank: Int64 = rank,
    created_at: Timestamp = facts.created_at(),
}}

pub(super) const GEOGRAPHIC_ANALYSIS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_geographic_analysis",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: COLUMNS,
        // Two cities may share a level ("a, b" of c and a of "b, c"), so country and city are of the key too.
        key: 4,
        data_subject: None,
    },
    counts: &[&PLACES],
    rows: |facts| {
        let places = facts.cells(&PLACES)?;
        let mut rows = level(facts, &places.by(&[Key::Text(Text::Country)])?, false)?;
        rows.extend(level(facts, &places.by(&[Key::Text(Text::Country), Key::Text(Text::City)])?, true)?);
        Ok(rows)
    },
};

/// A country or a city, and its rank among the others of its kind.
struct Place<'a> {
    group: Counted<'a>,
    city: Option<&'a str>,
    rank: i64,
}

/// The rows of one kind of place, ranked among themselves.
fn level(facts: &Facts<'_>, places: &Cells, of_cities: bool) -> Result<Vec<Row>, PlanError> {
    // The places are in the order of their keys already, which settles ties.
    let places =
        places.iter().map(|group| Ok((group, group.rows()?))).collect::<Result<Vec<_>, PlanError>>()?;
    let ranks = rank(&places, |a, b| b.1.cmp(&a.1));
    let rows = places.into_iter().zip(ranks).map(|((group, _), rank)| {
        let city = of_cities.then(|| group.text(1)).transpose()?;
        row(Place { group, city, rank }, facts)
    });
    rows.collect()
}
