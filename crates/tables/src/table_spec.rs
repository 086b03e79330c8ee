//! The statement of a table that a job makes.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use millrace_events::layer::Layer;

use crate::column::{self, Column, Row};

/// What a day's partition of a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Rows as they landed, each source position once or more often: raw tables, whose partitions are hours.
    Records,
    /// Everything there is on that day. `<table>_latest` is the newest day.
    Snapshot,
    /// The versions that are new on that day. `<table>_current` and `<table>_history` are made of all days.
    Versions,
}

/// A table that a job makes. All of it is stated: a table without a word about its data subjects does not compile.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// Its folder inside the layer's, from which [`Table::name`](crate::Table::name) is made.
    pub name: &'static str,
    /// The first part of its path.
    pub layer: Layer,
    /// What a day's partition of it holds.
    pub contents: Contents,
    /// Its columns in the order of its files, the key's first.
    pub columns: &'static [Column],
    /// How many of the first columns are the key, by which rows are sorted.
    pub key: usize,
    /// The column with the id of the person whom a row is about; `None`: rows are about nobody alone. Erasure goes by it.
    pub data_subject: Option<&'static str>,
}

impl TableSpec {
    /// The columns that rows are sorted by.
    pub fn key_columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns[..self.key].iter().map(|(name, _)| *name)
    }

    /// The columns of its files, all nullable.
    pub fn arrow_schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|(name, kind)| Field::new(*name, kind.arrow(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The rows as the table has them, sorted by the key.
    ///
    /// # Errors
    /// A row does not fit the columns: the error names the table and the column.
    pub fn batch(&self, mut rows: Vec<Row>) -> Result<RecordBatch, ArrowError> {
        if let Some(row) = rows.iter().find(|row| row.len() != self.columns.len()) {
            let (found, stated) = (row.len(), self.columns.len());
            return Err(ArrowError::SchemaError(format!(
                "a row of {} has {found} values, not {stated}",
                self.name
            )));
        }
        rows.sort_by(|a, b| a[..self.key].partial_cmp(&b[..self.key]).unwrap_or(std::cmp::Ordering::Equal));
        let columns = self.columns.iter().enumerate();
        let columns = columns.map(|(at, (name, kind))| {
            column::array(*kind, rows.iter().map(|row| &row[at])).ok_or_else(|| {
                ArrowError::SchemaError(format!("{}.{name} was given a value that is no {kind:?}", self.name))
            })
        });
        RecordBatch::try_new(self.arrow_schema(), columns.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnType, Value};

    const SPEC: TableSpec = TableSpec {
        name: "t",
        layer: Layer::Analytics,
        columns: &[("name", ColumnType::Text), ("n", ColumnType::Int64), ("share", ColumnType::Float64)],
        key: 1,
        contents: Contents::Snapshot,
        data_subject: None,
    };

    #[test]
    fn rows_are_sorted_by_their_key_null_first_and_bytewise() {
        let row = |name: Option<&str>, n: i64| vec![Value::from(name), n.into(), Value::Null];
        let rows = vec![row(Some("é"), 1), row(Some("b"), 2), row(None, 3), row(Some("B"), 4)];
        let batch = SPEC.batch(rows).expect("a batch");
        let counts = batch.column(1).as_any().downcast_ref::<arrow_array::Int64Array>().expect("counts");
        assert_eq!(counts.values(), &[3, 4, 2, 1]);
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused_with_its_column() {
        let short = SPEC.batch(vec![vec!["a".into()]]).expect_err("too short").to_string();
        assert!(short.contains("1 values, not 3"), "{short}");
        let wrong =
            SPEC.batch(vec![vec!["a".into(), "b".into(), Value::Null]]).expect_err("a text").to_string();
        assert!(wrong.contains("t.n") && wrong.contains("Int64"), "{wrong}");
        let nan = SPEC.batch(vec![vec!["a".into(), 1.into(), f64::NAN.into()]]).expect_err("NaN").to_string();
        assert!(nan.contains("t.share"), "{nan}");
    }
}
