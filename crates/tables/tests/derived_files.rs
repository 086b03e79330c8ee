//! infra/tables.json, infra/topics.json and docs/reference/columns.md are made of the catalogues of tables and events, infra/lake.json of
//! the names at a lake's root. Terraform takes event source mappings, rights, alarms and Glue's tables from these, Snowflake its
//! external tables. After a change: `MILLRACE_UPDATE=1 cargo test -p millrace-tables --test derived_files`.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Write as _;

use millrace_events::event_catalogue::events;
use millrace_events::topic_contract::{DEAD_LETTER_PARTITIONS, DEAD_LETTER_RETENTION, PARTITIONS};
use millrace_lake::data_catalog::{PARTITION_KEY, hive_type};
use millrace_lake::layout::Layer;
use millrace_lake::root_names::PLACES;
use millrace_tables::table_catalogue::MadeBy;
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
    if file.ends_with(".json") {
        serde_json::from_str::<serde_json::Value>(meant).unwrap();
    }
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
    let hours = DEAD_LETTER_RETENTION.as_secs() / 3_600;
    let contract = format!(
        "  \"partitions\": {PARTITIONS},\n  \"dead_letters\": {{\"partitions\": {DEAD_LETTER_PARTITIONS}, \"retention_hours\": {hours}}}"
    );
    let topics = topics.join(",\n");
    holds("infra/topics.json", &format!("{{\n  \"topics\": [\n{topics}\n  ],\n{contract}\n}}\n"));
}

#[test]
fn the_file_of_the_lake_says_what_lies_at_its_root() {
    let places = PLACES.map(|(name, place)| format!("  \"{name}\": \"{place}\"")).join(",\n");
    holds("infra/lake.json", &format!("{{\n{places}\n}}\n"));
}

/// A table's section of the reference.
fn section(table: &Table) -> String {
    let name = table.name();
    let made_by = match &table.made_by {
        MadeBy::Landing(event) => format!("land-events, from the topic `{}`", event.topic()),
        MadeBy::Job(job) => format!("`millrace job {job}`"),
    };
    let list = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    };
    let key: Vec<_> = table.key.iter().map(|column| (*column).to_owned()).collect();
    let views: Vec<_> = table.views().iter().map(|view| format!("{name}{}", view.suffix())).collect();
    let subject: Vec<_> = table.data_subject.iter().map(|column| (*column).to_owned()).collect();
    let mut section = format!(
        "## {name}\n\nIn `{}/{}`, made by {made_by}. Key: {}. Data subject: {}. Views: {}.\n\n| column | type |\n|---|---|\n",
        table.layer,
        table.folder,
        list(&key),
        list(&subject),
        list(&views)
    );
    for field in table.schema.fields() {
        writeln!(section, "| {} | {} |", field.name(), hive_type(field.data_type()).unwrap()).unwrap();
    }
    section
}

#[test]
fn the_reference_of_columns_lists_every_table() {
    let head = "# Columns\n\nEvery table and view that queries can name, generated from the catalogue of tables \
                (`crates/tables`). Types are Hive's, as Glue has them: a timestamp is in microseconds, UTC. \
                What a row means and how values are computed is in [Tables](../tables.md).\n";
    let sections = tables().iter().map(section).collect::<Vec<_>>().join("\n");
    holds("docs/reference/columns.md", &format!("{head}\n{sections}"));
}

#[test]
fn the_page_on_events_names_every_topic() {
    let page = std::fs::read_to_string(format!("{ROOT}docs/events.md")).unwrap();
    for event in events() {
        assert!(page.contains(&format!("`{}`", event.topic())), "docs/events.md lacks {}", event.topic());
    }
}
