//! Whether the external tables are the lake's tables: names to the letter, types, partitions, folders.

use std::collections::BTreeMap;

use crate::error::SnowflakeError;
use crate::external_table::{ExternalColumn, ExternalTable, Source};
use crate::lake_tables::{LakeColumn, LakeTable};
use crate::session::Session;

/// Where the two are apart, a sentence each; empty where they agree.
pub fn differences(lake: &[LakeTable], external: &[ExternalTable]) -> Vec<String> {
    let mut told = Vec::new();
    for table in lake {
        let found: Vec<_> =
            external.iter().filter(|one| one.schema == table.layer && one.name == table.name).collect();
        match found.as_slice() {
            [one] => of_table(table, one, &mut told),
            [] => told.push(format!("{}.{}: no script makes its external table", table.layer, table.name)),
            [first, .., last] => told.push(format!(
                "{}.{}: is made twice, at {}:{} and {}:{}",
                table.layer, table.name, first.file, first.line, last.file, last.line
            )),
        }
    }
    for one in external {
        if !lake.iter().any(|table| one.schema == table.layer && one.name == table.name) {
            told.push(format!(
                "{}:{}: the lake has no table {}.{}",
                one.file, one.line, one.schema, one.name
            ));
        }
    }
    told
}

fn of_table(table: &LakeTable, external: &ExternalTable, told: &mut Vec<String>) {
    let mut tell = |what: String| {
        told.push(format!("{}:{}: {}.{}{what}", external.file, external.line, table.layer, table.name));
    };
    if external.folder != table.folder {
        tell(format!(": reads {} and lies in {}", external.folder, table.folder));
    }
    let keys: Vec<_> = table.partitions.iter().map(|column| column.name.as_str()).collect();
    if external.partition_by != keys {
        tell(format!(
            ": is partitioned by {} and lies by {}",
            external.partition_by.join(", "),
            keys.join(", ")
        ));
    }
    let by_folder = table.partitions.iter().map(|column| (column, true));
    let wanted: Vec<_> = by_folder.chain(table.file_columns().map(|column| (column, false))).collect();
    for (column, by_folder) in &wanted {
        match external.columns.iter().find(|one| one.name == column.name) {
            None => tell(format!(".{}: the external table lacks it", column.name)),
            Some(one) => {
                if let Some(what) = of_column(column, one, *by_folder) {
                    tell(format!(".{}: {what}", column.name));
                }
            }
        }
    }
    for one in &external.columns {
        if !wanted.iter().any(|(column, _)| column.name == one.name) {
            tell(format!(".{}: the lake's table lacks it", one.name));
        }
    }
}

fn of_column(column: &LakeColumn, external: &ExternalColumn, by_folder: bool) -> Option<String> {
    let Some(wanted) = column.snowflake() else {
        return Some(format!("nobody knows the type {}", column.hive));
    };
    let (name, cast) = match (&external.source, by_folder) {
        (Source::Column { path, cast }, false) | (Source::Folder { key: path, cast }, true) => (path, cast),
        (other, _) => return Some(format!("its expression is not the one that is meant: {other:?}")),
    };
    if *name != column.name {
        return Some(format!("reads {name:?}, which the files do not have: every value would be null"));
    }
    if cast != wanted || external.declared != wanted {
        return Some(format!(
            "is {} of {cast} and has to be {wanted} (the lake's {})",
            external.declared, column.hive
        ));
    }
    None
}

