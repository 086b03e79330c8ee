//! The lake's tables as their writers have them: infra/tables.json, which a test of the jobs holds to the writers' schemas.

use serde::Deserialize;

use crate::error::SnowflakeError;

/// The file as it was when this was built.
const TOLD: &str = include_str!("../../../infra/tables.json");

#[derive(Debug, Clone, Deserialize)]
struct File {
    tables: Vec<LakeTable>,
}

/// A table of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeTable {
    /// Its folder inside the layer's; also the name of its external table.
    pub name: String,
    /// Also the name of its schema in Snowflake.
    pub layer: String,
    /// Where it lies in the lake.
    pub folder: String,
    /// The keys in the path of its files, in their order.
    pub partitions: Vec<LakeColumn>,
    /// The columns of its Parquet, in their order.
    pub columns: Vec<LakeColumn>,
}

/// A column of a table or a part of its path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeColumn {
    /// Its name, to the letter.
    pub name: String,
    /// Hive's name of the type.
    #[serde(rename = "type")]
    pub hive: String,
}

impl LakeTable {
    /// All of them.
    ///
    /// # Errors
    /// The file is not as meant.
    pub fn all() -> Result<Vec<Self>, SnowflakeError> {
        let file: File = serde_json::from_str(TOLD)
            .map_err(|error| SnowflakeError::Answer(format!("infra/tables.json is not as meant: {error}")))?;
        Ok(file.tables)
    }

    /// The columns that an external table takes out of the files: a partition's own comes by the path.
    pub fn file_columns(&self) -> impl Iterator<Item = &LakeColumn> {
        let by_path =
            |column: &&LakeColumn| self.partitions.iter().any(|partition| partition.name == column.name);
        self.columns.iter().filter(move |column| !by_path(column))
    }
}

impl LakeColumn {
    /// The one type of Snowflake's that holds the column's values and no others; `None` for a type that nobody has met.
    pub fn snowflake(&self) -> Option<&'static str> {
        Some(match self.hive.as_str() {
            "string" => "VARCHAR",
            "int" => "NUMBER(10,0)",
            "bigint" => "NUMBER(19,0)",
            "double" => "FLOAT",
            "boolean" => "BOOLEAN",
            "date" => "DATE",
            "timestamp" => "TIMESTAMP_NTZ",
            "array<string>" => "VARIANT",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_type_is_known() {
        let tables = LakeTable::all().unwrap();
        assert!(tables.len() >= 21 && tables.iter().any(|table| table.name == "users_transformed"));
        for table in &tables {
            for column in table.partitions.iter().chain(&table.columns) {
                assert!(column.snowflake().is_some(), "{}.{}: {}", table.name, column.name, column.hive);
            }
        }
    }
}
