//! The scripts that follow from the lake's schemas: an external table for each table, and the views that show all its columns.
//!
//! A view of Snowflake's keeps the number of its columns: one of `SELECT *` would break as its table gets another. So each names
//! them, and a new column is a change of the view's script too.

use std::fmt::Write as _;

use anyhow::ensure;

use super::latest_days;
use super::tables::{Column, DIMENSION, Table};

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
        let of_layer: Vec<_> = tables.iter().filter(|table| table.layer == *layer).collect();
        let mut text = format!(
            "{HEAD}-- A name in VALUE:\"…\" is the Parquet column's to the letter: in another case it would be null.\n\
             -- New objects are registered by S3's notification to the queue that SHOW EXTERNAL TABLES tells.\n"
        );
        stage(&mut text, layer, &of_layer);
        for table in of_layer {
            external_table(&mut text, table)?;
        }
        scripts.push(Script { name: format!("{:03}_external_tables_{layer}.sql", FIRST + index), text });
    }
    for (name, text) in [
        ("020_views_raw.sql", raw_records(tables)),
        ("021_views_latest_day.sql", latest_days::script(HEAD, tables)),
        ("022_views_dimension.sql", dimension(tables)),
    ] {
        scripts.push(Script { name: name.to_owned(), text });
    }
    let told: usize = tables.iter().filter(|table| LAYERS.contains(&table.layer.as_str())).count();
    ensure!(told == tables.len(), "a table of infra/tables.json is of a layer that has no script");
    Ok(scripts)
}

/// The layer's stage, a stage for each: a new address touches the tables of one script at a time.
///
/// Snowflake refuses another location, or another stage of the name, while external tables stand on it. So the stage is made once,
/// and where its address is another one, the layer's tables are dropped first; the same script makes them again.
fn stage(text: &mut String, layer: &str, tables: &[&Table]) {
    let drops = tables.iter().map(|table| {
        format!("        DROP EXTERNAL TABLE IF EXISTS &{{database}}.{layer}.{};\n", table.name)
    });
    let drops: String = drops.collect();
    let name = format!("{layer}_stage");
    let _ = write!(
        text,
        "\nCREATE STAGE IF NOT EXISTS &{{database}}.lake.{name}\n    URL = '&{{lake_url}}/'\n    \
         STORAGE_INTEGRATION = &{{database}}_lake;\n\n\
         -- Another address is refused while tables stand on the stage: they go first, and come back below.\n\
         EXECUTE IMMEDIATE\n$$\nDECLARE\n    moved INTEGER DEFAULT 0;\nBEGIN\n    \
         SELECT COUNT(*) INTO :moved\n    FROM &{{database}}.information_schema.stages\n    \
         WHERE stage_schema = 'LAKE' AND stage_name = '{}' AND RTRIM(stage_url, '/') <> '&{{lake_url}}';\n    \
         IF (moved > 0) THEN\n{drops}        ALTER STAGE &{{database}}.lake.{name} SET\n            \
         URL = '&{{lake_url}}/'\n            STORAGE_INTEGRATION = &{{database}}_lake;\n    END IF;\nEND;\n$$;\n",
        name.to_uppercase(),
    );
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
        "{}\n)\nPARTITION BY ({})\nLOCATION = @&{{database}}.lake.{layer}_stage/{folder}/\n\
         REFRESH_ON_CREATE = TRUE\nAUTO_REFRESH = TRUE\nPATTERN = '.*[.]parquet'\n\
         FILE_FORMAT = (FORMAT_NAME = '&{{database}}.lake.lake_parquet')\nCOPY GRANTS;\n\
         GRANT SELECT ON EXTERNAL TABLE &{{database}}.{layer}.{name} TO ROLE &{{database}}_{audience};\n",
        lines.join(",\n"),
        by.join(", "),
        audience = table.audience(),
    );
    Ok(())
}

fn view(text: &mut String, name: &str, audience: &str, query: &str) {
    let _ = write!(
        text,
        "\nCREATE OR REPLACE VIEW &{{database}}.{name} COPY GRANTS AS\n{query};\n\
         GRANT SELECT ON VIEW &{{database}}.{name} TO ROLE &{{database}}_{audience};\n"
    );
}

fn raw_records(tables: &[Table]) -> String {
    let mut text = format!(
        "{HEAD}-- Raw records once each. Objects may overlap after a retry: a record is known by its source position, whatever object\n\
         -- it came in. It lies by the\n\
         -- date and hour of its own timestamp, so that its copies are in one folder: the window has these too, and a filter by them\n\
         -- reaches the files.\n"
    );
    for table in tables.iter().filter(|table| table.layer == "raw") {
        let name = &table.name;
        let query = format!(
            "SELECT\n{}\nFROM &{{database}}.raw.{name}\nQUALIFY ROW_NUMBER() OVER (\n    \
             PARTITION BY date, hour, _topic, _generation, _partition, _offset\n    ORDER BY _ingested_at\n) = 1",
            table.listed(&[])
        );
        view(&mut text, &format!("raw.{}", name.trim_start_matches("raw_")), table.audience(), &query);
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
            table.listed(&[])
        );
        view(&mut text, &format!("{}.{DIMENSION}_current", table.layer), table.audience(), &current);
        let next = "LEAD(processing_date) OVER (PARTITION BY user_id ORDER BY processing_date)";
        // As it was written, every version was current on its day.
        let history = format!(
            "SELECT\n{},\n    processing_date AS valid_from,\n    {next} AS valid_to,\n    {next} IS NULL AS is_current\n{from}",
            table.listed(&["is_current"])
        );
        view(&mut text, &format!("{}.{DIMENSION}_history", table.layer), table.audience(), &history);
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
