//! fact_registration_trends and fact_registration_anomalies.

use std::collections::BTreeMap;

use chrono::Datelike;
use millrace_lake::layout::Layer;

use super::aggregates::{MONTHS, QUARTERS, WEEKDAYS};
use super::anomalies::{self, Judged};
use crate::aggregate::{Cells, Number, Text};
use crate::analytics_aggregation::aggregates::{FEMALE, MALE};
use crate::job_plan::{Facts, PlannedTable};
use crate::raw_transformation::ages;
use crate::table::rounding::percent;
use crate::table::{Column, ColumnType, Row, TableSpec, followed_by};

const TREND_COLUMNS: &[Column] = &[
    ("period_type", ColumnType::Text),
    ("time_period", ColumnType::Text),
    ("registrations", ColumnType::Count),
    ("countries_represented", ColumnType::Count),
    ("avg_age_at_registration", ColumnType::Real),
    ("male_percentage", ColumnType::Real),
    ("female_percentage", ColumnType::Real),
    ("avg_data_quality", ColumnType::Real),
    ("processing_date", ColumnType::Day),
    ("previous_registrations", ColumnType::Count),
    ("growth_rate", ColumnType::Real),
    ("created_at", ColumnType::Instant),
];

const ANOMALY_COLUMNS: [Column; 17] = followed_by(TREND_COLUMNS, anomalies::COLUMNS);

pub(super) const REGISTRATION_TRENDS: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_registration_trends",
        layer: Layer::Timeseries,
        columns: TREND_COLUMNS,
        key: 2,
    },
    rows: |facts| {
        let mut rows = periods(facts, &facts.users.cells(&MONTHS), Period::Month);
        rows.extend(periods(facts, &facts.users.cells(&QUARTERS), Period::Quarter));
        rows.extend(periods(facts, &facts.users.cells(&WEEKDAYS), Period::Weekday));
        rows.into_iter().map(|(_, row)| row).collect()
    },
};

pub(super) const REGISTRATION_ANOMALIES: PlannedTable = PlannedTable {
    spec: TableSpec {
        name: "fact_registration_anomalies",
        layer: Layer::Timeseries,
        columns: &ANOMALY_COLUMNS,
        key: 2,
    },
    rows: anomaly_rows,
};

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
fn periods(facts: &Facts<'_>, cells: &Cells, period: Period) -> Vec<(i32, Row)> {
    let counts: BTreeMap<i32, i64> = cells.iter().map(|cell| (cell.key(0).number(), cell.rows())).collect();
    let mut rows: Vec<(i32, Row)> = cells
        .iter()
        .map(|cell| {
            let (number, registrations) = (cell.key(0).number(), cell.rows());
            let previous = counts.get(&period.before(number)).copied().unwrap_or(0);
            let row = vec![
                period.name().into(),
                period.label(number).into(),
                registrations.into(),
                cell.distinct(Text::Country).into(),
                cell.average(Number::AgeAtRegistration).into(),
                percent(cell.count(MALE), registrations).into(),
                percent(cell.count(FEMALE), registrations).into(),
                cell.average(Number::Quality).into(),
                facts.processing_date(),
                previous.into(),
                percent(registrations - previous, previous).into(),
                facts.created_at(),
            ];
            (number, row)
        })
        .collect();
    rows.sort_unstable_by_key(|(number, _)| *number);
    rows
}

fn anomaly_rows(facts: &Facts<'_>) -> Vec<Row> {
    let cells = facts.users.cells(&MONTHS).sorted();
    // The month of as_of and later ones are unfinished: they are neither judged nor judged by.
    let unfinished = ages::month(ages::days(facts.run.as_of));
    debug_assert_eq!(unfinished, facts.run.as_of.year() * 12 + facts.run.as_of.month0().cast_signed());
    let finished = cells.iter().filter(|cell| cell.key(0).number() < unfinished);
    let judged = anomalies::judge(&finished.map(|cell| cell.rows() as f64).collect::<Vec<_>>());
    let months = periods(facts, &cells, Period::Month);
    let judged = judged.into_iter().chain(std::iter::repeat(Judged::NORMAL));
    months.into_iter().zip(judged).map(|((_, row), judged)| judged.beside(row)).collect()
}
