//! fact_email_provider_analysis and fact_email_domain_analysis.

use millrace_events::layer::Layer;

use super::aggregate_definitions::{DOMAINS, FEMALE, MALE, PROVIDERS};
use crate::aggregate::{Counted, Number, Text};
use crate::column::columns;
use crate::job_plan::{Facts, PlannedTable};
use crate::rounding::{percent, ratio};
use crate::table_spec::{Contents, TableSpec};

columns! { PROVIDER_COLUMNS, fn provider_row(provider: Counted<'_>, facts: &Facts<'_>) {
    email_provider_type: Text = provider.text(0)?,
    total_users: Int64 = provider.rows()?,
    unique_domains: Int64 = provider.distinct(Text::EmailDomain)?,
    avg_age: Float64 = provider.average(Number::Age)?,
    avg_data_quality: Float64 = provider.average(Number::Quality)?,
    countries_represented: Int64 = provider.distinct(Text::Country)?,
    analysis_level: Text = "provider_type",
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

pub(super) const PROVIDER_ANALYSIS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_email_provider_analysis",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: PROVIDER_COLUMNS,
        key: 1,
        data_subject: None,
    },
    counts: &[&PROVIDERS],
    rows: |facts| facts.cells(&PROVIDERS)?.iter().map(|provider| provider_row(provider, facts)).collect(),
};

columns! { DOMAIN_COLUMNS, fn domain_row(domain: Counted<'_>, total: i64, facts: &Facts<'_>)
where {
    let (users, men, women) = (domain.rows()?, domain.count(MALE)?, domain.count(FEMALE)?);
} {
    email_domain: Text = domain.text(0)?,
    email_provider_type: Text = domain.text(1)?,
    user_count: Int64 = users,
    countries_using: Int64 = domain.distinct(Text::Country)?,
    avg_user_age: Float64 = domain.average(Number::Age)?,
    avg_data_quality: Float64 = domain.average(Number::Quality)?,
    male_users: Int64 = men,
    female_users: Int64 = women,
    total_users_in_batch: Int64 = total,
    market_share_percentage: Float64 = percent(users, total),
    gender_ratio_male_female: Float64 = ratio(men, women),
    analysis_level: Text = "domain",
    processing_date: Date = facts.processing_date(),
    created_at: Timestamp = facts.created_at(),
}}

pub(super) const DOMAIN_ANALYSIS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_email_domain_analysis",
        layer: Layer::Analytics,
        contents: Contents::Snapshot,
        columns: DOMAIN_COLUMNS,
        key: 2,
        data_subject: None,
    },
    counts: &[&DOMAINS],
    rows: |facts| {
        let domains = facts.cells(&DOMAINS)?;
        let total = domains.total()?;
        domains.iter().map(|domain| domain_row(domain, total, facts)).collect()
    },
};
