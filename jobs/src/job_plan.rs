//! What a job is, apart from the engine that counts and the sink that publishes: aggregates over users, and tables
//! made of what was counted.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::aggregate::{Aggregate, Partial};
use crate::run_context::RunContext;
use crate::table::{Row, TableSpec, Value};
use crate::time_series_analysis::QualityDay;

/// A job's plan.
#[derive(Debug, Clone, Copy)]
pub struct JobPlan {
    pub job: &'static str,
    /// What is counted of users_transformed.
    pub aggregates: &'static [Aggregate],
    pub tables: &'static [PlannedTable],
}

/// A table, made of counts alone.
#[derive(Debug, Clone, Copy)]
pub struct PlannedTable {
    pub spec: TableSpec,
    pub rows: fn(&Facts<'_>) -> Vec<Row>,
}

/// What tables are made of.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub users: &'a Partial,
    /// Of the days up to `as_of`, in their order; for the plans that ask for them.
    pub quality_days: &'a [QualityDay],
    pub run: &'a RunContext,
}

impl Facts<'_> {
    pub(crate) fn processing_date(&self) -> Value {
        Value::Day(self.run.as_of.to_epoch_days())
    }

    pub(crate) fn created_at(&self) -> Value {
        Value::Instant(self.run.started_at)
    }
}

impl PlannedTable {
    /// The table.
    pub fn batch(&self, facts: &Facts<'_>) -> Result<RecordBatch, ArrowError> {
        self.spec.batch((self.rows)(facts))
    }
}
