//! Files below a table that nothing names: of commits that lost or died, of expiries that died, of metadata that is long past.

use std::os::unix::fs::MetadataExt;

use chrono::{DateTime, Utc};
use millrace_lake::{Key, ObjectMeta};

use crate::failure::IcebergError;
use crate::file_dating;
use crate::file_pointer::{HINT, version_of};
use crate::reachable;
use crate::table::Table;
use crate::table_metadata::{Snapshot, TableMetadata};

/// What was found, or removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Files from before the instant that was given, that nothing names.
    pub removed: Vec<ObjectMeta>,
    /// Files that nothing names yet or any more, and that are younger: a commit that is at work may name them next.
    pub young: Vec<Key>,
    /// Files that nothing names, with names that don't tell their age, of other engines: look at them, and let the engine remove them.
    pub undated: Vec<Key>,
}

/// Whether anything is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is only told.
    DryRun,
    /// It goes.
    Remove,
}

impl Table {
    /// Finds, and with [`Removal::Remove`] removes, the files of the table that nothing names and that are older than `older_than`. Leave
    /// hours: a run's files lie there from its start on, until its commit names them.
    ///
    /// # Errors
    /// Metadata or a manifest can't be read: then nothing is removed.
    pub async fn remove_orphans(
        &self,
        older_than: DateTime<Utc>,
        removal: Removal,
    ) -> Result<Orphans, IcebergError> {
        let store = self.files.warehouse.store();
        // Listed first: what is committed afterwards names no file that is on the list and was not named before, but young ones.
        let listed = store.list(&self.files.prefix()).await?;
        let current = self.load().await?;
        let snapshots: Vec<&Snapshot> = current.metadata.snapshots.iter().collect();
        let mut named = reachable::of_snapshots(&self.files, &current.metadata, &snapshots).await?;
        named.extend(reachable::by_metadata(&self.files, &current.metadata)?);
        named.insert(self.files.warehouse.key(&current.location)?);
        let mut orphans = Orphans::default();
        for object in listed {
            if named.contains(&object.key) || object.key.name() == HINT {
                continue;
            }
            match self.written(&object.key).await? {
                Some(written) if written < older_than => orphans.removed.push(object),
                Some(_) => orphans.young.push(object.key),
                None => orphans.undated.push(object.key),
            }
        }
        if removal == Removal::Remove {
            // Versions from the oldest on, whoever dies in between: the pointer looks for the next version behind one that is there.
            orphans.removed.sort_by_key(|object| version_of(object.key.name()));
            for object in &orphans.removed {
                store.delete(&object.key).await?;
            }
        }
        Ok(orphans)
    }

    /// When a file was written: by its name, by what it says, or by what the disk says.
    async fn written(&self, key: &Key) -> Result<Option<DateTime<Utc>>, IcebergError> {
        if let Some(written) = file_dating::written(key.name()) {
            return Ok(Some(written));
        }
        let store = self.files.warehouse.store();
        if version_of(key.name()).is_some() {
            let bytes = match store.get(key).await {
                Ok(bytes) => bytes,
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let metadata = TableMetadata::from_json(key.as_str(), &bytes).ok();
            return Ok(
                metadata.and_then(|metadata| DateTime::from_timestamp_millis(metadata.last_updated_ms))
            );
        }
        let Some(path) = store.local_path(key) else { return Ok(None) };
        // Not when its bytes were written: a second name of an older file is as young as the name.
        let changed = std::fs::metadata(path).map(|metadata| metadata.ctime());
        Ok(changed.ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
    }
}
