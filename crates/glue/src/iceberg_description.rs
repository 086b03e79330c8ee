//! An Iceberg table in Glue's words, as Iceberg's own libraries write them: two parameters by which engines find it, and columns for people.

use aws_sdk_glue::error::BuildError;
use aws_sdk_glue::types::{Column, StorageDescriptor, Table, TableInput};
use millrace_iceberg::{CatalogueEntry, TableField};
use serde_json::Value;

/// What makes an entry one of an Iceberg table.
pub(super) const TABLE_TYPE: (&str, &str) = ("table_type", "ICEBERG");
pub(super) const METADATA_LOCATION: &str = "metadata_location";
pub(super) const PREVIOUS_METADATA_LOCATION: &str = "previous_metadata_location";

/// `entry` for Glue; what others wrote to `found` beside our part stays.
pub(super) fn table_input(
    entry: &CatalogueEntry<'_>,
    found: Option<&Table>,
) -> Result<TableInput, BuildError> {
    let mut parameters = found.and_then(Table::parameters).cloned().unwrap_or_default();
    let ours = [TABLE_TYPE, (METADATA_LOCATION, entry.location)];
    parameters.extend(ours.map(|(key, value)| (key.to_owned(), value.to_owned())));
    match entry.previous {
        Some(previous) => parameters.insert(PREVIOUS_METADATA_LOCATION.to_owned(), previous.to_owned()),
        None => parameters.remove(PREVIOUS_METADATA_LOCATION),
    };
    let stored = found.and_then(Table::storage_descriptor);
    let known = stored.map(StorageDescriptor::columns).unwrap_or_default();
    let columns: Result<_, _> = entry.schema.fields.iter().map(|field| column(field, known)).collect();
    TableInput::builder()
        .name(entry.table)
        // Dropping the table in an engine of Hive's leaves the lake's objects alone.
        .table_type("EXTERNAL_TABLE")
        .storage_descriptor(
            StorageDescriptor::builder().location(entry.folder).set_columns(Some(columns?)).build(),
        )
        .set_parameters(Some(parameters))
        .set_description(found.and_then(Table::description).map(str::to_owned))
        .set_owner(found.and_then(Table::owner).map(str::to_owned))
        .set_retention(found.map(Table::retention))
        .build()
}

fn column(field: &TableField, known: &[Column]) -> Result<Column, BuildError> {
    let known = known.iter().find(|known| known.name() == field.name).and_then(Column::comment);
    let comment = field.rest.get("doc").and_then(Value::as_str).or(known);
    // As the metadata spells it.
    let spelled = serde_json::to_value(&field.field_type).unwrap_or_default();
    Column::builder()
        .name(&field.name)
        .r#type(glue_type(&spelled))
        .set_comment(comment.map(str::to_owned))
        .parameters("iceberg.field.id", field.id.to_string())
        .parameters("iceberg.field.optional", (!field.required).to_string())
        .parameters("iceberg.field.current", "true")
        .build()
}

/// Iceberg's type in Hive's words. Engines read the metadata: this is for people, so that a type without a word of Hive's keeps its own.
fn glue_type(spelled: &Value) -> String {
    if let Some(name) = spelled.as_str() {
        let word = match name {
            "long" => "bigint",
            "timestamptz" | "timestamp" => "timestamp",
            "uuid" | "time" => "string",
            fixed if fixed.starts_with("fixed") => "binary",
            decimal if decimal.starts_with("decimal") => return decimal.replace(' ', ""),
            same => same,
        };
        return word.to_owned();
    }
    let part = |name: &str| glue_type(&spelled[name]);
    match spelled["type"].as_str() {
        Some("list") => format!("array<{}>", part("element")),
        Some("map") => format!("map<{},{}>", part("key"), part("value")),
        Some("struct") => {
            let fields = spelled["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
            let field = |field: &Value| {
                format!("{}:{}", field["name"].as_str().unwrap_or_default(), glue_type(&field["type"]))
            };
            format!("struct<{}>", fields.iter().map(field).collect::<Vec<_>>().join(","))
        }
        _ => spelled.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_told_in_hives_words() {
        for (spelled, word) in [
            (json!("boolean"), "boolean"),
            (json!("int"), "int"),
            (json!("long"), "bigint"),
            (json!("double"), "double"),
            (json!("date"), "date"),
            (json!("timestamptz"), "timestamp"),
            (json!("string"), "string"),
            (json!("uuid"), "string"),
            (json!("fixed[16]"), "binary"),
            (json!("decimal(9, 2)"), "decimal(9,2)"),
            (json!("variant"), "variant"),
            (
                json!({"type": "list", "element-id": 2, "element": "long", "element-required": false}),
                "array<bigint>",
            ),
            (
                json!({"type": "map", "key": "string", "value": {"type": "list", "element": "date"}}),
                "map<string,array<date>>",
            ),
            (
                json!({"type": "struct", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "time"}]}),
                "struct<a:int,b:string>",
            ),
        ] {
            assert_eq!(glue_type(&spelled), word, "{spelled}");
        }
    }
}
