//! Lists of manifests: the files of one snapshot. Source: the Iceberg table specification, "Manifest Lists".

use apache_avro::types::Value;
use serde_json::json;

use crate::avro_file;
use crate::failure::IcebergError;
use crate::manifest::{Entry, Inherited, Status, optional, record};

/// A manifest, as the list tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestFile {
    /// Its location.
    pub(crate) location: String,
    /// Size in bytes.
    pub(crate) bytes: i64,
    /// By which spec its files are parted.
    pub(crate) spec_id: i32,
    /// Data files, or deletes of other engines.
    pub(crate) is_data: bool,
    /// The commit that wrote it.
    pub(crate) sequence_number: i64,
    /// The lowest of its live entries.
    pub(crate) min_sequence_number: i64,
    /// The snapshot that wrote it.
    pub(crate) added_snapshot_id: i64,
    /// Files that came, were there, went.
    pub(crate) files: [i32; 3],
    /// Their rows.
    pub(crate) rows: [i64; 3],
    /// What its files' partitions lie between.
    pub(crate) partitions: Option<Vec<PartitionRange>>,
    /// Keys' wrapping, of other engines.
    pub(crate) key_metadata: Option<Vec<u8>>,
}

/// The partitions of a manifest's files, by one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionRange {
    /// Whether a file has none.
    pub(crate) contains_null: bool,
    /// Whether a file's is not a number.
    pub(crate) contains_nan: Option<bool>,
    /// The lowest, as the format stores values.
    pub(crate) lower: Option<Vec<u8>>,
    /// The highest.
    pub(crate) upper: Option<Vec<u8>>,
}

impl ManifestFile {
    /// Of a manifest that the commit writes now.
    pub(crate) fn of(location: String, bytes: usize, spec_id: i32, by: Inherited, entries: &[Entry]) -> Self {
        let (mut files, mut rows) = ([0_i32; 3], [0_i64; 3]);
        for entry in entries {
            let at = match entry.status {
                Status::Added => 0,
                Status::Existing => 1,
                Status::Deleted => 2,
            };
            files[at] = files[at].saturating_add(1);
            rows[at] = rows[at].saturating_add(entry.file.records);
        }
        let live = entries.iter().filter(|entry| entry.is_live()).map(|entry| entry.sequence_number);
        let days = || entries.iter().filter_map(|entry| entry.file.day);
        let stored = |day: i32| day.to_le_bytes().to_vec();
        let range = PartitionRange {
            contains_null: entries.iter().any(|entry| entry.file.day.is_none()),
            contains_nan: None,
            lower: days().min().map(stored),
            upper: days().max().map(stored),
        };
        Self {
            location,
            bytes: bytes as i64,
            spec_id,
            is_data: true,
            sequence_number: by.sequence_number,
            min_sequence_number: live.min().unwrap_or(by.sequence_number),
            added_snapshot_id: by.snapshot_id,
            files,
            rows,
            partitions: Some(vec![range]),
            key_metadata: None,
        }
    }

    /// Whether it names files that readers read.
    pub(crate) fn is_live(&self) -> bool {
        self.files[0] != 0 || self.files[1] != 0
    }

    /// Whether a file of `day` may be in it.
    pub(crate) fn may_hold(&self, day: i32) -> bool {
        let Some([range]) = self.partitions.as_deref() else { return true };
        let stored = |bytes: &Option<Vec<u8>>| {
            bytes
                .as_ref()
                .and_then(|bytes| <[u8; 4]>::try_from(bytes.as_slice()).ok())
                .map(i32::from_le_bytes)
        };
        match (stored(&range.lower), stored(&range.upper)) {
            (Some(lower), Some(upper)) => (lower..=upper).contains(&day),
            _ => true,
        }
    }

    pub(crate) fn inherited(&self) -> Inherited {
        Inherited { snapshot_id: self.added_snapshot_id, sequence_number: self.sequence_number }
    }
}

fn avro_schema() -> serde_json::Value {
    let optional = |name: &str, id: i32, of: serde_json::Value| json!({"name": name, "type": ["null", of], "default": null, "field-id": id});
    let range = json!({"type": "record", "name": "r508", "fields": [
        {"name": "contains_null", "type": "boolean", "field-id": 509},
        optional("contains_nan", 518, json!("boolean")),
        optional("lower_bound", 510, json!("bytes")),
        optional("upper_bound", 511, json!("bytes")),
    ]});
    json!({"type": "record", "name": "manifest_file", "fields": [
        {"name": "manifest_path", "type": "string", "field-id": 500},
        {"name": "manifest_length", "type": "long", "field-id": 501},
        {"name": "partition_spec_id", "type": "int", "field-id": 502},
        {"name": "content", "type": "int", "field-id": 517},
        {"name": "sequence_number", "type": "long", "field-id": 515},
        {"name": "min_sequence_number", "type": "long", "field-id": 516},
        {"name": "added_snapshot_id", "type": "long", "field-id": 503},
        {"name": "added_files_count", "type": "int", "field-id": 504},
        {"name": "existing_files_count", "type": "int", "field-id": 505},
        {"name": "deleted_files_count", "type": "int", "field-id": 506},
        {"name": "added_rows_count", "type": "long", "field-id": 512},
        {"name": "existing_rows_count", "type": "long", "field-id": 513},
        {"name": "deleted_rows_count", "type": "long", "field-id": 514},
        optional("partitions", 507, json!({"type": "array", "items": range, "element-id": 508})),
        optional("key_metadata", 519, json!("bytes")),
    ]})
}

