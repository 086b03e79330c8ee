//! Arrow's types as Polars has them, for the tables' schemas.

use std::sync::Arc;

use arrow_schema as arrow;
use polars::prelude::{DataType, Field, SchemaRef, TimeUnit, TimeZone};

/// Every timestamp of the lake: microseconds, UTC.
pub fn timestamp() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

/// The columns of a table's files.
pub fn polars_schema(schema: &arrow::Schema) -> SchemaRef {
    let fields = schema.fields().iter();
    Arc::new(fields.map(|field| Field::new(field.name().into(), polars_type(field.data_type()))).collect())
}

/// `Null` for a type that no table has so far; a test holds that.
fn polars_type(arrow: &arrow::DataType) -> DataType {
    match arrow {
        arrow::DataType::Utf8 => DataType::String,
        arrow::DataType::Boolean => DataType::Boolean,
        arrow::DataType::Int32 => DataType::Int32,
        arrow::DataType::Int64 => DataType::Int64,
        arrow::DataType::Float64 => DataType::Float64,
        arrow::DataType::Date32 => DataType::Date,
        arrow::DataType::Timestamp(arrow::TimeUnit::Microsecond, Some(_)) => timestamp(),
        arrow::DataType::List(item) => DataType::List(Box::new(polars_type(item.data_type()))),
        _ => DataType::Null,
    }
}

#[cfg(test)]
mod tests {
    use millrace_tables::tables;

    use super::*;

    #[test]
    fn every_column_of_every_table_has_a_type() {
        for table in tables() {
            for (name, dtype) in polars_schema(&table.schema).iter() {
                assert_ne!(*dtype, DataType::Null, "{}.{name}", table.name());
            }
        }
    }
}
