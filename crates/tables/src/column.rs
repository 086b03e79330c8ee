//! Columns and their values, and the macro that states both in one line.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_schema::{DataType, Field, TimeUnit};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8.
    Text,
    /// A list of texts.
    Texts,
    /// int64: counts, ranks, years.
    Int64,
    /// int32.
    Int32,
    /// float64, finite: percent, scores, averages.
    Float64,
    /// True or false.
    Boolean,
    /// date32.
    Date,
    /// Microseconds since 1970, UTC.
    Timestamp,
}

/// A column's name and type.
pub type Column = (&'static str, ColumnType);

/// A value of a row. Null sorts first, texts bytewise.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Value {
    /// An absent value, of any column's type.
    Null,
    /// Of a [`ColumnType::Text`].
    Text(String),
    /// Of a [`ColumnType::Int64`].
    Int64(i64),
    /// Of a [`ColumnType::Float64`]; a table refuses a row with one that is not finite.
    Float64(f64),
    /// Of a [`ColumnType::Boolean`].
    Boolean(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970, UTC.
    Timestamp(i64),
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
    fn from(number: i64) -> Self {
        Self::Int64(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float64(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl ColumnType {
    /// The type of the column in a table's files.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Texts => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            Self::Int64 => DataType::Int64,
            Self::Int32 => DataType::Int32,
            Self::Float64 => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// `None` where a value has another type, or is a number that is none.
pub(crate) fn array<'a>(kind: ColumnType, values: impl Iterator<Item = &'a Value>) -> Option<ArrayRef> {
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
        ColumnType::Int64 => built!(Int64Builder::new(), Value::Int64, |number: &i64| Some(*number)),
        ColumnType::Float64 => {
            built!(Float64Builder::new(), Value::Float64, |number: &f64| number
                .is_finite()
                .then_some(*number))
        }
        ColumnType::Boolean => built!(BooleanBuilder::new(), Value::Boolean, |flag: &bool| Some(*flag)),
        ColumnType::Date => built!(Date32Builder::new(), Value::Date, |day: &i32| Some(*day)),
        ColumnType::Timestamp => {
            let builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
            built!(builder, Value::Timestamp, |micros: &i64| Some(*micros))
        }
        // Columns of tables that are no counts: nobody makes them of values.
        ColumnType::Texts | ColumnType::Int32 => return None,
    })
}

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

/// Columns, a line each: `name: Type = value`. Makes the constant of names and types, and the function that gives a row's values in
/// their order, so that neither can be changed without the other. What several values share is computed behind `where`.
///
/// ```ignore
/// columns! { COLUMNS, fn row(country: Counted<'_>, total: i64)
/// where {
///     let users = country.rows()?;
/// } {
///     country: Text = country.text(0)?,
///     users: Int64 = users,
///     share: Float64 = percent(users, total),
/// }}
/// ```
macro_rules! columns {
    ($columns:ident, fn $row:ident($($argument:ident: $of:ty),* $(,)?) $(where { $($shared:tt)* })? {
        $($name:ident: $kind:ident = $value:expr,)+
    }) => {
        const $columns: &[$crate::Column] = &[$((stringify!($name), $crate::ColumnType::$kind)),+];

        fn $row($($argument: $of),*) -> Result<$crate::Row, $crate::PlanError> {
            $($($shared)*)?
            Ok(vec![$($crate::Value::from($value)),+])
        }
    };
}

pub(crate) use columns;
