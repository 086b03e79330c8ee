//! Manifests: which data files a commit added, kept or took away. Source: the Iceberg table specification, "Manifests".

use std::collections::BTreeMap;

use apache_avro::types::Value;
use serde_json::json;

use crate::avro_file::{self, Record};
use crate::failure::IcebergError;
use crate::partitioning::PartitionSpec;
use crate::table_metadata::TableMetadata;

/// What a commit did with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It was there before.
    Existing,
    /// It came.
    Added,
    /// It went.
    Deleted,
}

/// A data file, as manifests tell of it. The maps are by the columns' numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its location.
    pub location: String,
    /// `PARQUET`, and what other engines write.
    pub format: String,
    /// Its partition, in days since 1970-01-01; `None` for rows without a date.
    pub day: Option<i32>,
    /// Rows.
    pub records: i64,
    /// Size in bytes.
    pub bytes: i64,
    /// Compressed bytes.
    pub column_sizes: BTreeMap<i32, i64>,
    /// Values, nulls among them.
    pub value_counts: BTreeMap<i32, i64>,
    /// Nulls.
    pub null_counts: BTreeMap<i32, i64>,
    /// Not a number.
    pub nan_counts: BTreeMap<i32, i64>,
    /// What no value is below.
    pub lower_bounds: BTreeMap<i32, Vec<u8>>,
    /// What no value is above.
    pub upper_bounds: BTreeMap<i32, Vec<u8>>,
    /// Keys' wrapping, of other engines.
    pub key_metadata: Option<Vec<u8>>,
    /// Where the file may be read in parts.
    pub split_offsets: Option<Vec<i64>>,
    /// By which of the table's orders it is sorted.
    pub sort_order_id: Option<i32>,
}

/// A file and what a commit did with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What was done.
    pub(crate) status: Status,
    /// By which snapshot: the one that added it, or that deleted it.
    pub(crate) snapshot_id: i64,
    /// Its rows' place in the order of commits.
    pub(crate) sequence_number: i64,
    /// The file's own.
    pub(crate) file_sequence_number: i64,
    /// The file.
    pub(crate) file: DataFile,
}

impl Entry {
    /// Whether readers read it.
    pub(crate) fn is_live(&self) -> bool {
        self.status != Status::Deleted
    }
}

/// `(name, field id, key id, value id, the values' Avro type)` of a data file's maps.
const MAPS: [(&str, i32, i32, i32, &str); 6] = [
    ("column_sizes", 108, 117, 118, "long"),
    ("value_counts", 109, 119, 120, "long"),
    ("null_value_counts", 110, 121, 122, "long"),
    ("nan_value_counts", 137, 138, 139, "long"),
    ("lower_bounds", 125, 126, 127, "bytes"),
    ("upper_bounds", 128, 129, 130, "bytes"),
];

/// `entries` as a manifest's bytes. Those that are new inherit their sequence numbers from the list, so that a commit that is tried again
/// could keep them.
pub(crate) fn write(
    location: &str,
    metadata: &TableMetadata,
    spec: &PartitionSpec,
    entries: &[Entry],
) -> Result<Vec<u8>, IcebergError> {
    let field = spec.day_field(location)?;
    let json = |value: serde_json::Result<String>| {
        value.map_err(|source| IcebergError::Encode {
            file: location.to_owned(),
            what: "JSON",
            source: Box::new(source),
        })
    };
    let schema = metadata.schema()?;
    let properties = [
        ("schema", json(serde_json::to_string(schema))?),
        ("schema-id", schema.schema_id.to_string()),
        ("partition-spec", json(serde_json::to_string(&spec.fields))?),
        ("partition-spec-id", spec.spec_id.to_string()),
        ("format-version", "2".to_owned()),
        ("content", "data".to_owned()),
    ];
    let avro = avro_file::schema(location, &avro_schema(&field.name, field.field_id))?;
    let records = entries.iter().map(|entry| entry_value(entry, &field.name));
    avro_file::write(location, &avro, &properties, records)
}

fn avro_schema(partition: &str, partition_id: i32) -> serde_json::Value {
    let optional = |name: &str, id: i32, of: serde_json::Value| json!({"name": name, "type": ["null", of], "default": null, "field-id": id});
    let mut file = vec![
        json!({"name": "content", "type": "int", "field-id": 134}),
        json!({"name": "file_path", "type": "string", "field-id": 100}),
        json!({"name": "file_format", "type": "string", "field-id": 101}),
        json!({"name": "partition", "field-id": 102, "type": {"type": "record", "name": "r102", "fields": [
            optional(partition, partition_id, json!({"type": "int", "logicalType": "date"})),
        ]}}),
        json!({"name": "record_count", "type": "long", "field-id": 103}),
        json!({"name": "file_size_in_bytes", "type": "long", "field-id": 104}),
    ];
    for (name, id, key, value, of) in MAPS {
        let pair = json!({"type": "record", "name": format!("k{key}_v{value}"), "fields": [
            {"name": "key", "type": "int", "field-id": key}, {"name": "value", "type": of, "field-id": value},
        ]});
        file.push(optional(name, id, json!({"type": "array", "items": pair, "logicalType": "map"})));
    }
    file.push(optional("key_metadata", 131, json!("bytes")));
    file.push(optional("split_offsets", 132, json!({"type": "array", "items": "long", "element-id": 133})));
    file.push(optional("sort_order_id", 140, json!("int")));
    json!({"type": "record", "name": "manifest_entry", "fields": [
        {"name": "status", "type": "int", "field-id": 0},
        optional("snapshot_id", 1, json!("long")),
        optional("sequence_number", 3, json!("long")),
        optional("file_sequence_number", 4, json!("long")),
        {"name": "data_file", "field-id": 2, "type": {"type": "record", "name": "r2", "fields": file}},
    ]})
}

