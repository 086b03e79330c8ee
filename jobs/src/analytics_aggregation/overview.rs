//! user_analytics and user_demographics: the numbers that people look at first.

use millrace_lake::layout::Layer;

use super::aggregates::{ALL_USERS, DOMAINS, GROUPS, PLACES, STATES};
use crate::aggregate::{Cells, Key, Text};
use crate::job_plan::{Facts, PlannedTable};
use crate::table::rounding::percent;
use crate::table::{ColumnType, Row, TableSpec};

/// How many domains and states are told.
const TOP: usize = 10;

pub(super) const USER_ANALYTICS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "user_analytics",
        layer: Layer::Analytics,
        columns: &[
            ("metric_type", ColumnType::Text),
            ("metric_name", ColumnType::Text),
            ("metric_value", ColumnType::Count),
            ("percentage", ColumnType::Real),
            ("created_at", ColumnType::Instant),
            ("processing_date", ColumnType::Day),
        ],
        key: 2,
    },
    rows: analytics_rows,
};

fn analytics_rows(facts: &Facts<'_>) -> Vec<Row> {
    let all = facts.users.cells(&ALL_USERS);
    let total = all.total();
    let metric = |kind: &str, name: String, value: i64| -> Row {
        vec![
            kind.into(),
            name.into(),
            value.into(),
            percent(value, total).into(),
            facts.created_at(),
            facts.processing_date(),
        ]
    };
    let genders = facts.users.cells(&GROUPS).by(&[Key::Text(Text::Gender)]);
    let domains = facts.users.cells(&DOMAINS).by(&[Key::Text(Text::EmailDomain)]);
    let usernames = all.iter().map(|all| all.distinct_usernames()).sum();
    let mut rows = vec![
        metric("general", "total_users".to_owned(), total),
        metric("general", "unique_usernames".to_owned(), usernames),
    ];
    rows.extend(
        genders
            .iter()
            .map(|gender| metric("gender_distribution", format!("gender_{}", gender.text(0)), gender.rows())),
    );
    rows.extend(
        top(&domains)
            .into_iter()
            .map(|(domain, users)| metric("email_domain_distribution", format!("domain_{domain}"), users)),
    );
    rows
}

pub(super) const USER_DEMOGRAPHICS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "user_demographics",
        layer: Layer::Analytics,
        columns: &[
            ("demographic_type", ColumnType::Text),
            ("demographic_value", ColumnType::Text),
            ("user_count", ColumnType::Count),
            ("percentage", ColumnType::Real),
            ("created_at", ColumnType::Instant),
            ("processing_date", ColumnType::Day),
        ],
        key: 2,
    },
    rows: demographics_rows,
};

fn demographics_rows(facts: &Facts<'_>) -> Vec<Row> {
    let countries = facts.users.cells(&PLACES).by(&[Key::Text(Text::Country)]);
    let states = facts.users.cells(&STATES).by(&[Key::Text(Text::State)]);
    let total = countries.total();
    let row = |kind: &str, value: &str, users: i64| -> Row {
        vec![
            kind.into(),
            value.into(),
            users.into(),
            percent(users, total).into(),
            facts.created_at(),
            facts.processing_date(),
        ]
    };
    let mut rows: Vec<Row> =
        countries.iter().map(|country| row("country", country.text(0), country.rows())).collect();
    rows.extend(top(&states).into_iter().map(|(state, users)| row("state", state, users)));
    rows
}

/// The groups with the most users, ties by name.
fn top(groups: &Cells) -> Vec<(&str, i64)> {
    let mut groups: Vec<_> = groups.iter().map(|group| (group.text(0), group.rows())).collect();
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    groups.truncate(TOP);
    groups
}
