//! Which files snapshots name.

use std::collections::{BTreeMap, BTreeSet};

use millrace_lake::Key;

use crate::failure::IcebergError;
use crate::manifest::Entry;
use crate::table_files::TableFiles;
use crate::table_metadata::{Snapshot, TableMetadata};

/// Parts of metadata that name a file of statistics for a snapshot, of other engines.
pub(crate) const STATISTICS: [&str; 2] = ["statistics", "partition-statistics"];

/// The files of snapshots: lists, manifests, data files that readers read.
pub(crate) async fn of_snapshots(
    files: &TableFiles,
    metadata: &TableMetadata,
    snapshots: &[&Snapshot],
) -> Result<BTreeSet<Key>, IcebergError> {
    let mut named = BTreeSet::new();
    // Snapshots share most of their manifests: each is read once.
    let mut manifests = BTreeMap::new();
    for snapshot in snapshots {
        named.insert(files.warehouse.key(&snapshot.manifest_list)?);
        for manifest in files.manifests(snapshot).await? {
            manifests.insert(manifest.location.clone(), manifest);
        }
    }
    for manifest in manifests.values() {
        named.insert(files.warehouse.key(&manifest.location)?);
        if !manifest.is_data {
            // Row-level deletes of another engine: its files are not read here, so that none can be told to be unused.
            return Err(IcebergError::Unsupported {
                place: manifest.location.clone(),
                found: "a manifest of row-level deletes".to_owned(),
            });
        }
        for entry in files.entries(metadata, manifest).await?.iter().filter(|entry| Entry::is_live(entry)) {
            named.insert(files.warehouse.key(&entry.file.location)?);
        }
    }
    Ok(named)
}

/// The files of statistics for `snapshots`.
pub(crate) fn statistics_of(
    files: &TableFiles,
    metadata: &TableMetadata,
    snapshots: &BTreeSet<i64>,
) -> Result<BTreeSet<Key>, IcebergError> {
    let all = STATISTICS.iter().filter_map(|part| metadata.rest.get(*part)?.as_array()).flatten();
    let of_them = all.filter(|one| {
        one.get("snapshot-id").and_then(serde_json::Value::as_i64).is_some_and(|id| snapshots.contains(&id))
    });
    let paths = of_them.filter_map(|one| one.get("statistics-path")?.as_str());
    paths.map(|location| files.warehouse.key(location)).collect()
}

/// The files that metadata names by itself: earlier versions, and statistics.
pub(crate) fn by_metadata(
    files: &TableFiles,
    metadata: &TableMetadata,
) -> Result<BTreeSet<Key>, IcebergError> {
    let earlier = metadata.metadata_log.iter().map(|entry| entry.metadata_file.as_str());
    let statistics = STATISTICS.iter().filter_map(|part| metadata.rest.get(*part)?.as_array()).flatten();
    let statistics = statistics.filter_map(|one| one.get("statistics-path")?.as_str());
    earlier.chain(statistics).map(|location| files.warehouse.key(location)).collect()
}
