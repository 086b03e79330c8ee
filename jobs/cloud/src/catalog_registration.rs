//! Published partitions in the catalogue that engines read.

use chrono::NaiveDate;
use millrace_jobs::run_record::TableReport;
use millrace_lake::data_catalog::{DataCatalog, DataCatalogError, PartitionEntry, TableEntry};
use millrace_lake::layout::Layer;
use millrace_tables::{Table, tables};

use crate::error::CloudJobError;

/// Registers the partitions of `day` that a run published in the lake at `lake`, its address on S3.
pub(crate) async fn register(
    catalogue: &dyn DataCatalog,
    lake: &str,
    published: &[TableReport],
    day: NaiveDate,
) -> Result<(), CloudJobError> {
    for report in published {
        let known = tables().iter().find(|table| table.name() == report.name);
        let (table, partition) = known
            .and_then(|table| entries(lake, table, day))
            .ok_or_else(|| CloudJobError::UnknownTable { table: report.name.clone() })??;
        catalogue.register(&table, &partition).await?;
    }
    Ok(())
}

/// The entries of a published table; `None` for a raw one, which has no partition of a day.
fn entries(
    lake: &str,
    table: &Table,
    day: NaiveDate,
) -> Option<Result<(TableEntry, PartitionEntry), DataCatalogError>> {
    if table.layer == Layer::Raw {
        return None;
    }
    let entries = TableEntry::of(lake, table.layer, table.folder, &table.schema)
        .and_then(|entry| Ok((entry, PartitionEntry::of(lake, table.layer, table.folder, day)?)));
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_table_can_be_registered() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 9).expect("a day");
        for table in tables().iter().filter(|table| table.layer != Layer::Raw) {
            let (entry, partition) =
                entries("s3://lake", table, day).expect("a partition").expect("a type for each column");
            let columns = table.schema.fields().iter().map(|field| field.name().as_str());
            let columns = columns.filter(|name| *name != "processing_date");
            assert!(entry.columns.iter().map(|column| column.name.as_str()).eq(columns));
            assert!(partition.location.starts_with(&entry.location), "{partition:?}");
        }
    }

    #[test]
    fn the_users_are_told_in_hives_words() {
        let users = tables().iter().find(|table| table.folder == "users_transformed").expect("the table");
        let day = NaiveDate::from_ymd_opt(2026, 1, 9).expect("a day");
        let (entry, _) = entries("s3://lake", users, day).expect("a partition").expect("types");
        let word = |name: &str| {
            entry.columns.iter().find(|column| column.name == name).map(|column| column.hive_type.as_str())
        };
        assert_eq!(word("age_years"), Some("int"));
        assert_eq!(word("quality_issues"), Some("array<string>"));
        assert_eq!(word("processed_at"), Some("timestamp"));
        assert_eq!(word("source_offset"), Some("bigint"));
        assert_eq!(word("processing_date"), None);
    }
}
