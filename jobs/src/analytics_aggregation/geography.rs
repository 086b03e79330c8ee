//! fact_geographic_analysis.

use millrace_lake::layout::Layer;

use super::aggregates::{BUSINESS, FEMALE, MALE, PLACES};
use crate::aggregate::{Cells, Key, Number, Text};
use crate::job_plan::{Facts, PlannedTable};
use crate::table::rounding::percent;
use crate::table::{ColumnType, Row, TableSpec, Value, rank};

pub(super) const GEOGRAPHIC_ANALYSIS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_geographic_analysis",
        layer: Layer::Analytics,
        columns: &[
            ("analysis_type", ColumnType::Text),
            ("geographic_level", ColumnType::Text),
            ("country", ColumnType::Text),
            ("city", ColumnType::Text),
            ("user_count", ColumnType::Count),
            ("unique_email_domains", ColumnType::Count),
            ("avg_age", ColumnType::Real),
            ("avg_data_quality", ColumnType::Real),
            ("male_percentage", ColumnType::Real),
            ("female_percentage", ColumnType::Real),
            ("business_email_percentage", ColumnType::Real),
            ("processing_date", ColumnType::Day),
            ("user_count_rank", ColumnType::Count),
            ("created_at", ColumnType::Instant),
        ],
        // Two cities may share a level ("a, b" of c and a of "b, c"), so country and city are of the key too.
        key: 4,
    },
    rows,
};

fn rows(facts: &Facts<'_>) -> Vec<Row> {
    let places = facts.users.cells(&PLACES);
    let mut rows = level(facts, &places.by(&[Key::Text(Text::Country)]), "country");
    rows.extend(level(facts, &places.by(&[Key::Text(Text::Country), Key::Text(Text::City)]), "city"));
    rows
}

/// The rows of one kind of place, ranked among themselves.
fn level(facts: &Facts<'_>, places: &Cells, analysis_type: &str) -> Vec<Row> {
    let places: Vec<_> = places.iter().collect();
    let is_city = analysis_type == "city";
    let city = |place: usize| is_city.then(|| places[place].text(1));
    // The places are in the order of their keys already, which settles ties.
    let ranks = rank(&places, |a, b| b.rows().cmp(&a.rows()));
    let rows = places.iter().enumerate().map(|(at, place)| {
        let (country, users) = (place.text(0), place.rows());
        let share = |condition| Value::from(percent(place.count(condition), users));
        vec![
            analysis_type.into(),
            city(at).map_or_else(|| country.to_owned(), |city| format!("{city}, {country}")).into(),
            country.into(),
            city(at).into(),
            users.into(),
            place.distinct(Text::EmailDomain).into(),
            place.average(Number::Age).into(),
            place.average(Number::Quality).into(),
            share(MALE),
            share(FEMALE),
            share(BUSINESS),
            facts.processing_date(),
            ranks[at].into(),
            facts.created_at(),
        ]
    });
    rows.collect()
}
