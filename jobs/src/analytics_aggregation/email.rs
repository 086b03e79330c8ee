//! fact_email_provider_analysis and fact_email_domain_analysis.

use millrace_lake::layout::Layer;

use super::aggregates::{DOMAINS, FEMALE, MALE, PROVIDERS};
use crate::aggregate::{Number, Text};
use crate::job_plan::{Facts, PlannedTable};
use crate::table::rounding::{percent, ratio};
use crate::table::{ColumnType, Row, TableSpec};

pub(super) const PROVIDER_ANALYSIS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_email_provider_analysis",
        layer: Layer::Analytics,
        columns: &[
            ("email_provider_type", ColumnType::Text),
            ("total_users", ColumnType::Count),
            ("unique_domains", ColumnType::Count),
            ("avg_age", ColumnType::Real),
            ("avg_data_quality", ColumnType::Real),
            ("countries_represented", ColumnType::Count),
            ("analysis_level", ColumnType::Text),
            ("processing_date", ColumnType::Day),
            ("created_at", ColumnType::Instant),
        ],
        key: 1,
    },
    rows: provider_rows,
};

fn provider_rows(facts: &Facts<'_>) -> Vec<Row> {
    let providers = facts.users.cells(&PROVIDERS);
    let rows = providers.iter().map(|provider| {
        vec![
            provider.text(0).into(),
            provider.rows().into(),
            provider.distinct(Text::EmailDomain).into(),
            provider.average(Number::Age).into(),
            provider.average(Number::Quality).into(),
            provider.distinct(Text::Country).into(),
            "provider_type".into(),
            facts.processing_date(),
            facts.created_at(),
        ]
    });
    rows.collect()
}

pub(super) const DOMAIN_ANALYSIS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_email_domain_analysis",
        layer: Layer::Analytics,
        columns: &[
            ("email_domain", ColumnType::Text),
            ("email_provider_type", ColumnType::Text),
            ("user_count", ColumnType::Count),
            ("countries_using", ColumnType::Count),
            ("avg_user_age", ColumnType::Real),
            ("avg_data_quality", ColumnType::Real),
            ("male_users", ColumnType::Count),
            ("female_users", ColumnType::Count),
            ("total_users_in_batch", ColumnType::Count),
            ("market_share_percentage", ColumnType::Real),
            ("gender_ratio_male_female", ColumnType::Real),
            ("analysis_level", ColumnType::Text),
            ("processing_date", ColumnType::Day),
            ("created_at", ColumnType::Instant),
        ],
        key: 2,
    },
    rows: domain_rows,
};

fn domain_rows(facts: &Facts<'_>) -> Vec<Row> {
    let domains = facts.users.cells(&DOMAINS);
    let total = domains.total();
    let rows = domains.iter().map(|domain| {
        let (users, men, women) = (domain.rows(), domain.count(MALE), domain.count(FEMALE));
        vec![
            domain.text(0).into(),
            domain.text(1).into(),
            users.into(),
            domain.distinct(Text::Country).into(),
            domain.average(Number::Age).into(),
            domain.average(Number::Quality).into(),
            men.into(),
            women.into(),
            total.into(),
            percent(users, total).into(),
            ratio(men, women).into(),
            "domain".into(),
            facts.processing_date(),
            facts.created_at(),
        ]
    });
    rows.collect()
}