/// `manifests` as the list of a snapshot whose parent is `parent`.
pub(crate) fn write(
    location: &str,
    by: Inherited,
    parent: Option<i64>,
    manifests: &[ManifestFile],
) -> Result<Vec<u8>, IcebergError> {
    let properties = [
        ("snapshot-id", by.snapshot_id.to_string()),
        ("parent-snapshot-id", parent.map_or("null".to_owned(), |id| id.to_string())),
        ("sequence-number", by.sequence_number.to_string()),
        ("format-version", "2".to_owned()),
    ];
    let avro = avro_file::schema(location, &avro_schema())?;
    avro_file::write(location, &avro, &properties, manifests.iter().map(manifest_value))
}

fn manifest_value(manifest: &ManifestFile) -> Value {
    let bytes = |bytes: &Option<Vec<u8>>| optional(bytes.clone().map(Value::Bytes));
    let range = |range: &PartitionRange| {
        record([
            ("contains_null", Value::Boolean(range.contains_null)),
            ("contains_nan", optional(range.contains_nan.map(Value::Boolean))),
            ("lower_bound", bytes(&range.lower)),
            ("upper_bound", bytes(&range.upper)),
        ])
    };
    let ranges = manifest.partitions.as_ref().map(|ranges| Value::Array(ranges.iter().map(range).collect()));
    record([
        ("manifest_path", Value::String(manifest.location.clone())),
        ("manifest_length", Value::Long(manifest.bytes)),
        ("partition_spec_id", Value::Int(manifest.spec_id)),
        ("content", Value::Int(i32::from(!manifest.is_data))),
        ("sequence_number", Value::Long(manifest.sequence_number)),
        ("min_sequence_number", Value::Long(manifest.min_sequence_number)),
        ("added_snapshot_id", Value::Long(manifest.added_snapshot_id)),
        ("added_files_count", Value::Int(manifest.files[0])),
        ("existing_files_count", Value::Int(manifest.files[1])),
        ("deleted_files_count", Value::Int(manifest.files[2])),
        ("added_rows_count", Value::Long(manifest.rows[0])),
        ("existing_rows_count", Value::Long(manifest.rows[1])),
        ("deleted_rows_count", Value::Long(manifest.rows[2])),
        ("partitions", optional(ranges)),
        ("key_metadata", bytes(&manifest.key_metadata)),
    ])
}

/// Reads the list of a snapshot.
pub(crate) fn read(location: &str, bytes: &[u8]) -> Result<Vec<ManifestFile>, IcebergError> {
    avro_file::read(location, bytes, |record| {
        let range = |range: &avro_file::Record<'_>| {
            Ok(PartitionRange {
                contains_null: range.boolean(509)?.unwrap_or(true),
                contains_nan: range.boolean(518)?,
                lower: range.bytes(510)?,
                upper: range.bytes(511)?,
            })
        };
        let ranges = record.records(507)?;
        let ranges = ranges.map(|ranges| ranges.iter().map(range).collect::<Result<_, IcebergError>>());
        let required = |number: i32| {
            record
                .long(number)?
                .ok_or_else(|| IcebergError::damaged(location, format!("it lacks the field {number}")))
        };
        // Missing counts are of version 1: there may be such files.
        let files = |number: i32| Ok::<_, IcebergError>(record.int(number)?.unwrap_or(1));
        let rows = |number: i32| Ok::<_, IcebergError>(record.long(number)?.unwrap_or(0));
        Ok(ManifestFile {
            location: record.text(500)?,
            bytes: record.count(501)?,
            spec_id: record.int(502)?.unwrap_or(0),
            is_data: record.int(517)?.unwrap_or(0) == 0,
            sequence_number: record.long(515)?.unwrap_or(0),
            min_sequence_number: record.long(516)?.unwrap_or(0),
            added_snapshot_id: required(503)?,
            files: [files(504)?, files(505)?, files(506)?],
            rows: [rows(512)?, rows(513)?, rows(514)?],
            partitions: ranges.transpose()?,
            key_metadata: record.bytes(519)?,
        })
    })
}
