//! A table's metadata: one JSON file a version, never changed once it is written. Of the format's version 2; what this crate doesn't know
//! is kept as it is. Source: the Iceberg table specification, "Table Metadata".

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::IcebergError;
use crate::partitioning::PartitionSpec;
use crate::table_schema::TableSchema;

/// The branch that readers read.
pub const MAIN: &str = "main";

/// All that is said of a table at one version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableMetadata {
    /// 2.
    pub format_version: u8,
    /// The table's identity, whatever it is called.
    pub table_uuid: String,
    /// The table's folder, as a URI.
    pub location: String,
    /// The newest snapshot's number in the order of commits.
    pub last_sequence_number: i64,
    /// Milliseconds since 1970, UTC.
    pub last_updated_ms: i64,
    /// The highest number that a column has ever had.
    pub last_column_id: i32,
    /// Every schema that a snapshot was written by.
    pub schemas: Vec<TableSchema>,
    /// Which of them is now.
    pub current_schema_id: i32,
    /// Every partition spec.
    pub partition_specs: Vec<PartitionSpec>,
    /// Which of them is now.
    pub default_spec_id: i32,
    /// The highest number that a partition field has ever had.
    pub last_partition_id: i32,
    /// Every sort order, as the format spells it.
    pub sort_orders: Vec<Value>,
    /// Which of them is now.
    pub default_sort_order_id: i32,
    /// Settings, as texts.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// What readers read; `None`, or -1 where other engines wrote it, while there is no row.
    pub current_snapshot_id: Option<i64>,
    /// Every snapshot that is left.
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    /// Which snapshot was current from when.
    #[serde(default)]
    pub snapshot_log: Vec<SnapshotLogEntry>,
    /// The metadata files before this one.
    #[serde(default)]
    pub metadata_log: Vec<MetadataLogEntry>,
    /// Branches and tags.
    #[serde(default)]
    pub refs: BTreeMap<String, SnapshotRef>,
    /// What else is said.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The files of a table at a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Snapshot {
    /// A random number.
    pub snapshot_id: i64,
    /// The snapshot that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_snapshot_id: Option<i64>,
    /// Its place in the order of commits.
    #[serde(default)]
    pub sequence_number: i64,
    /// Milliseconds since 1970, UTC.
    pub timestamp_ms: i64,
    /// Where its list of manifests is.
    pub manifest_list: String,
    /// What was done; `operation` is always there.
    pub summary: BTreeMap<String, String>,
    /// The schema that it was written by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_id: Option<i32>,
    /// What else is said.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// When a snapshot became current.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SnapshotLogEntry {
    /// Milliseconds since 1970, UTC.
    pub timestamp_ms: i64,
    /// Which.
    pub snapshot_id: i64,
}

/// An earlier metadata file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MetadataLogEntry {
    /// Milliseconds since 1970, UTC.
    pub timestamp_ms: i64,
    /// Its location.
    pub metadata_file: String,
}

/// A branch or a tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SnapshotRef {
    /// Where it points.
    pub snapshot_id: i64,
    /// `branch` or `tag`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How long it is kept.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Snapshot {
    /// When it was committed; the beginning of 1970 where the number is no time.
    pub fn timestamp(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.timestamp_ms).unwrap_or_default()
    }
}

impl TableMetadata {
    /// Reads and checks what the file at `location` holds.
    ///
    /// # Errors
    /// It is no metadata of version 2, or what it says doesn't fit together.
    pub fn from_json(location: &str, bytes: &[u8]) -> Result<Self, IcebergError> {
        let damaged = |reason: String| IcebergError::damaged(location, reason);
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Version {
            format_version: i64,
        }
        let version: Version = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
        if version.format_version != 2 {
            let found = format!("format version {}", version.format_version);
            return Err(IcebergError::Unsupported { place: location.to_owned(), found });
        }
        let mut metadata: Self = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
        metadata.current_snapshot_id = metadata.current_snapshot_id.filter(|id| *id != -1);
        if !metadata.schemas.iter().any(|schema| schema.schema_id == metadata.current_schema_id) {
            return Err(damaged(format!("it has no schema {}", metadata.current_schema_id)));
        }
        if !metadata.partition_specs.iter().any(|spec| spec.spec_id == metadata.default_spec_id) {
            return Err(damaged(format!("it has no partition spec {}", metadata.default_spec_id)));
        }
        let heads = metadata.refs.values().map(|one| one.snapshot_id).chain(metadata.current_snapshot_id);
        for id in heads {
            if metadata.snapshot(id).is_none() {
                return Err(damaged(format!("it has no snapshot {id}, and points to it")));
            }
        }
        let highest = metadata.snapshots.iter().map(|snapshot| snapshot.sequence_number).max().unwrap_or(0);
        if highest > metadata.last_sequence_number || metadata.last_sequence_number < 0 {
            return Err(damaged(format!(
                "its last-sequence-number {} is below a snapshot's, {highest}",
                metadata.last_sequence_number
            )));
        }
        Ok(metadata)
    }

