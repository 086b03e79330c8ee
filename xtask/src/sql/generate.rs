//! The scripts that follow from the lake's schemas: an external table for each table, and the views that show all its columns.
//!
//! A view of Snowflake's keeps the number of its columns: one of `SELECT *` would break as its table gets another. So each names
//! them, and a new column is a change of the view's script too.

use std::fmt::Write as _;

use anyhow::ensure;

use super::tables::{Column, Table};

/// A file of sql/.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) name: String,
    pub(super) text: String,
}

/// The layers in their order; a layer is a schema.
const LAYERS: [&str; 4] = ["raw", "curated", "analytics", "timeseries"];

/// The number of the first layer's script; the next layers' follow.
const FIRST: usize = 10;

const HEAD: &str = "\
-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
";

pub(super) fn scripts(tables: &[Table]) -> anyhow::Result<Vec<Script>> {
    let mut scripts = Vec::new();
    for (index, layer) in LAYERS.iter().enumerate() {
        let mut text = format!(
            "{HEAD}-- A name in VALUE:\"…\" is the Parquet column's to the letter: in another case it would be null.\n\
             -- New objects are registered by S3's notification to the queue that SHOW EXTERNAL TABLES tells.\n"
        );
        for table in tables.iter().filter(|table| table.layer == *layer) {
            external_table(&mut text, table)?;
        }
        scripts.push(Script { name: format!("{:03}_external_tables_{layer}.sql", FIRST + index), text });
    }
    for (name, text) in [
        ("020_views_raw.sql", raw_records(tables)),
        ("021_views_latest_day.sql", latest_days(tables)),
        ("022_views_dimension.sql", dimension(tables)),
    ] {
        scripts.push(Script { name: name.to_owned(), text });
    }
    let told: usize = tables.iter().filter(|table| LAYERS.contains(&table.layer.as_str())).count();
    ensure!(told == tables.len(), "a table of infra/tables.json is of a layer that has no script");
    Ok(scripts)
}

fn external_table(text: &mut String, table: &Table) -> anyhow::Result<()> {
    let Table { name, layer, folder, partitions, columns } = table;
    let _ = write!(text, "\nCREATE OR REPLACE EXTERNAL TABLE &{{database}}.{layer}.{name} (\n");
    let is_partition = |column: &&Column| partitions.iter().any(|partition| partition.name == column.name);
    let mut lines = Vec::new();
    for column in partitions {
        let Column { name, .. } = column;
        let of_path = format!("SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/{name}=', -1), '/', 1)");
        let sql = column.snowflake()?;
        lines.push(format!("    {name} {sql} AS ({of_path}::{sql})"));
    }
    // A partition's column is in the file too, equal to the folder's: Snowflake prunes by the folder's.
    for column in columns.iter().filter(|column| !is_partition(column)) {
        let (name, sql) = (&column.name, column.snowflake()?);
        lines.push(format!("    {name} {sql} AS (VALUE:\"{name}\"::{sql})"));
    }
    let by: Vec<_> = partitions.iter().map(|column| column.name.as_str()).collect();
    let _ = write!(
        text,
        "{}\n)\nPARTITION BY ({})\nLOCATION = @&{{database}}.lake.lake_stage/{folder}/\n\
         REFRESH_ON_CREATE = TRUE\nAUTO_REFRESH = TRUE\nPATTERN = '.*[.]parquet'\n\
         FILE_FORMAT = (FORMAT_NAME = '&{{database}}.lake.lake_parquet')\nCOPY GRANTS;\n",
        lines.join(",\n"),
        by.join(", ")
    );
    Ok(())
}

/// The names of a table's columns as its views show them, but for `but`.
fn columns(table: &Table, but: &[&str]) -> String {
    let of_files = table.columns.iter().filter(|column| !table.partitions.contains(column));
    let names = table.partitions.iter().chain(of_files).map(|column| column.name.as_str());
    let lines = names.filter(|name| !but.contains(name)).map(|name| format!("    {name}"));
    lines.collect::<Vec<_>>().join(",\n")
}

fn view(text: &mut String, name: &str, query: &str) {
    let _ = write!(text, "\nCREATE OR REPLACE VIEW &{{database}}.{name} COPY GRANTS AS\n{query};\n");
}

