//! What a catalogue is told: a table, and one of its partitions.

use arrow_schema::Schema;
use chrono::NaiveDate;

use super::hive_type::hive_type;
use super::refused::DataCatalogError;
use crate::layout::{Layer, partition_key, table_prefix};

/// The one partition key of every published table. A date, as the column that the files hold is one: engines then compare it with
/// dates and still find their folders, named `YYYY-MM-DD`, by it.
pub const PARTITION_KEY: ColumnEntry<&str> = ColumnEntry { name: "processing_date", hive_type: "date" };

/// A column by its name and its type in Hive's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnEntry<S = String> {
    /// As the files' schema has it.
    pub name: S,
    /// Such as `bigint` or `timestamp`.
    pub hive_type: S,
}

/// A published table as a catalogue describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    /// The table's folder in its layer, without the layer.
    pub name: String,
    /// In the schema's order, [`PARTITION_KEY`] left out: a column cannot be both.
    pub columns: Vec<ColumnEntry>,
    /// The folder above all partitions, ending in `/`.
    pub location: String,
}

/// A day of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionEntry {
    /// The value of [`PARTITION_KEY`].
    pub day: NaiveDate,
    /// The partition's folder, ending in `/`.
    pub location: String,
}

impl TableEntry {
    /// `table` of the lake at `lake`, such as `s3://bucket/prefix`, with `schema` as its files have it.
    ///
    /// # Errors
    /// A column has a type that engines would not read right, or the name is none of a table.
    pub fn of(lake: &str, layer: Layer, table: &str, schema: &Schema) -> Result<Self, DataCatalogError> {
        let fields = schema.fields().iter().filter(|field| field.name() != PARTITION_KEY.name);
        let columns = fields.map(|field| {
            let hive_type = hive_type(field.data_type()).ok_or_else(|| DataCatalogError::Column {
                table: table.to_owned(),
                column: field.name().clone(),
                found: field.data_type().to_string(),
            })?;
            Ok(ColumnEntry { name: field.name().clone(), hive_type })
        });
        Ok(Self {
            name: table.to_owned(),
            columns: columns.collect::<Result<_, DataCatalogError>>()?,
            location: below(lake, &table_prefix(layer, table)?),
        })
    }
}

impl PartitionEntry {
    /// The day's partition of `table` of the lake at `lake`.
    pub fn of(lake: &str, layer: Layer, table: &str, day: NaiveDate) -> Result<Self, DataCatalogError> {
        let key = partition_key(layer, table, day)?;
        let folder = key.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        Ok(Self { day, location: format!("{}/", below(lake, folder)) })
    }
}

fn below(lake: &str, path: &str) -> String {
    format!("{}/{path}", lake.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use arrow_schema::{DataType, Field};

    use super::*;

    #[test]
    fn the_partition_key_is_no_column_and_places_are_the_layouts() {
        let fields = [
            Field::new("id", DataType::Utf8, true),
            Field::new("processing_date", DataType::Date32, true),
            Field::new("n", DataType::Int64, true),
        ];
        let schema = Schema::new(fields.to_vec());
        let table = TableEntry::of("s3://lake/dev/", Layer::Curated, "users", &schema).unwrap();
        let columns: Vec<_> = table.columns.iter().map(|c| format!("{} {}", c.name, c.hive_type)).collect();
        assert_eq!(columns, ["id string", "n bigint"]);
        assert_eq!(table.location, "s3://lake/dev/curated/users/");
        let day = NaiveDate::from_ymd_opt(2026, 1, 9).unwrap();
        let partition = PartitionEntry::of("s3://lake/dev", Layer::Curated, "users", day).unwrap();
        assert_eq!(partition.location, "s3://lake/dev/curated/users/processing_date=2026-01-09/");
    }

    #[test]
    fn a_column_that_no_engine_reads_right_is_told() {
        let schema = Schema::new(vec![Field::new("n", DataType::UInt64, true)]);
        let error = TableEntry::of("s3://lake", Layer::Curated, "t", &schema).unwrap_err().to_string();
        assert!(error.contains("column n of t") && error.contains("UInt64"), "{error}");
    }
}