    /// As the file holds it.
    pub(crate) fn to_json(&self, location: &str) -> Result<Vec<u8>, IcebergError> {
        serde_json::to_vec(self).map_err(|source| IcebergError::Encode {
            file: location.to_owned(),
            what: "metadata",
            source: Box::new(source),
        })
    }

    /// The columns now.
    pub fn schema(&self) -> Result<&TableSchema, IcebergError> {
        let found = self.schemas.iter().find(|schema| schema.schema_id == self.current_schema_id);
        found.ok_or_else(|| IcebergError::damaged(&self.location, "the current schema is gone"))
    }

    /// The partition spec of a number.
    pub fn spec(&self, id: i32) -> Result<&PartitionSpec, IcebergError> {
        let found = self.partition_specs.iter().find(|spec| spec.spec_id == id);
        found.ok_or_else(|| IcebergError::damaged(&self.location, format!("there is no partition spec {id}")))
    }

    /// The snapshot of an id.
    pub fn snapshot(&self, id: i64) -> Option<&Snapshot> {
        self.snapshots.iter().find(|snapshot| snapshot.snapshot_id == id)
    }

    /// What readers read; `None` before the first commit.
    pub fn current_snapshot(&self) -> Option<&Snapshot> {
        self.snapshot(self.current_snapshot_id?)
    }

    /// The current snapshot and those that it came from, newest first, as far as they are left.
    pub fn ancestors(&self) -> impl Iterator<Item = &Snapshot> {
        // Bounded: parents of a damaged file may form a ring.
        std::iter::successors(self.current_snapshot(), |snapshot| self.snapshot(snapshot.parent_snapshot_id?))
            .take(self.snapshots.len())
    }

    /// The snapshot that was current at `instant`; `None` before the first, or where it was expired.
    pub fn snapshot_at(&self, instant: DateTime<Utc>) -> Option<&Snapshot> {
        let millis = instant.timestamp_millis();
        let before = self.snapshot_log.iter().filter(|entry| entry.timestamp_ms <= millis);
        self.snapshot(before.max_by_key(|entry| entry.timestamp_ms)?.snapshot_id)
    }

    /// A time for the next version: `now`, or a millisecond after the last where a clock went back. Versions that follow one another
    /// have times that do.
    pub(crate) fn next_millis(&self, now: DateTime<Utc>) -> i64 {
        now.timestamp_millis().max(self.last_updated_ms.saturating_add(1))
    }

    /// Makes `id` what readers read, from `millis` on.
    pub(crate) fn set_main(&mut self, id: i64, millis: i64) {
        self.current_snapshot_id = Some(id);
        self.snapshot_log.push(SnapshotLogEntry { timestamp_ms: millis, snapshot_id: id });
        let branch = || SnapshotRef { snapshot_id: id, kind: "branch".to_owned(), rest: Map::new() };
        self.refs.entry(MAIN.to_owned()).or_insert_with(branch).snapshot_id = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"format-version":2,"table-uuid":"u","location":"file:///l/iceberg/t","last-sequence-number":1,
        "last-updated-ms":10,"last-column-id":1,"schemas":[{"type":"struct","schema-id":0,"fields":[]}],"current-schema-id":0,
        "partition-specs":[{"spec-id":0,"fields":[]}],"default-spec-id":0,"last-partition-id":999,"sort-orders":[],
        "default-sort-order-id":0,"current-snapshot-id":-1,"statistics":[],"snapshots":[{"snapshot-id":5,"parent-snapshot-id":5,
        "sequence-number":1,"timestamp-ms":1,"manifest-list":"m","summary":{"operation":"append"},"key-id":"k"}]}"#;

    #[test]
    fn what_it_does_not_know_is_kept_and_a_ring_of_parents_ends() {
        let mut read = TableMetadata::from_json("m", SMALL.as_bytes()).unwrap();
        assert_eq!(read.current_snapshot_id, None);
        assert_eq!((read.rest.len(), read.snapshots[0].rest.len()), (1, 1));
        let again = TableMetadata::from_json("m", &read.to_json("m").unwrap()).unwrap();
        assert_eq!(again, read);
        read.set_main(5, 11);
        assert_eq!(read.ancestors().count(), 1);
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_its_file() {
        for (from, to, told) in [
            ("\"format-version\":2", "\"format-version\":3", "format version 3"),
            ("\"current-schema-id\":0", "\"current-schema-id\":4", "no schema 4"),
            ("\"default-spec-id\":0", "\"default-spec-id\":4", "no partition spec 4"),
            ("\"current-snapshot-id\":-1", "\"current-snapshot-id\":6", "no snapshot 6"),
            ("\"last-sequence-number\":1", "\"last-sequence-number\":0", "below a snapshot's, 1"),
            ("\"location\"", "\"place\"", "missing field `location`"),
            ("{", "", "expected"),
        ] {
            let text = SMALL.replacen(from, to, 1);
            let error =
                TableMetadata::from_json("v1.metadata.json", text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("v1.metadata.json") && error.contains(told), "{told}: {error}");
        }
    }
}
