//! A schema's columns in Arrow's types, for those who read data files by Arrow.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};

use crate::failure::IcebergError;
use crate::table_schema::{FieldType, Primitive, TableSchema};

impl TableSchema {
    /// The columns in their order; all may be null.
    ///
    /// # Errors
    /// A column has a type that this crate doesn't read; `table` is named with it.
    pub fn to_arrow(&self, table: &str) -> Result<Schema, IcebergError> {
        let field = |field: &crate::table_schema::TableField| match arrow_type(&field.field_type) {
            Some(kind) => Ok(Field::new(&field.name, kind, true)),
            None => Err(IcebergError::Unsupported {
                place: table.to_owned(),
                found: format!("the type of column {}", field.name),
            }),
        };
        let fields: Vec<Field> = self.fields.iter().map(field).collect::<Result<_, _>>()?;
        Ok(Schema::new(fields))
    }
}

fn arrow_type(found: &FieldType) -> Option<DataType> {
    Some(match found {
        FieldType::Primitive(Primitive::Boolean) => DataType::Boolean,
        FieldType::Primitive(Primitive::Int) => DataType::Int32,
        FieldType::Primitive(Primitive::Long) => DataType::Int64,
        FieldType::Primitive(Primitive::Double) => DataType::Float64,
        FieldType::Primitive(Primitive::Date) => DataType::Date32,
        FieldType::Primitive(Primitive::Timestamptz) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        FieldType::Primitive(Primitive::String) => DataType::Utf8,
        FieldType::Primitive(Primitive::Binary) => DataType::Binary,
        FieldType::List(list) => {
            let element = arrow_type(&list.element)?;
            DataType::List(Arc::new(Field::new_list_field(element, true)))
        }
        FieldType::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table_schema::number;

    #[test]
    fn types_that_were_made_of_arrows_are_arrows_again() {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let kinds = [
            DataType::Boolean,
            DataType::Int32,
            DataType::Int64,
            DataType::Float64,
            DataType::Date32,
            utc,
            DataType::Utf8,
            DataType::Binary,
            DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        ];
        let field = |(at, kind): (usize, DataType)| Field::new(format!("c{at}"), kind, true);
        let schema = Schema::new(kinds.into_iter().enumerate().map(field).collect::<Vec<_>>());
        let (fields, _) = number("t", schema.fields(), 0).unwrap();
        let rest = serde_json::Map::new();
        let mut ours = TableSchema { kind: "struct".to_owned(), schema_id: 0, fields, rest };
        assert_eq!(ours.to_arrow("t").unwrap(), schema);
        ours.fields[2].field_type = FieldType::Other("decimal(9, 2)".into());
        let error = ours.to_arrow("users").unwrap_err().to_string();
        assert!(error.contains("users") && error.contains("column c2"), "{error}");
    }
}
