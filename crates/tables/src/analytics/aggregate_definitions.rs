//! What analytics-aggregation counts of the users.

use crate::aggregate::{Aggregate, Condition, Key, Measure, Number, Text};

pub(crate) const MALE: Condition = Condition::Is(Text::Gender, "male");
pub(crate) const FEMALE: Condition = Condition::Is(Text::Gender, "female");
pub(super) const BUSINESS: Condition = Condition::Is(Text::EmailProvider, "Business");
pub(super) const PERSONAL: Condition = Condition::Is(Text::EmailProvider, "Personal");
pub(super) const VETERAN: Condition = Condition::Is(Text::Tenure, "Veteran");
pub(super) const NEW: Condition = Condition::Is(Text::Tenure, "New");

pub(super) const PLACES: Aggregate = Aggregate {
    name: "users by place",
    keys: &[Key::Text(Text::Country), Key::Text(Text::City)],
    measures: &[
        Measure::Rows,
        Measure::Sum(Number::Age),
        Measure::Sum(Number::Quality),
        Measure::Where(MALE),
        Measure::Where(FEMALE),
        Measure::Where(BUSINESS),
        Measure::Distinct(Text::EmailDomain),
    ],
};

pub(super) const GROUPS: Aggregate = Aggregate {
    name: "users by age, generation and gender",
    keys: &[Key::Text(Text::AgeGroup), Key::Text(Text::Generation), Key::Text(Text::Gender)],
    measures: &[
        Measure::Rows,
        Measure::Sum(Number::Quality),
        Measure::Sum(Number::AccountAge),
        Measure::Distinct(Text::Country),
        Measure::Distinct(Text::EmailDomain),
        Measure::Where(PERSONAL),
        Measure::Where(BUSINESS),
        Measure::Where(VETERAN),
        Measure::Where(NEW),
        Measure::Where(Condition::EmailValid),
        Measure::Where(Condition::PhoneValid),
    ],
};

pub(super) const PROVIDERS: Aggregate = Aggregate {
    name: "users by provider",
    keys: &[Key::Text(Text::EmailProvider)],
    measures: &[
        Measure::Rows,
        Measure::Sum(Number::Age),
        Measure::Sum(Number::Quality),
        Measure::Distinct(Text::EmailDomain),
        Measure::Distinct(Text::Country),
    ],
};

pub(super) const DOMAINS: Aggregate = Aggregate {
    name: "users by domain",
    keys: &[Key::Text(Text::EmailDomain), Key::Text(Text::EmailProvider)],
    measures: &[
        Measure::Rows,
        Measure::Distinct(Text::Country),
        Measure::Sum(Number::Age),
        Measure::Sum(Number::Quality),
        Measure::Where(MALE),
        Measure::Where(FEMALE),
    ],
};

pub(super) const STATES: Aggregate =
    Aggregate { name: "users by state", keys: &[Key::Text(Text::State)], measures: &[Measure::Rows] };

pub(super) const EXCELLENT: Condition = Condition::QualityFrom(90, i64::MAX);
pub(super) const GOOD: Condition = Condition::QualityFrom(80, 90);
pub(super) const FAIR: Condition = Condition::QualityFrom(70, 80);
pub(super) const POOR: Condition = Condition::QualityFrom(50, 70);
pub(super) const VERY_POOR: Condition = Condition::QualityFrom(i64::MIN + 1, 50);

pub(super) const ALL_USERS: Aggregate = Aggregate {
    name: "all users",
    keys: &[],
    measures: &[
        Measure::Rows,
        Measure::Where(EXCELLENT),
        Measure::Where(GOOD),
        Measure::Where(FAIR),
        Measure::Where(POOR),
        Measure::Where(VERY_POOR),
        Measure::Sum(Number::Quality),
        Measure::Least(Number::Quality),
        Measure::Greatest(Number::Quality),
        Measure::Where(Condition::EmailValid),
        Measure::Where(Condition::PhoneValid),
        Measure::Where(Condition::HasId),
        Measure::Where(Condition::HasIssues),
        Measure::DistinctUsernames,
    ],
};