fn raw_records(tables: &[Table]) -> String {
    let mut text = format!(
        "{HEAD}-- Raw records once each. Objects may overlap after a retry: a record is known by its source position, whatever object\n\
         -- it came in.\n"
    );
    for table in tables.iter().filter(|table| table.layer == "raw") {
        let name = &table.name;
        let query = format!(
            "SELECT\n{}\nFROM &{{database}}.raw.{name}\nQUALIFY ROW_NUMBER() OVER (\n    \
             PARTITION BY _topic, _generation, _partition, _offset\n    ORDER BY _ingested_at\n) = 1",
            columns(table, &[])
        );
        view(&mut text, &format!("raw.{}", name.trim_start_matches("raw_")), &query);
    }
    text
}

/// No snapshot of a day, but the users that changed on it.
const DIMENSION: &str = "dim_user_demographics";

/// Jobs write a whole partition a day: who asks for a table without a day means its newest one.
fn latest_days(tables: &[Table]) -> String {
    let mut text = format!(
        "{HEAD}-- Each table's newest day. {DIMENSION} is no snapshot and has views of its own (022).\n"
    );
    let by_day = |table: &&Table| table.partitions.iter().any(|column| column.name == "processing_date");
    for table in tables.iter().filter(by_day).filter(|table| table.name != DIMENSION) {
        let Table { name, layer, .. } = table;
        let query = format!(
            "SELECT\n{}\nFROM &{{database}}.{layer}.{name}\n\
             WHERE processing_date = (SELECT MAX(processing_date) FROM &{{database}}.{layer}.{name})",
            columns(table, &[])
        );
        view(&mut text, &format!("{layer}.{name}_latest"), &query);
    }
    text
}

/// The views of the slowly changing dimension, type 2.
fn dimension(tables: &[Table]) -> String {
    let mut text = format!(
        "{HEAD}-- {DIMENSION} is a slowly changing dimension, type 2: a day's partition holds the users that changed, not everyone.\n\
         -- A version holds from its day up to the next one's, exclusive; the newest has no end.\n"
    );
    for table in tables.iter().filter(|table| table.name == DIMENSION) {
        let from = format!("FROM &{{database}}.{}.{DIMENSION}", table.layer);
        let current = format!(
            "SELECT\n{}\n{from}\nQUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY processing_date DESC) = 1",
            columns(table, &[])
        );
        view(&mut text, &format!("{}.{DIMENSION}_current", table.layer), &current);
        let next = "LEAD(processing_date) OVER (PARTITION BY user_id ORDER BY processing_date)";
        // As it was written, every version was current on its day.
        let history = format!(
            "SELECT\n{},\n    processing_date AS valid_from,\n    {next} AS valid_to,\n    {next} IS NULL AS is_current\n{from}",
            columns(table, &["is_current"])
        );
        view(&mut text, &format!("{}.{DIMENSION}_history", table.layer), &history);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tables;
    use super::*;

    const TABLES: &str = r#"{"tables": [{"name": "t", "layer": "curated", "folder": "curated/t",
        "partitions": [{"name": "processing_date", "type": "date"}],
        "columns": [{"name": "Path", "type": "string"}, {"name": "processing_date", "type": "date"}, {"name": "n", "type": "int"}]}]}"#;

    #[test]
    fn a_table_is_told_with_its_own_names_and_its_partition_by_the_path() {
        let scripts = scripts(&tables::of_json(TABLES).unwrap()).unwrap();
        let text = &scripts[1].text;
        assert!(text.contains("CREATE OR REPLACE EXTERNAL TABLE &{database}.curated.t (\n    processing_date DATE AS (SPLIT_PART("));
        assert!(text.contains("Path VARCHAR AS (VALUE:\"Path\"::VARCHAR),\n    n NUMBER(10, 0) AS (VALUE:\"n\"::NUMBER(10, 0))\n)"));
        assert!(!text.contains("VALUE:\"processing_date\""), "{text}");
        let latest = scripts.iter().find(|script| script.name.starts_with("021")).unwrap();
        assert!(
            latest.text.contains("VIEW &{database}.curated.t_latest COPY GRANTS AS\nSELECT\n    processing_date,\n    Path,\n    n\n")
        );
    }

    #[test]
    fn a_type_or_a_layer_that_nobody_knows_is_refused() {
        let refused = |from: &str, to: &str| {
            scripts(&tables::of_json(&TABLES.replace(from, to)).unwrap()).unwrap_err().to_string()
        };
        assert!(refused("\"int\"", "\"uuid\"").contains("n: no type of Snowflake's is known for uuid"));
        assert!(refused("\"curated\"", "\"gold\"").contains("no script"));
    }
}