/// A value that may be null.
pub(crate) fn optional(value: Option<Value>) -> Value {
    match value {
        Some(value) => Value::Union(1, Box::new(value)),
        None => Value::Union(0, Box::new(Value::Null)),
    }
}

/// A record of `(name, value)`.
pub(crate) fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn map<T: Clone>(of: &BTreeMap<i32, T>, value: impl Fn(T) -> Value) -> Value {
    if of.is_empty() {
        return optional(None);
    }
    let pair = |(key, one): (&i32, &T)| record([("key", Value::Int(*key)), ("value", value(one.clone()))]);
    optional(Some(Value::Array(of.iter().map(pair).collect())))
}

fn entry_value(entry: &Entry, partition: &str) -> Value {
    let file = &entry.file;
    let added = entry.status == Status::Added;
    let number = |number: i64| optional((!added).then_some(Value::Long(number)));
    let status = match entry.status {
        Status::Existing => 0,
        Status::Added => 1,
        Status::Deleted => 2,
    };
    let offsets = file.split_offsets.as_ref();
    let offsets = offsets.map(|offsets| Value::Array(offsets.iter().map(|at| Value::Long(*at)).collect()));
    let data_file = record([
        ("content", Value::Int(0)),
        ("file_path", Value::String(file.location.clone())),
        ("file_format", Value::String(file.format.clone())),
        ("partition", record([(partition, optional(file.day.map(Value::Date)))])),
        ("record_count", Value::Long(file.records)),
        ("file_size_in_bytes", Value::Long(file.bytes)),
        ("column_sizes", map(&file.column_sizes, Value::Long)),
        ("value_counts", map(&file.value_counts, Value::Long)),
        ("null_value_counts", map(&file.null_counts, Value::Long)),
        ("nan_value_counts", map(&file.nan_counts, Value::Long)),
        ("lower_bounds", map(&file.lower_bounds, Value::Bytes)),
        ("upper_bounds", map(&file.upper_bounds, Value::Bytes)),
        ("key_metadata", optional(file.key_metadata.clone().map(Value::Bytes))),
        ("split_offsets", optional(offsets)),
        ("sort_order_id", optional(file.sort_order_id.map(Value::Int))),
    ]);
    record([
        ("status", Value::Int(status)),
        ("snapshot_id", optional(Some(Value::Long(entry.snapshot_id)))),
        ("sequence_number", number(entry.sequence_number)),
        ("file_sequence_number", number(entry.file_sequence_number)),
        ("data_file", data_file),
    ])
}

/// What a manifest's entries inherit from the list that names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inherited {
    pub(crate) snapshot_id: i64,
    pub(crate) sequence_number: i64,
}

/// Reads a manifest of data files whose rows are parted by `spec`.
pub(crate) fn read(
    location: &str,
    bytes: &[u8],
    spec: &PartitionSpec,
    inherited: Inherited,
) -> Result<Vec<Entry>, IcebergError> {
    let partition = spec.day_field(location)?.field_id;
    avro_file::read(location, bytes, |entry| {
        let status = match entry.int(0)? {
            Some(0) => Status::Existing,
            Some(1) => Status::Added,
            Some(2) => Status::Deleted,
            other => {
                return Err(IcebergError::damaged(location, format!("an entry has the status {other:?}")));
            }
        };
        let number = |found: Option<i64>| match found {
            Some(number) => Ok(number),
            None if status == Status::Added => Ok(inherited.sequence_number),
            None => Err(IcebergError::damaged(location, "an entry that is not new has no sequence number")),
        };
        Ok(Entry {
            status,
            snapshot_id: entry.long(1)?.unwrap_or(inherited.snapshot_id),
            sequence_number: number(entry.long(3)?)?,
            file_sequence_number: number(entry.long(4)?)?,
            file: data_file(location, &entry.record(2)?, partition)?,
        })
    })
}

fn data_file(location: &str, record: &Record<'_>, partition: i32) -> Result<DataFile, IcebergError> {
    // Version 1 has no content: all files are data.
    if record.int(134)?.unwrap_or(0) != 0 {
        let found = "a manifest of data files that names deletes".to_owned();
        return Err(IcebergError::Unsupported { place: location.to_owned(), found });
    }
    let longs = |at: usize| record.map(MAPS[at].1, (MAPS[at].2, MAPS[at].3), Record::long);
    let bounds = |at: usize| record.map(MAPS[at].1, (MAPS[at].2, MAPS[at].3), Record::bytes);
    Ok(DataFile {
        location: record.text(100)?,
        format: record.text(101)?,
        day: record.record(102)?.int(partition)?,
        records: record.count(103)?,
        bytes: record.count(104)?,
        column_sizes: longs(0)?,
        value_counts: longs(1)?,
        null_counts: longs(2)?,
        nan_counts: longs(3)?,
        lower_bounds: bounds(4)?,
        upper_bounds: bounds(5)?,
        key_metadata: record.bytes(131)?,
        split_offsets: record.longs(132)?,
        sort_order_id: record.int(140)?,
    })
}
