//! What time-series-analysis counts of the users, by time.

use crate::aggregate::{Aggregate, Key, Measure, Number, Text};
use crate::analytics::aggregate_definitions::{FEMALE, MALE};

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