/// The same of what is deployed, as Snowflake describes it. It tells names and types; whether a path hits its column is
/// seen in the scripts, and by the history, that these are the ones deployed.
///
/// # Errors
/// Snowflake's.
pub async fn deployed(
    session: &dyn Session,
    database: &str,
    lake: &[LakeTable],
) -> Result<Vec<String>, SnowflakeError> {
    let mut told = Vec::new();
    for table in lake {
        let name = format!("{}.{}", table.layer, table.name);
        let rows = match session.run(&format!("DESCRIBE EXTERNAL TABLE {database}.{name}")).await {
            Ok(rows) => rows,
            Err(error) if error.is_missing_object() => {
                told.push(format!("{name}: is not deployed: run `millrace snowflake deploy`"));
                continue;
            }
            Err(error) => return Err(error),
        };
        let (Some(name_at), Some(type_at)) = (rows.column("name"), rows.column("type")) else {
            return Err(SnowflakeError::Answer(format!(
                "the description of {name} tells no names and types"
            )));
        };
        let value = |row: &[Option<String>], at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let described: BTreeMap<_, _> = rows
            .rows
            .iter()
            .map(|row| (value(row, name_at).to_ascii_lowercase(), value(row, type_at)))
            .collect();
        told.extend(described_differences(table, &name, &described));
    }
    Ok(told)
}

fn described_differences(table: &LakeTable, name: &str, described: &BTreeMap<String, String>) -> Vec<String> {
    let mut told = Vec::new();
    let wanted: Vec<_> = table.partitions.iter().chain(table.file_columns()).collect();
    for column in &wanted {
        match described.get(&column.name.to_ascii_lowercase()) {
            None => told.push(format!("{name}.{}: the deployed table lacks it", column.name)),
            Some(found) => {
                let found = bare(found);
                let wanted = column.snowflake().unwrap_or(&column.hive);
                if found != wanted {
                    told.push(format!(
                        "{name}.{}: is deployed as {found} and has to be {wanted}",
                        column.name
                    ));
                }
            }
        }
    }
    // Every external table has the row itself as a column.
    let extra = described
        .keys()
        .filter(|key| *key != "value" && !wanted.iter().any(|column| column.name.eq_ignore_ascii_case(key)));
    told.extend(extra.map(|key| format!("{name}.{key}: the lake's table lacks it")));
    told
}

/// A described type without the sizes that every column has: `VARCHAR(16777216)`, `TIMESTAMP_NTZ(9)`.
fn bare(described: &str) -> String {
    let described: String = described.to_ascii_uppercase().split_whitespace().collect();
    match described.split_once('(') {
        Some((kind @ ("VARCHAR" | "TIMESTAMP_NTZ"), _)) => kind.to_owned(),
        _ => described,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_every_column_has_are_no_difference() {
        assert_eq!(bare("VARCHAR(16777216)"), "VARCHAR");
        assert_eq!(bare("TIMESTAMP_NTZ(9)"), "TIMESTAMP_NTZ");
        assert_eq!(bare("NUMBER(10, 0)"), "NUMBER(10,0)");
        assert_eq!(bare("FLOAT"), "FLOAT");
    }

    #[test]
    fn what_is_deployed_otherwise_is_told() {
        let column = |name: &str, hive: &str| LakeColumn { name: name.to_owned(), hive: hive.to_owned() };
        let table = LakeTable {
            name: "t".to_owned(),
            layer: "curated".to_owned(),
            folder: "curated/t".to_owned(),
            partitions: vec![column("day", "date")],
            columns: vec![column("a", "string"), column("n", "int"), column("day", "date")],
        };
        let described = |columns: &[(&str, &str)]| {
            let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()));
            described_differences(&table, "curated.t", &columns.collect())
        };
        let right =
            [("value", "VARIANT"), ("day", "DATE"), ("a", "VARCHAR(16777216)"), ("n", "NUMBER(10,0)")];
        assert!(described(&right).is_empty());
        let told = described(&[("day", "DATE"), ("n", "NUMBER(38,0)"), ("b", "DATE")]);
        assert_eq!(
            told,
            [
                "curated.t.a: the deployed table lacks it",
                "curated.t.n: is deployed as NUMBER(38,0) and has to be NUMBER(10,0)",
                "curated.t.b: the lake's table lacks it",
            ]
        );
    }
}
