//! How a table's rows are parted: by the day in a column, or by the day of an instant. Both give a date.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::IcebergError;
use crate::table_schema::{FieldType, Primitive, TableSchema};

/// What a new table is parted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitioning {
    /// By the date in this column, as it is.
    Date(String),
    /// By the UTC day of the instant in this column.
    DayOf(String),
}

/// A partition spec as metadata spells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PartitionSpec {
    /// Its number in the table's list.
    pub spec_id: i32,
    /// What rows are parted by.
    pub fields: Vec<PartitionField>,
}

/// One value that rows are parted by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PartitionField {
    /// The number of the column that it is made of.
    pub source_id: i32,
    /// Its own number.
    pub field_id: i32,
    /// Its own name.
    pub name: String,
    /// How it is made.
    pub transform: String,
    /// What else is said of it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Partitioning {
    pub(crate) fn spec(&self, table: &str, schema: &TableSchema) -> Result<PartitionSpec, IcebergError> {
        let (column, wanted, transform) = match self {
            Self::Date(column) => (column, Primitive::Date, "identity"),
            Self::DayOf(column) => (column, Primitive::Timestamptz, "day"),
        };
        let refused =
            |reason: String| IcebergError::Column { place: table.to_owned(), column: column.clone(), reason };
        let field = schema.field(column).ok_or_else(|| {
            refused("the table is parted by it and doesn't have it; name another".to_owned())
        })?;
        if field.field_type != FieldType::Primitive(wanted) {
            return Err(refused(format!("rows are parted by a {wanted:?} here; name a column of that type")));
        }
        let name = match self {
            Self::Date(_) => column.clone(),
            Self::DayOf(_) => format!("{column}_day"),
        };
        let field = PartitionField {
            source_id: field.id,
            // The first number that the format gives to partitions.
            field_id: 1000,
            name,
            transform: transform.to_owned(),
            rest: Map::new(),
        };
        Ok(PartitionSpec { spec_id: 0, fields: vec![field] })
    }
}

impl PartitionSpec {
    /// The one field, whose values are dates.
    ///
    /// # Errors
    /// Rows are parted otherwise: some other engine changed the spec.
    pub(crate) fn day_field(&self, place: &str) -> Result<&PartitionField, IcebergError> {
        match self.fields.as_slice() {
            [field] if matches!(field.transform.as_str(), "identity" | "day") => Ok(field),
            _ => Err(IcebergError::Unsupported {
                place: place.to_owned(),
                found: format!("partition spec {} that is no single date", self.spec_id),
            }),
        }
    }
}

/// Days since 1970-01-01, as partitions and dates are stored.
pub(crate) fn days(day: NaiveDate) -> i32 {
    // A NaiveDate's days are some 96 millions at most.
    day.signed_duration_since(NaiveDate::default()).num_days() as i32
}

/// A file's partition within `data/`: `processing_date=2026-02-01`.
pub(crate) fn folder(field: &PartitionField, day: NaiveDate) -> String {
    format!("{}={day}", field.name)
}
