//! The plan of time-series-analysis: what is counted of the users by time, and the tables made of it.

use super::{age_trends, expansion, quality_series, registrations};
use crate::aggregate::{Aggregate, Key, Measure, Number, Text};
use crate::analytics_aggregation::aggregates::{FEMALE, MALE};
use crate::job_plan::JobPlan;

/// The job's name.
pub const JOB: &str = "time-series-analysis";

pub const PLAN: JobPlan = JobPlan {
    job: JOB,
    aggregates: AGGREGATES,
    tables: &[
        registrations::REGISTRATION_TRENDS,
        expansion::GEOGRAPHIC_EXPANSION,
        age_trends::AGE_DEMOGRAPHIC_TRENDS,
        quality_series::DATA_QUALITY_TRENDS,
        registrations::REGISTRATION_ANOMALIES,
        quality_series::QUALITY_ANOMALIES,
    ],
};

const REGISTRATION_MEASURES: &[Measure] = &[
    Measure::Rows,
    Measure::Distinct(Text::Country),
    Measure::Sum(Number::AgeAtRegistration),
    Measure::Where(MALE),
    Measure::Where(FEMALE),
    Measure::Sum(Number::Quality),
];

pub(super) const MONTHS: Aggregate = Aggregate {
    name: "registrations by month",
    keys: &[Key::RegistrationMonth],
    measures: REGISTRATION_MEASURES,
};

pub(super) const QUARTERS: Aggregate = Aggregate {
    name: "registrations by quarter",
    keys: &[Key::RegistrationQuarter],
    measures: REGISTRATION_MEASURES,
};

pub(super) const WEEKDAYS: Aggregate = Aggregate {
    name: "registrations by weekday",
    keys: &[Key::RegistrationWeekday],
    measures: REGISTRATION_MEASURES,
};

pub(super) const COUNTRIES: Aggregate = Aggregate {
    name: "countries over time",
    keys: &[Key::Text(Text::Country)],
    measures: &[
        Measure::Rows,
        Measure::Least(Number::RegistrationDay),
        Measure::Greatest(Number::RegistrationDay),
        Measure::Distinct(Text::City),
        Measure::Sum(Number::Age),
        Measure::Sum(Number::Quality),
    ],
};

pub(super) const COHORTS: Aggregate = Aggregate {
    name: "registered users by age, generation and year",
    keys: &[Key::Text(Text::AgeGroup), Key::Text(Text::Generation), Key::RegistrationYear],
    measures: &[Measure::Rows, Measure::Sum(Number::Quality), Measure::Distinct(Text::Country)],
};

const AGGREGATES: &[Aggregate] = &[MONTHS, QUARTERS, WEEKDAYS, COUNTRIES, COHORTS];
