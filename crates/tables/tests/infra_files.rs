//! infra/tables.json and infra/topics.json say what the catalogues of tables and events say. Terraform makes topics' event source
//! mappings, rights and alarms of them, Glue's tables, and Snowflake's external tables. After a change of either catalogue:
//! `MILLRACE_UPDATE=1 cargo test -p millrace-tables --test infra_files`.
#![allow(clippy::unwrap_used, reason = "a test may")]

use millrace_events::event_catalogue::events;
use millrace_lake::data_catalog::{PARTITION_KEY, hive_type};
use millrace_lake::layout::Layer;
use millrace_tables::{Table, tables};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");

fn column(name: &str, word: &str) -> String {
    format!(r#"{{"name": "{name}", "type": "{word}"}}"#)
}

/// A column a line, so that a change of one is a line of the diff.
fn described(table: &Table) -> String {
    let partitions = match table.layer {
        Layer::Raw => [column("date", "date"), column("hour", "string")].join(", "),
        _ => column(PARTITION_KEY.name, PARTITION_KEY.hive_type),
    };
    let columns = table.schema.fields().iter().map(|field| {
        let word = hive_type(field.data_type()).unwrap_or_else(|| panic!("{field} has no type of Hive's"));
        format!("        {}", column(field.name(), &word))
    });
    let columns = columns.collect::<Vec<_>>().join(",\n");
    let (name, layer, folder) = (table.name(), table.layer, table.folder);
    format!(
        "    {{\n      \"name\": \"{name}\",\n      \"layer\": \"{layer}\",\n      \"folder\": \"{layer}/{folder}\",\n      \
         \"partitions\": [{partitions}],\n      \"columns\": [\n{columns}\n      ]\n    }}"
    )
}

fn holds(file: &str, meant: &str) {
    serde_json::from_str::<serde_json::Value>(meant).unwrap();
    let path = format!("{ROOT}{file}");
    if std::env::var_os("MILLRACE_UPDATE").is_some() {
        std::fs::write(&path, meant).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == meant, "{file} is not what the catalogue gives: see the head of this test");
}

#[test]
fn the_file_of_tables_says_what_the_writers_write() {
    let all = tables().iter().map(described).collect::<Vec<_>>().join(",\n");
    holds("infra/tables.json", &format!("{{\n  \"tables\": [\n{all}\n  ]\n}}\n"));
}

#[test]
fn the_file_of_topics_says_where_the_events_travel() {
    let topics = events().iter().map(|event| format!("    \"{}\"", event.topic())).collect::<Vec<_>>();
    holds("infra/topics.json", &format!("{{\n  \"topics\": [\n{}\n  ]\n}}\n", topics.join(",\n")));
}

#[test]
fn the_docs_name_every_topic_and_table() {
    let page = |name: &str| std::fs::read_to_string(format!("{ROOT}docs/{name}")).unwrap();
    let (on_events, on_tables) = (page("events.md"), page("tables.md"));
    for event in events() {
        assert!(
            on_events.contains(&format!("`{}`", event.topic())),
            "docs/events.md lacks {}",
            event.topic()
        );
    }
    for table in tables() {
        let name = table.folder;
        assert!(on_tables.contains(name), "docs/tables.md lacks {name}");
        for field in table.schema.fields() {
            // Raw columns are those of the messages, which their .proto files describe.
            let listed = table.layer == Layer::Raw || on_tables.contains(field.name().as_str());
            assert!(listed, "docs/tables.md lacks {name}.{}", field.name());
        }
    }
}
