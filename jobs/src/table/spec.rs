//! A table's statement: its layer, its columns in order, its key.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use millrace_lake::layout::Layer;
use polars::prelude as pl;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Text,
    /// Counts, ranks, days and years: int64.
    Count,
    /// Percent, scores and averages: float64, finite.
    Real,
    Flag,
    /// date32.
    Day,
    /// Microseconds UTC.
    Instant,
}

/// A column's name and type.
pub type Column = (&'static str, ColumnType);

/// The columns of one table followed by others, `N` in all.
pub(crate) const fn followed_by<const N: usize>(first: &[Column], others: &[Column]) -> [Column; N] {
    assert!(first.len() + others.len() == N, "N is not how many columns there are");
    let mut all = [("", ColumnType::Text); N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { others[at - first.len()] };
        at += 1;
    }
    all
}

/// A published table.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    pub name: &'static str,
    pub layer: Layer,
    pub columns: &'static [Column],
    /// How many of the first columns are the key, by which rows are sorted.
    pub key: usize,
}

/// A value of a row. Null sorts first, texts bytewise.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Value {
    Null,
    Text(String),
    Count(i64),
    Real(f64),
    Flag(bool),
    /// Days since 1970-01-01.
    Day(i32),
    /// Microseconds since 1970, UTC.
    Instant(i64),
}

/// One value a column, in their order.
pub type Row = Vec<Value>;

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl ColumnType {
    fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Count => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Day => DataType::Date32,
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    fn polars(self) -> pl::DataType {
        match self {
            Self::Text => pl::DataType::String,
            Self::Count => pl::DataType::Int64,
            Self::Real => pl::DataType::Float64,
            Self::Flag => pl::DataType::Boolean,
            Self::Day => pl::DataType::Date,
            Self::Instant => pl::DataType::Datetime(pl::TimeUnit::Microseconds, Some(pl::TimeZone::UTC)),
        }
    }
}

impl TableSpec {
    pub fn key_columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns[..self.key].iter().map(|(name, _)| *name)
    }

    pub fn arrow_schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|(name, kind)| Field::new(*name, kind.arrow(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    pub fn polars_schema(&self) -> pl::SchemaRef {
        let fields = self.columns.iter().map(|(name, kind)| pl::Field::new((*name).into(), kind.polars()));
        Arc::new(fields.collect())
    }

    /// The rows as the table has them, sorted by the key. Fails where a row does not fit the columns.
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
            column(*kind, rows.iter().map(|row| &row[at])).ok_or_else(|| {
                ArrowError::SchemaError(format!("{}.{name} was given a value that is no {kind:?}", self.name))
            })
        });
        RecordBatch::try_new(self.arrow_schema(), columns.collect::<Result<_, _>>()?)
    }
}

/// `None` where a value has another type, or is a number that is none.
fn column<'a>(kind: ColumnType, values: impl Iterator<Item = &'a Value>) -> Option<ArrayRef> {
    macro_rules! built {
        ($builder:expr, $variant:path, $take:expr) => {{
            let mut builder = $builder;
            for value in values {
                match value {
                    Value::Null => builder.append_null(),
                    $variant(value) => builder.append_value($take(value)?),
                    _ => return None,
                }
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    Some(match kind {
        ColumnType::Text => built!(StringBuilder::new(), Value::Text, Some),
        ColumnType::Count => built!(Int64Builder::new(), Value::Count, |n: &i64| Some(*n)),
        ColumnType::Real => {
            built!(Float64Builder::new(), Value::Real, |real: &f64| real.is_finite().then_some(*real))
        }
        ColumnType::Flag => built!(BooleanBuilder::new(), Value::Flag, |flag: &bool| Some(*flag)),
        ColumnType::Day => built!(Date32Builder::new(), Value::Day, |day: &i32| Some(*day)),
        ColumnType::Instant => {
            let builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
            built!(builder, Value::Instant, |micros: &i64| Some(*micros))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: TableSpec = TableSpec {
        name: "t",
        layer: Layer::Analytics,
        columns: &[("name", ColumnType::Text), ("n", ColumnType::Count), ("share", ColumnType::Real)],
        key: 1,
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
        assert!(wrong.contains("t.n") && wrong.contains("Count"), "{wrong}");
        let nan = SPEC.batch(vec![vec!["a".into(), 1.into(), f64::NAN.into()]]).expect_err("NaN").to_string();
        assert!(nan.contains("t.share"), "{nan}");
    }
}
