//! A table's columns, with the numbers by which Iceberg knows them: names may change, numbers don't.

use arrow_schema::{DataType, Fields, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::failure::IcebergError;

/// The property that tells readers which column of a file is which.
pub(crate) const NAME_MAPPING: &str = "schema.name-mapping.default";

/// A column's type, as metadata spells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldType {
    /// One of the types that this crate writes.
    Primitive(Primitive),
    /// A list.
    List(ListType),
    /// Any other, kept as it is: maps, structs, decimals of other engines.
    Other(serde_json::Value),
}

/// The types of single values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Primitive {
    /// True or false.
    Boolean,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    Long,
    /// IEEE 754, 64 bits.
    Double,
    /// Days.
    Date,
    /// An instant in microseconds, UTC.
    Timestamptz,
    /// UTF-8.
    String,
    /// Bytes.
    Binary,
}

/// A list's element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type", rename = "list")]
pub struct ListType {
    /// The element's number.
    pub element_id: i32,
    /// The element's type.
    pub element: Box<FieldType>,
    /// Whether no element is null.
    pub element_required: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableField {
    /// Its number, of this table's for ever.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Whether no value is null. This crate writes `false`: a column may be missing in older files.
    pub required: bool,
    /// Its type.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// What else is said of it.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

/// The columns of a table at some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableSchema {
    /// Always `struct`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its number in the table's list.
    #[serde(default)]
    pub schema_id: i32,
    /// The columns.
    pub fields: Vec<TableField>,
    /// What else is said of it.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

impl TableSchema {
    /// The column of a name.
    pub fn field(&self, name: &str) -> Option<&TableField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The mapping from names to numbers, by which readers find the columns of files that carry no numbers: the table's property
    /// `schema.name-mapping.default`, as JSON.
    pub fn name_mapping(&self) -> String {
        let one = |field: &TableField| {
            let mut mapped = serde_json::json!({"field-id": field.id, "names": [field.name]});
            if let FieldType::List(list) = &field.field_type {
                // Parquet's name of an element, and Arrow's.
                mapped["fields"] =
                    serde_json::json!([{"field-id": list.element_id, "names": ["element", "item"]}]);
            }
            mapped
        };
        serde_json::Value::Array(self.fields.iter().map(one).collect()).to_string()
    }
}

/// `fields` as new columns, numbered from behind `last`; answers the last number given too. Columns are numbered before elements, as
/// other writers do.
pub(crate) fn number(
    table: &str,
    fields: &Fields,
    mut last: i32,
) -> Result<(Vec<TableField>, i32), IcebergError> {
    let refused = |column: &str, reason: String| IcebergError::Column {
        place: table.to_owned(),
        column: column.to_owned(),
        reason,
    };
    let mut next = || {
        last = last.checked_add(1).ok_or_else(|| refused("", "the table has no numbers left".to_owned()))?;
        Ok::<_, IcebergError>(last)
    };
    let mut numbered: Vec<TableField> = Vec::with_capacity(fields.len());
    for field in fields {
        if numbered.iter().any(|before| before.name == *field.name()) {
            return Err(refused(field.name(), "it is there twice; give it another name".to_owned()));
        }
        let field_type = field_type(field.data_type()).ok_or_else(|| {
            refused(field.name(), format!("{} has no type in Iceberg's words; convert it", field.data_type()))
        })?;
        let rest = serde_json::Map::new();
        numbered.push(TableField {
            id: next()?,
            name: field.name().clone(),
            required: false,
            field_type,
            rest,
        });
    }
    for field in &mut numbered {
        if let FieldType::List(list) = &mut field.field_type {
            list.element_id = next()?;
        }
    }
    Ok((numbered, last))
}

/// The type of Arrow's `found`, with an element's number left 0.
pub(crate) fn field_type(found: &DataType) -> Option<FieldType> {
    let primitive = match found {
        DataType::Boolean => Primitive::Boolean,
        DataType::Int32 => Primitive::Int,
        DataType::Int64 => Primitive::Long,
        DataType::Float64 => Primitive::Double,
        DataType::Date32 => Primitive::Date,
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(zone) => Primitive::Timestamptz,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Primitive::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Primitive::Binary,
        DataType::List(element) | DataType::LargeList(element) => {
            let FieldType::Primitive(element) = field_type(element.data_type())? else { return None };
            return Some(FieldType::List(ListType {
                element_id: 0,
                element: Box::new(FieldType::Primitive(element)),
                element_required: false,
            }));
        }
        _ => return None,
    };
    Some(FieldType::Primitive(primitive))
}

/// Whether a file's column of `found` can be read as `wanted`: the same type, or an int where the table has long.
pub(crate) fn reads_as(found: &FieldType, wanted: &FieldType) -> bool {
    match (found, wanted) {
        (FieldType::Primitive(Primitive::Int), FieldType::Primitive(Primitive::Long)) => true,
        (FieldType::List(found), FieldType::List(wanted)) => reads_as(&found.element, &wanted.element),
        (found, wanted) => found == wanted,
    }
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "+00:00" | "Z" | "Etc/UTC")
}

#[cfg(test)]
mod tests {
    use arrow_schema::Field;

    use super::*;

    #[test]
    fn columns_are_numbered_before_elements() {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let fields = Fields::from(vec![text("a"), Field::new_list("l", text("item"), false), text("b")]);
        let (numbered, last) = number("t", &fields, 10).unwrap();
        assert_eq!((numbered.iter().map(|f| f.id).collect::<Vec<_>>(), last), (vec![11, 12, 13], 14));
        let schema = TableSchema {
            kind: "struct".to_owned(),
            schema_id: 0,
            fields: numbered,
            rest: serde_json::Map::new(),
        };
        let json = serde_json::to_value(&schema).unwrap();
        let list = serde_json::json!({"type": "list", "element-id": 14, "element": "string", "element-required": false});
        assert_eq!(json["fields"][1]["type"], list);
        assert_eq!(json["fields"][0]["type"], "string");
        assert_eq!(serde_json::from_value::<TableSchema>(json).unwrap(), schema);
        assert!(schema.name_mapping().contains(r#""fields":[{"field-id":14,"names":["element","item"]}]"#));
    }

    #[test]
    fn what_other_engines_have_is_kept_as_it_is() {
        let json = r#"{"type":"struct","schema-id":1,"identifier-field-ids":[1],"fields":[
            {"id":1,"name":"m","required":true,"type":{"type":"map","key-id":2,"key":"string","value-id":3,"value":"int","value-required":true},"doc":"d"},
            {"id":4,"name":"d","required":false,"type":"decimal(9, 2)"}]}"#;
        let schema: TableSchema = serde_json::from_str(json).unwrap();
        let again: serde_json::Value = serde_json::to_value(&schema).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(json).unwrap());
    }

    #[test]
    fn a_type_without_counterpart_is_refused_by_its_column() {
        let fields =
            Fields::from(vec![Field::new("t", DataType::Timestamp(TimeUnit::Nanosecond, None), true)]);
        let error = number("users", &fields, 0).unwrap_err().to_string();
        assert!(error.contains("column t of users") && error.contains("convert"), "{error}");
    }
}
