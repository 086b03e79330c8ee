//! What the jobs count of users, stated apart from the engine that counts it.
//!
//! An [`Aggregate`] names keys and measures. Every measure can be had of any part of the users and merged
//! ([`Partial::merge`]), so an engine may split the users as it likes: threads over row groups here, executors elsewhere.

mod cells;
mod columns;
mod dictionary;
mod partial;
mod partial_bytes;

pub use cells::{Cells, Counted, KeyValue};
pub use columns::columns_of;
pub use partial::Partial;
pub use partial_bytes::PartialError;

/// A text of users_transformed with few distinct values, which can be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Text {
    /// The country's name.
    Country,
    /// The city alone: cities of one name in two countries are one.
    City,
    /// The state or province alone, whatever its country.
    State,
    /// [`age_group`](crate::ages::age_group) of the age on the logical day.
    AgeGroup,
    /// [`generation`](crate::ages::generation) of the birth date.
    Generation,
    /// `male`, `female` or `unknown`.
    Gender,
    /// The kind of provider that the email's domain belongs to.
    EmailProvider,
    /// The part of the email behind the `@`.
    EmailDomain,
    /// [`account_tenure_category`](crate::ages::account_tenure_category) of the account's age.
    Tenure,
}

impl Text {
    /// Every text, in the order of declaration.
    pub const ALL: [Self; 9] = [
        Self::Country,
        Self::City,
        Self::State,
        Self::AgeGroup,
        Self::Generation,
        Self::Gender,
        Self::EmailProvider,
        Self::EmailDomain,
        Self::Tenure,
    ];

    /// Its column.
    pub fn column(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::City => "city",
            Self::State => "state",
            Self::AgeGroup => "age_group",
            Self::Generation => "generation",
            Self::Gender => "gender",
            Self::EmailProvider => "email_provider_type",
            Self::EmailDomain => "email_domain",
            Self::Tenure => "account_tenure_category",
        }
    }
}

/// What users are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A null text is the key [`UNKNOWN`].
    Text(Text),
    /// Months since year 0 of the registration date. Users without the date are in no group; so for the next ones.
    RegistrationMonth,
    /// Quarters since year 0.
    RegistrationQuarter,
    /// Days since Monday of the registration date.
    RegistrationWeekday,
    /// The calendar year of the registration date.
    RegistrationYear,
}

/// The key of an absent text.
pub const UNKNOWN: &str = "unknown";

/// A whole number of a user; sums of these are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Number {
    /// Age in whole years on the logical day.
    Age,
    /// data_quality_score, whose deductions are whole points.
    Quality,
    /// Days from the registration to the logical day, negative where it lies ahead.
    AccountAge,
    /// Whole years by calendar on the registration date; absent for a birth after it.
    AgeAtRegistration,
    /// The registration date as days since 1970-01-01.
    RegistrationDay,
}

/// What is true of a user or not; an absent value meets no condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The text is there and equals this value.
    Is(Text, &'static str),
    /// `email_valid` is true.
    EmailValid,
    /// `phone_valid` is true.
    PhoneValid,
    /// The user has an id.
    HasId,
    /// At least one quality issue was found.
    HasIssues,
    /// The score lies in `from..below`.
    QualityFrom(i64, i64),
}

/// What is counted of the users of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Users, whatever they have.
    Rows,
    /// Users who meet the condition.
    Where(Condition),
    /// The sum, and how many have the number.
    Sum(Number),
    /// The smallest value among those who have the number.
    Least(Number),
    /// The greatest value among those who have the number.
    Greatest(Number),
    /// Distinct present values.
    Distinct(Text),
    /// Distinct present usernames, told apart by 128 bits of hash: two of a billion share theirs with a chance below
    /// 10^-20. Only in an aggregate without keys: there is one such set.
    DistinctUsernames,
}

/// Users grouped by keys (none: all of them in one group), and what is counted of each group.
#[derive(Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// What errors call it; it names no table.
    pub name: &'static str,
    /// At most three.
    pub keys: &'static [Key],
    /// What is counted. To ask a group for anything else is a [`PlanError`](crate::PlanError).
    pub measures: &'static [Measure],
}
