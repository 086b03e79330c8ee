//! Arrow's types in Hive's words, which catalogues keep.

use arrow_schema::{DataType, TimeUnit};

/// The Hive type that Athena and Spark read a Parquet column of `data_type` as; `None` where there is none that they would read
/// right, such as unsigned numbers.
pub fn hive_type(data_type: &DataType) -> Option<String> {
    let name = match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary",
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::Int16 => "smallint",
        DataType::Int32 => "int",
        DataType::Int64 => "bigint",
        DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Date32 => "date",
        // Athena takes Parquet's nanoseconds for another unit.
        DataType::Timestamp(TimeUnit::Millisecond | TimeUnit::Microsecond, _) => "timestamp",
        DataType::List(item) | DataType::LargeList(item) => {
            return Some(format!("array<{}>", hive_type(item.data_type())?));
        }
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::Field;

    use super::*;

    fn list(item: DataType) -> DataType {
        DataType::List(Arc::new(Field::new("item", item, true)))
    }

    #[test]
    fn every_type_of_the_tables_has_its_word() {
        let utc = Some("UTC".into());
        for (data_type, word) in [
            (DataType::Utf8, "string"),
            (DataType::LargeUtf8, "string"),
            (DataType::Utf8View, "string"),
            (DataType::Boolean, "boolean"),
            (DataType::Int8, "tinyint"),
            (DataType::Int16, "smallint"),
            (DataType::Int32, "int"),
            (DataType::Int64, "bigint"),
            (DataType::Float32, "float"),
            (DataType::Float64, "double"),
            (DataType::Date32, "date"),
            (DataType::Timestamp(TimeUnit::Microsecond, utc), "timestamp"),
            (DataType::Timestamp(TimeUnit::Millisecond, None), "timestamp"),
            (list(DataType::Utf8), "array<string>"),
            (list(list(DataType::Int64)), "array<array<bigint>>"),
            (DataType::Binary, "binary"),
        ] {
            assert_eq!(hive_type(&data_type).as_deref(), Some(word), "{data_type}");
        }
    }

    #[test]
    fn what_engines_would_read_wrong_has_none() {
        for data_type in [DataType::UInt64, DataType::Timestamp(TimeUnit::Nanosecond, None), DataType::Null] {
            assert_eq!(hive_type(&list(data_type.clone())), None, "{data_type}");
        }
    }
}
