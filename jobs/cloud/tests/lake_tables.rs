//! infra/tables.json, from which Terraform makes Glue's tables and Snowflake's external tables are generated, says what the writers
//! write. After a change of a schema: `MILLRACE_UPDATE=1 cargo test -p millrace-cloud-jobs --test lake_tables`.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Write as _;

use millrace_lake::data_catalog::{PARTITION_KEY, hive_type};
use millrace_lake::layout::Layer;
use millrace_tables::{Table, tables};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/tables.json");

fn column(name: &str, word: &str) -> String {
    format!(r#"{{"name": "{name}", "type": "{word}"}}"#)
}

/// A column a line, so that a change of one is a line of the diff.
fn told(table: &Table) -> String {
    let partitions = match table.layer {
        Layer::Raw => [column("date", "date"), column("hour", "string")].join(", "),
        _ => column(PARTITION_KEY.name, PARTITION_KEY.hive_type),
    };
    let columns = table.schema.fields().iter().map(|field| {
        let word =
            hive_type(field.data_type()).unwrap_or_else(|| panic!("{field} has no type in Hive's words"));
        format!("        {}", column(field.name(), &word))
    });
    let columns = columns.collect::<Vec<_>>().join(",\n");
    let (name, layer, folder) = (table.name(), table.layer, table.folder);
    format!(
        "    {{\n      \"name\": \"{name}\",\n      \"layer\": \"{layer}\",\n      \"folder\": \"{layer}/{folder}\",\n      \
         \"partitions\": [{partitions}],\n      \"columns\": [\n{columns}\n      ]\n    }}"
    )
}

#[test]
fn the_file_of_tables_says_what_the_writers_write() {
    let all = tables().iter().map(told).collect::<Vec<_>>().join(",\n");
    let mut said = String::new();
    write!(said, "{{\n  \"tables\": [\n{all}\n  ]\n}}\n").unwrap();
    serde_json::from_str::<serde_json::Value>(&said).unwrap();
    if std::env::var_os("MILLRACE_UPDATE").is_some() {
        std::fs::write(FILE, &said).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap();
    assert!(
        kept == said,
        "infra/tables.json tells other tables than the writers write: see the head of this test"
    );
}
