//! fact_registration_trends and fact_registration_anomalies.

use std::collections::BTreeMap;

use chrono::Datelike;
use millrace_events::layer::Layer;

use super::aggregate_definitions::{MONTHS, QUARTERS, WEEKDAYS};
use super::anomalies::{self, Judged};
use crate::ages;
use crate::aggregate::{Aggregate, Cells, Counted, Number, Text};
use crate::analytics::aggregate_definitions::{FEMALE, MALE};
use crate::column::{Column, Row, columns, followed_by};
use crate::job_plan::{Facts, PlannedTable};
use crate::plan_error::PlanError;
use crate::rounding::percent;
use crate::table_spec::{Contents, TableSpec};

columns! { TREND_COLUMNS, fn row(group: Counted<'_>, period: Period, previous: i64, facts: &Facts<'_>)
where {
    let registrations = group.rows()?;
} {
    period_type: Text = period.name(),
    time_period: Text = period.label(group.number(0)?),
    registrations: Int64 = registrations,
    countries_represented: Int64 = group.distinct(Text::Country)?,
    avg_age_at_registration: Float64 = group.average(Number::AgeAtRegistration)?,
    male_percentage: Float64 = percent(group.count(MALE)?, registrations),
    female_percentage: Float64 = percent(group.count(FEMALE)?, registrations),
    avg_data_quality: Float64 = group.average(Number::Quality)?,
    processing_date: Date = facts.processing_date(),
    previous_registrations: Int64 = previous,
    growth_rate: Float64 = percent(registrations - previous, previous),
    created_at: Timestamp = facts.created_at(),
}}

const ANOMALY_COLUMNS: [Column; 17] = followed_by(TREND_COLUMNS, anomalies::COLUMNS);

pub(super) const REGISTRATION_TRENDS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_registration_trends",
        layer: Layer::Timeseries,
        contents: Contents::Snapshot,
        columns: TREND_COLUMNS,
        key: 2,
        data_subject: None,
    },
    counts: &[&MONTHS, &QUARTERS, &WEEKDAYS],
    rows: |facts| {
        let mut rows = Vec::new();
        for (aggregate, period) in PERIODS {
            let periods = periods(facts, &facts.cells(aggregate)?, *period)?;
            rows.extend(periods.into_iter().map(|(_, row)| row));
        }
        Ok(rows)
    },
};

pub(super) const REGISTRATION_ANOMALIES: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_registration_anomalies",
        layer: Layer::Timeseries,
        contents: Contents::Snapshot,
        columns: &ANOMALY_COLUMNS,
        key: 2,
        data_subject: None,
    },
    counts: &[&MONTHS],
    rows: anomaly_rows,
};

const PERIODS: &[(&Aggregate, Period)] =
    &[(&MONTHS, Period::Month), (&QUARTERS, Period::Quarter), (&WEEKDAYS, Period::Weekday)];

/// A calendar's period, numbered so that the one before has the number before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    Month,
    Quarter,
    Weekday,
}

const WEEKDAY_NAMES: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Period {
    fn name(self) -> &'static str {
        match self {
            Self::Month => "monthly",
            Self::Quarter => "quarterly",
            Self::Weekday => "day_of_week",
        }
    }

    fn label(self, number: i32) -> String {
        match self {
            Self::Month => format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1),
            Self::Quarter => format!("{:04}-Q{}", number.div_euclid(4), number.rem_euclid(4) + 1),
            Self::Weekday => WEEKDAY_NAMES[number.rem_euclid(7) as usize].to_owned(),
        }
    }

    fn before(self, number: i32) -> i32 {
        match self {
            Self::Weekday => (number - 1).rem_euclid(7),
            Self::Month | Self::Quarter => number - 1,
        }
    }
}

/// A row for each period, with the period's number, in the order of numbers.
fn periods(facts: &Facts<'_>, cells: &Cells, period: Period) -> Result<Vec<(i32, Row)>, PlanError> {
    let mut counts: BTreeMap<i32, i64> = BTreeMap::new();
    for cell in cells.iter() {
        counts.insert(cell.number(0)?, cell.rows()?);
    }
    let rows = cells.iter().map(|cell| {
        let number = cell.number(0)?;
        let previous = counts.get(&period.before(number)).copied().unwrap_or(0);
        Ok((number, row(cell, period, previous, facts)?))
    });
    let mut rows = rows.collect::<Result<Vec<_>, PlanError>>()?;
    rows.sort_unstable_by_key(|(number, _)| *number);
    Ok(rows)
}

fn anomaly_rows(facts: &Facts<'_>) -> Result<Vec<Row>, PlanError> {
    let cells = facts.cells(&MONTHS)?.sorted();
    // The month of as_of and later ones are unfinished: they are neither judged nor judged by.
    let unfinished = ages::month(ages::days(facts.run.as_of));
    debug_assert_eq!(unfinished, facts.run.as_of.year() * 12 + facts.run.as_of.month0().cast_signed());
    let mut finished = Vec::new();
    for cell in cells.iter() {
        if cell.number(0)? < unfinished {
            finished.push(cell.rows()? as f64);
        }
    }
    let judged = anomalies::judge(&finished).into_iter().chain(std::iter::repeat(Judged::NORMAL));
    let months = periods(facts, &cells, Period::Month)?;
    months.into_iter().zip(judged).map(|((_, row), judged)| judged.beside(row)).collect()
}
