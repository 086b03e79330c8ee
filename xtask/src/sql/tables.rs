//! The lake's tables as infra/tables.json tells them; a test of the lake's own holds that file to the writer's schemas.

use anyhow::{Context, bail};
use serde_json::Value;

/// No snapshot of a day, but the users that changed on it.
pub(super) const DIMENSION: &str = "dim_user_demographics";

#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) layer: String,
    pub(super) folder: String,
    pub(super) partitions: Vec<Column>,
    pub(super) columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// Hive's name of the type.
    pub(super) hive: String,
}

impl Table {
    /// The names of its columns as its views show them, but for `but`, a line each.
    pub(super) fn listed(&self, but: &[&str]) -> String {
        let of_files = self.columns.iter().filter(|column| !self.partitions.contains(column));
        let names = self.partitions.iter().chain(of_files).map(|column| column.name.as_str());
        let lines = names.filter(|name| !but.contains(name)).map(|name| format!("    {name}"));
        lines.collect::<Vec<_>>().join(",\n")
    }

    /// The role that may read it; the roles above it may too. Raw and curated rows hold names and addresses. Elsewhere a table of a
    /// row a person is still about persons, whom its id tells; the rest are figures.
    pub(super) fn audience(&self) -> &'static str {
        let of_persons = self.columns.iter().any(|column| ["id", "user_id"].contains(&column.name.as_str()));
        match self.layer.as_str() {
            "raw" | "curated" => "loader",
            _ if of_persons => "analyst",
            _ => "reader",
        }
    }
}

impl Column {
    /// Snowflake's name of the type.
    ///
    /// Numbers are as wide as the lake's, so that a column of another width is seen. A timestamp is one of UTC without a
    /// zone: the lake has no other, and one with the session's zone would change its day with who asks. A list stays
    /// a VARIANT, as Snowflake shows Parquet's lists in two shapes.
    pub(super) fn snowflake(&self) -> anyhow::Result<&'static str> {
        Ok(match self.hive.as_str() {
            "string" => "VARCHAR",
            "int" => "NUMBER(10, 0)",
            "bigint" => "NUMBER(19, 0)",
            "double" => "FLOAT",
            "boolean" => "BOOLEAN",
            "date" => "DATE",
            "timestamp" => "TIMESTAMP_NTZ",
            "array<string>" => "VARIANT",
            other => {
                bail!(
                    "{}: no type of Snowflake's is known for {other}: say it in xtask/src/sql/tables.rs",
                    self.name
                )
            }
        })
    }
}

pub(super) fn of_json(text: &str) -> anyhow::Result<Vec<Table>> {
    let told: Value = serde_json::from_str(text).context("infra/tables.json is no JSON")?;
    list(&told, "tables")?.iter().map(table).collect()
}

fn table(told: &Value) -> anyhow::Result<Table> {
    let columns = |key| list(told, key)?.iter().map(column).collect::<anyhow::Result<Vec<_>>>();
    Ok(Table {
        name: text(told, "name")?,
        layer: text(told, "layer")?,
        folder: text(told, "folder")?,
        partitions: columns("partitions")?,
        columns: columns("columns")?,
    })
}

fn column(told: &Value) -> anyhow::Result<Column> {
    Ok(Column { name: text(told, "name")?, hive: text(told, "type")? })
}

fn list<'a>(told: &'a Value, key: &str) -> anyhow::Result<&'a Vec<Value>> {
    told[key].as_array().with_context(|| format!("infra/tables.json: {key} is no list"))
}

fn text(told: &Value, key: &str) -> anyhow::Result<String> {
    Ok(told[key].as_str().with_context(|| format!("infra/tables.json: {key} is no text"))?.to_owned())
}
