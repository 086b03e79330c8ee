//! The scripts that follow from the lake's schemas: an external table for each table, and a view of its newest day.

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
    scripts.push(Script { name: "021_views_latest_day.sql".to_owned(), text: latest_days(tables) });
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
        let of_path = format!("SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/{name}=', 2), '/', 1)");
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

/// Jobs write a whole partition a day: who asks for a table without a day means its newest one.
fn latest_days(tables: &[Table]) -> String {
    let mut text = format!(
        "{HEAD}-- Each table's newest day. dim_user_demographics is no snapshot and has views of its own (022).\n"
    );
    let by_day = |table: &&Table| table.partitions.iter().any(|column| column.name == "processing_date");
    for Table { name, layer, .. } in
        tables.iter().filter(by_day).filter(|table| table.name != "dim_user_demographics")
    {
        let _ = write!(
            text,
            "\nCREATE OR REPLACE VIEW &{{database}}.{layer}.{name}_latest COPY GRANTS AS\n\
             SELECT * EXCLUDE (value)\nFROM &{{database}}.{layer}.{name}\n\
             WHERE processing_date = (SELECT MAX(processing_date) FROM &{{database}}.{layer}.{name});\n"
        );
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
        assert!(scripts[4].text.contains("VIEW &{database}.curated.t_latest"));
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
