//! user_analytics and user_demographics: the numbers that people look at first.

use millrace_events::layer::Layer;

use super::aggregate_definitions::{ALL_USERS, DOMAINS, GROUPS, PLACES, STATES};
use crate::aggregate::{Cells, Key, Text};
use crate::column::columns;
use crate::job_plan::{Facts, PlannedTable};
use crate::plan_error::PlanError;
use crate::rounding::percent;
use crate::table_spec::{Contents, TableSpec};

/// How many domains and states are listed.
const TOP: usize = 10;

/// Users of a kind, among `total`.
struct Share {
    kind: &'static str,
    name: String,
    users: i64,
    total: i64,
}

columns! { ANALYTICS_COLUMNS, fn metric_row(metric: Share, facts: &Facts<'_>) {
    metric_type: Text = metric.kind,
    metric_name: Text = metric.name,
    metric_value: Int64 = metric.users,
    percentage: Float64 = percent(metric.users, metric.total),
    created_at: Timestamp = facts.created_at(),
    processing_date: Date = facts.processing_date(),
}}

pub(super) const USER_ANALYTICS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "user_analytics",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: ANALYTICS_COLUMNS,
        key: 2,
        data_subject: None,
    },
    counts: &[&ALL_USERS, &GROUPS, &DOMAINS],
    rows: |facts| metrics(facts)?.into_iter().map(|metric| metric_row(metric, facts)).collect(),
};

fn metrics(facts: &Facts<'_>) -> Result<Vec<Share>, PlanError> {
    let all = facts.cells(&ALL_USERS)?;
    let total = all.total()?;
    let share = |kind, name, users| Share { kind, name, users, total };
    let genders = facts.cells(&GROUPS)?.by(&[Key::Text(Text::Gender)])?;
    let domains = facts.cells(&DOMAINS)?.by(&[Key::Text(Text::EmailDomain)])?;
    let usernames = all.iter().map(|all| all.distinct_usernames()).sum::<Result<_, _>>()?;
    let mut metrics = vec![
        share("general", "total_users".to_owned(), total),
        share("general", "unique_usernames".to_owned(), usernames),
    ];
    for gender in genders.iter() {
        let name = format!("gender_{}", gender.text(0)?);
        metrics.push(share("gender_distribution", name, gender.rows()?));
    }
    let domains = top(&domains)?;
    let domains = domains.into_iter();
    metrics.extend(
        domains.map(|(domain, users)| share("email_domain_distribution", format!("domain_{domain}"), users)),
    );
    Ok(metrics)
}

columns! { DEMOGRAPHICS_COLUMNS, fn demographic_row(group: Share, facts: &Facts<'_>) {
    demographic_type: Text = group.kind,
    demographic_value: Text = group.name,
    user_count: Int64 = group.users,
    percentage: Float64 = percent(group.users, group.total),
    created_at: Timestamp = facts.created_at(),
    processing_date: Date = facts.processing_date(),
}}

pub(super) const USER_DEMOGRAPHICS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "user_demographics",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: DEMOGRAPHICS_COLUMNS,
        key: 2,
        data_subject: None,
    },
    counts: &[&PLACES, &STATES],
    rows: |facts| demographics(facts)?.into_iter().map(|group| demographic_row(group, facts)).collect(),
};

fn demographics(facts: &Facts<'_>) -> Result<Vec<Share>, PlanError> {
    let countries = facts.cells(&PLACES)?.by(&[Key::Text(Text::Country)])?;
    let states = facts.cells(&STATES)?.by(&[Key::Text(Text::State)])?;
    let total = countries.total()?;
    let share = |kind, name: &str, users| Share { kind, name: name.to_owned(), users, total };
    let mut groups = Vec::new();
    for country in countries.iter() {
        groups.push(share("country", country.text(0)?, country.rows()?));
    }
    groups.extend(top(&states)?.into_iter().map(|(state, users)| share("state", state, users)));
    Ok(groups)
}

/// The groups with the most users, ties by name.
fn top(groups: &Cells) -> Result<Vec<(&str, i64)>, PlanError> {
    let groups = groups.iter().map(|group| Ok((group.text(0)?, group.rows()?)));
    let mut groups = groups.collect::<Result<Vec<_>, PlanError>>()?;
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    groups.truncate(TOP);
    Ok(groups)
}
