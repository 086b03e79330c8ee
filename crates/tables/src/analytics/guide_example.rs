//! fact_users_by_country: how many users each country has.

use millrace_events::layer::Layer;

use super::aggregate_definitions::PLACES;
use crate::aggregate::{Counted, Key, Number, Text};
use crate::column::columns;
use crate::job_plan::{Facts, PlannedTable};
use crate::rounding::percent;
use crate::table_spec::{Contents, TableSpec};

columns! { COLUMNS, fn row(country: Counted<'_>, total: i64, facts: &Facts<'_>)
where {
    let users = country.rows()?;
} {
    country: Text = country.text(0)?,
    users: Int64 = users,
    share: Float64 = percent(users, total),
    avg_age: Float64 = country.average(Number::Age)?,
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

pub(super) const USERS_BY_COUNTRY: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_users_by_country",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: COLUMNS,
        key: 1,
        data_subject: None,
    },
    counts: &[&PLACES],
    rows: |facts| {
        let countries = facts.cells(&PLACES)?.by(&[Key::Text(Text::Country)])?;
        let total = countries.total()?;
        countries.iter().map(|country| row(country, total, facts)).collect()
    },
};
