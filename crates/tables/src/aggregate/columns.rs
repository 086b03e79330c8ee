//! Which columns of users_transformed are read for what is counted.

use std::collections::BTreeSet;

use super::{Aggregate, Condition, Key, Measure, Number};

/// The columns of users_transformed that `aggregates` need.
pub fn columns_of(aggregates: &[&Aggregate]) -> BTreeSet<&'static str> {
    let keys = aggregates.iter().flat_map(|aggregate| aggregate.keys);
    let keys = keys.map(|key| match key {
        Key::Text(text) => text.column(),
        _ => "registration_date",
    });
    let measures = aggregates.iter().flat_map(|aggregate| aggregate.measures);
    keys.chain(measures.flat_map(|measure| columns_of_measure(*measure))).collect()
}

fn columns_of_measure(measure: Measure) -> Vec<&'static str> {
    match measure {
        Measure::Rows => vec![],
        Measure::Distinct(text) | Measure::Where(Condition::Is(text, _)) => vec![text.column()],
        Measure::DistinctUsernames => vec!["username"],
        Measure::Where(Condition::EmailValid) => vec!["email_valid"],
        Measure::Where(Condition::PhoneValid) => vec!["phone_valid"],
        Measure::Where(Condition::HasId) => vec!["id"],
        Measure::Where(Condition::HasIssues) => vec!["quality_issues"],
        Measure::Where(Condition::QualityFrom(..)) => vec!["data_quality_score"],
        Measure::Sum(number) | Measure::Least(number) | Measure::Greatest(number) => match number {
            Number::Age => vec!["age_years"],
            Number::Quality => vec!["data_quality_score"],
            Number::AccountAge => vec!["account_age_days"],
            Number::AgeAtRegistration => vec!["birth_date", "registration_date"],
            Number::RegistrationDay => vec!["registration_date"],
        },
    }
}
