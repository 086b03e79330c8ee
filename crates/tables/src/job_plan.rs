//! What a job is, apart from the engine that counts and the sink that publishes: tables, and what has to be counted for them.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use millrace_events::instant::Micros;

use crate::aggregate::{Aggregate, Cells, Partial};
use crate::column::{Row, Value};
use crate::plan_error::PlanError;
use crate::quality_day::QualityDay;
use crate::run_context::RunContext;
use crate::table_spec::TableSpec;

/// A job's plan: its tables of counts. What is counted for them follows from them.
#[derive(Debug, Clone)]
pub struct JobPlan {
    tables: &'static [PlannedTable],
    aggregates: Vec<&'static Aggregate>,
}

/// A table, made of counts alone.
#[derive(Debug, Clone, Copy)]
pub struct PlannedTable {
    /// Its name, place, columns and key.
    pub spec: TableSpec,
    /// What it is made of, counted of users_transformed.
    pub counts: &'static [&'static Aggregate],
    /// Makes the rows of what was counted, in any order: the table sorts them. Also run once on made-up facts when the plan is built.
    pub rows: fn(&Facts<'_>) -> Result<Vec<Row>, PlanError>,
}

/// What tables are made of.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What was counted of users_transformed on the logical day.
    pub users: &'a Partial,
    /// Of the days up to `as_of`, in their order; for the plans that ask for them.
    pub quality_days: &'a [QualityDay],
    /// The run that makes the tables: its day and start go into their rows.
    pub run: &'a RunContext,
}

impl Facts<'_> {
    /// The groups of an aggregate.
    ///
    /// # Errors
    /// It was not counted.
    pub fn cells(&self, aggregate: &'static Aggregate) -> Result<Cells, PlanError> {
        self.users.cells(aggregate)
    }

    pub(crate) fn processing_date(&self) -> Value {
        Value::Date(self.run.as_of.to_epoch_days())
    }

    pub(crate) fn created_at(&self) -> Value {
        Value::Timestamp(self.run.started_at.get())
    }
}

impl JobPlan {
    /// The plan of `tables`, each of which is made once of one made-up user.
    ///
    /// # Errors
    /// A table asks for what is not counted for it, or gives a row that does not fit its columns.
    pub fn new(tables: &'static [PlannedTable]) -> Result<Self, PlanError> {
        let mut aggregates: Vec<&'static Aggregate> = Vec::new();
        for table in tables {
            table.check()?;
            for aggregate in table.counts {
                if !aggregates.contains(aggregate) {
                    aggregates.push(aggregate);
                }
            }
        }
        Ok(Self { tables, aggregates })
    }

    /// The tables in the order in which they are made and published.
    pub fn tables(&self) -> &'static [PlannedTable] {
        self.tables
    }

    /// What its tables are made of, each aggregate once.
    pub fn aggregates(&self) -> &[&'static Aggregate] {
        &self.aggregates
    }
}

impl PlannedTable {
    /// Makes the table of counts of its own aggregates alone, over one made-up group each.
    fn check(&self) -> Result<(), PlanError> {
        let table = self.spec.name;
        let run = RunContext { as_of: chrono::NaiveDate::default(), started_at: Micros(0) };
        let facts =
            Facts { users: &Partial::sample(self.counts), quality_days: &[QualityDay::SAMPLE], run: &run };
        let rows = (self.rows)(&facts).map_err(|error| match error {
            PlanError::NotCounted(aggregate) => PlanError::NotListed { table, aggregate },
            other => other,
        })?;
        self.spec.batch(rows).map_err(|error| PlanError::Row { table, reason: error.to_string() })?;
        Ok(())
    }

    /// The table.
    ///
    /// # Errors
    /// What [`JobPlan::new`] refuses.
    pub fn batch(&self, facts: &Facts<'_>) -> Result<RecordBatch, ArrowError> {
        let rows = (self.rows)(facts).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        self.spec.batch(rows)
    }
}

#[cfg(test)]
mod tests {
    use millrace_events::layer::Layer;

