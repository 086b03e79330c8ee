//! Our entries in Glue's words, and whether what Glue holds says the same already.

use std::collections::HashMap;

use aws_sdk_glue::error::BuildError;
use aws_sdk_glue::types::{
    Column, Partition, PartitionInput, SerDeInfo, StorageDescriptor, Table, TableInput,
};

use millrace_lake::data_catalog::{ColumnEntry, PARTITION_KEY, PartitionEntry, TableEntry};

const INPUT_FORMAT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
const OUTPUT_FORMAT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat";
const SERDE: &str = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";

/// Dropping the table in an engine leaves the lake's objects alone.
const TABLE_TYPE: &str = "EXTERNAL_TABLE";

/// What Athena, crawlers and Spark look at; others' parameters stay.
const PARAMETERS: [(&str, &str); 3] =
    [("classification", "parquet"), ("EXTERNAL", "TRUE"), ("typeOfData", "file")];

/// `table` for Glue; what others wrote to `found` beside our part stays.
pub(super) fn table_input(table: &TableEntry, found: Option<&Table>) -> Result<TableInput, BuildError> {
    let stored = found.and_then(Table::storage_descriptor);
    let mut parameters = found.and_then(Table::parameters).cloned().unwrap_or_default();
    parameters.extend(PARAMETERS.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let key = Column::builder().name(PARTITION_KEY.name).r#type(PARTITION_KEY.hive_type).build()?;
    TableInput::builder()
        .name(&table.name)
        .table_type(TABLE_TYPE)
        .storage_descriptor(descriptor(&table.columns, &table.location, stored)?)
        .partition_keys(key)
        .set_parameters(Some(parameters))
        .set_description(found.and_then(Table::description).map(str::to_owned))
        .set_owner(found.and_then(Table::owner).map(str::to_owned))
        .set_retention(found.map(Table::retention))
        .build()
}

/// `partition` of `table` for Glue.
pub(super) fn partition_input(
    table: &TableEntry,
    partition: &PartitionEntry,
    found: Option<&Partition>,
) -> Result<PartitionInput, BuildError> {
    let stored = found.and_then(Partition::storage_descriptor);
    Ok(PartitionInput::builder()
        .values(value(partition))
        .storage_descriptor(descriptor(&table.columns, &partition.location, stored)?)
        .set_parameters(found.and_then(Partition::parameters).cloned())
        .build())
}

/// The partition's value, as its folder has it.
pub(super) fn value(partition: &PartitionEntry) -> String {
    partition.day.to_string()
}

pub(super) fn is_same_table(table: &TableEntry, found: &Table) -> bool {
    let has = |parameters: &HashMap<String, String>| {
        PARAMETERS.iter().all(|(key, value)| parameters.get(*key).is_some_and(|found| found == value))
    };
    found.table_type() == Some(TABLE_TYPE)
        && found.parameters().is_some_and(has)
        && is_same_columns(
            std::iter::once((PARTITION_KEY.name, PARTITION_KEY.hive_type)),
            found.partition_keys(),
        )
        && found.storage_descriptor().is_some_and(|it| is_stored_so(&table.columns, &table.location, it))
}

pub(super) fn is_same_partition(table: &TableEntry, partition: &PartitionEntry, found: &Partition) -> bool {
    found.storage_descriptor().is_some_and(|it| is_stored_so(&table.columns, &partition.location, it))
}

fn is_stored_so(columns: &[ColumnEntry], location: &str, found: &StorageDescriptor) -> bool {
    let columns = columns.iter().map(|column| (column.name.as_str(), column.hive_type.as_str()));
    found.location() == Some(location)
        && found.input_format() == Some(INPUT_FORMAT)
        && found.output_format() == Some(OUTPUT_FORMAT)
        && found.serde_info().and_then(SerDeInfo::serialization_library) == Some(SERDE)
        && is_same_columns(columns, found.columns())
}

fn is_same_columns<'a>(ours: impl Iterator<Item = (&'a str, &'a str)>, found: &'a [Column]) -> bool {
    ours.eq(found.iter().map(|column| (column.name(), column.r#type().unwrap_or_default())))
}

/// How the files are stored; comments that `found` has on columns stay.
fn descriptor(
    columns: &[ColumnEntry],
    location: &str,
    found: Option<&StorageDescriptor>,
) -> Result<StorageDescriptor, BuildError> {
    let found = found.map(StorageDescriptor::columns).unwrap_or_default();
    let columns = columns.iter().map(|column| {
        let known = found.iter().find(|found| found.name() == column.name);
        let comment = known.and_then(Column::comment).map(str::to_owned);
        Column::builder().name(&column.name).r#type(&column.hive_type).set_comment(comment).build()
    });
    Ok(StorageDescriptor::builder()
        .set_columns(Some(columns.collect::<Result<_, _>>()?))
        .location(location)
        .input_format(INPUT_FORMAT)
        .output_format(OUTPUT_FORMAT)
        .serde_info(
            SerDeInfo::builder().serialization_library(SERDE).parameters("serialization.format", "1").build(),
        )
        .compressed(false)
        .stored_as_sub_directories(false)
        .build())
}