    use super::*;
    use crate::aggregate::{Condition, Counted, Key, Measure, Text};
    use crate::column::columns;
    use crate::table_spec::Contents;
    use crate::{analytics, curated, time_series};

    static COUNTRIES: Aggregate =
        Aggregate { name: "users by country", keys: &[Key::Text(Text::Country)], measures: &[Measure::Rows] };
    static CITIES: Aggregate =
        Aggregate { name: "users by city", keys: &[Key::Text(Text::City)], measures: &[Measure::Rows] };

    columns! { COLUMNS, fn row(country: Counted<'_>) {
        country: Text = country.text(0)?,
        users: Int64 = country.rows()?,
    }}

    const TABLE: PlannedTable = PlannedTable {
        spec: TableSpec {
            name: "t",
            layer: Layer::Analytics,
            contents: Contents::Snapshot,
            columns: COLUMNS,
            key: 1,
            data_subject: None,
        },
        counts: &[&COUNTRIES],
        rows: |facts| facts.cells(&COUNTRIES)?.iter().map(row).collect(),
    };

    fn refused(tables: &'static [PlannedTable]) -> String {
        JobPlan::new(tables).expect_err("a fault").to_string()
    }

    #[test]
    fn the_plans_of_the_jobs_are_whole() {
        curated::plan().expect("a plan");
        analytics::plan().expect("a plan");
        time_series::plan().expect("a plan");
    }

    #[test]
    fn a_plan_counts_what_its_tables_list() {
        static TABLES: [PlannedTable; 2] = [TABLE, TABLE];
        let plan = JobPlan::new(&TABLES).expect("a plan");
        assert_eq!(plan.aggregates().iter().map(|one| one.name).collect::<Vec<_>>(), ["users by country"]);
    }

    #[test]
    fn an_aggregate_that_is_not_listed_is_no_empty_table() {
        static TABLES: [PlannedTable; 2] = [TABLE, PlannedTable { counts: &[&CITIES], ..TABLE }];
        assert_eq!(
            refused(&TABLES),
            "t is made of \"users by country\", which it does not list: add it to the table's `counts`"
        );
    }

    #[test]
    fn a_measure_that_an_aggregate_lacks_is_no_zero() {
        columns! { _COLUMNS, fn valid(country: Counted<'_>) {
            country: Text = country.text(0)?,
            users: Int64 = country.count(Condition::EmailValid)?,
        }}
        static TABLES: [PlannedTable; 1] =
            [PlannedTable { rows: |facts| facts.cells(&COUNTRIES)?.iter().map(valid).collect(), ..TABLE }];
        assert_eq!(
            refused(&TABLES),
            "\"users by country\" does not measure Where(EmailValid): add it to the aggregate's measures"
        );
        static DISTINCT: [PlannedTable; 1] = [PlannedTable {
            rows: |facts| {
                let cells = facts.cells(&COUNTRIES)?;
                cells.iter().map(|one| Ok(vec!["".into(), one.distinct(Text::City)?.into()])).collect()
            },
            ..TABLE
        }];
        assert!(refused(&DISTINCT).contains("does not measure Distinct(City)"));
    }

    #[test]
    fn a_key_that_an_aggregate_lacks_is_refused() {
        static BY: [PlannedTable; 1] = [PlannedTable {
            rows: |facts| facts.cells(&COUNTRIES)?.by(&[Key::RegistrationYear])?.iter().map(row).collect(),
            ..TABLE
        }];
        assert!(refused(&BY).contains("is not grouped by RegistrationYear"));
        static NUMBER: [PlannedTable; 1] = [PlannedTable {
            rows: |facts| {
                let cells = facts.cells(&COUNTRIES)?;
                cells.iter().map(|one| Ok(vec![i64::from(one.number(0)?).into(), Value::Null])).collect()
            },
            ..TABLE
        }];
        assert!(refused(&NUMBER).contains("key 0 of \"users by country\" is no number"));
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused_with_its_table() {
        static SHORT: [PlannedTable; 1] = [PlannedTable { rows: |_| Ok(vec![vec![Value::Null]]), ..TABLE }];
        assert_eq!(refused(&SHORT).split(": ").next(), Some("t"));
    }
}
