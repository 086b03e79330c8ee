//! Data files that have to go, whatever snapshots name them: the history that reads them ends, wherever in the line it is.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveDate, Utc};
use millrace_lake::Key;

use crate::committing::{Change, Next};
use crate::expiry;
use crate::failure::IcebergError;
use crate::manifest::{self, Entry, Inherited};
use crate::pointer::Current;
use crate::reachable;
use crate::table::Table;
use crate::table_files::TableFiles;
use crate::table_metadata::{Snapshot, TableMetadata};

/// A table's data files.
#[derive(Debug, Clone, Default)]
pub struct AllDataFiles {
    /// Those of every snapshot, and those below the table that nothing names.
    pub files: BTreeSet<Key>,
    /// Those that are read now, each with its day; without one where its rows have no date.
    pub live: BTreeMap<Key, Option<NaiveDate>>,
    snapshots: Vec<Snapshot>,
    refs: BTreeMap<String, i64>,
    naming: Naming,
}

/// The history that some files are part of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The snapshots that name them.
    pub snapshots: Vec<Snapshot>,
    /// Branches and tags that point to these, but for the main one.
    pub refs: BTreeSet<String>,
}

impl AllDataFiles {
    /// The history that `files` are part of.
    pub fn history_of(&self, files: &BTreeSet<Key>) -> History {
        let go = self.naming.snapshots_with(files);
        let refs = self.refs.iter().filter(|(name, id)| *name != crate::MAIN && go.contains(id));
        History {
            snapshots: self.snapshots.iter().filter(|one| go.contains(&one.snapshot_id)).cloned().collect(),
            refs: refs.map(|(name, _)| name.clone()).collect(),
        }
    }
}

/// What snapshots say of data files.
#[derive(Debug, Clone, Default)]
struct Naming {
    /// The manifests of each.
    snapshots: BTreeMap<i64, Vec<String>>,
    manifests: BTreeMap<String, Named>,
}

/// What a manifest says of data files.
#[derive(Debug, Clone, Default)]
struct Named {
    live: BTreeMap<Key, Option<i32>>,
    /// Gone by then, and bounds of them are told still: these are values of their rows.
    bounds_of_gone: BTreeSet<Key>,
}

impl Named {
    fn of(files: &TableFiles, entries: Vec<Entry>) -> Result<Self, IcebergError> {
        let mut named = Self::default();
        for entry in entries {
            let key = files.warehouse.key(&entry.file.location)?;
            if !entry.is_live() {
                if !(entry.file.lower_bounds.is_empty() && entry.file.upper_bounds.is_empty()) {
                    named.bounds_of_gone.insert(key);
                }
            } else if entry.file.format.eq_ignore_ascii_case("PARQUET") {
                named.live.insert(key, entry.file.day);
            } else {
                return Err(other_format(&entry.file.location));
            }
        }
        Ok(named)
    }

    fn tells_of(&self, files: &BTreeSet<Key>) -> bool {
        files.iter().any(|file| self.live.contains_key(file) || self.bounds_of_gone.contains(file))
    }
}

impl Naming {
    async fn of(files: &TableFiles, metadata: &TableMetadata) -> Result<Self, IcebergError> {
        let mut naming = Self::default();
        for snapshot in &metadata.snapshots {
            let mut of_snapshot = Vec::new();
            for listed in files.manifests(snapshot).await? {
                if !listed.is_data {
                    let found = "a manifest of row-level deletes".to_owned();
                    return Err(IcebergError::Unsupported { place: listed.location, found });
                }
                if !naming.manifests.contains_key(&listed.location) {
                    let named = Named::of(files, files.entries(metadata, &listed).await?)?;
                    naming.manifests.insert(listed.location.clone(), named);
                }
                of_snapshot.push(listed.location);
            }
            naming.snapshots.insert(snapshot.snapshot_id, of_snapshot);
        }
        Ok(naming)
    }

    fn of_snapshot(&self, id: i64) -> impl Iterator<Item = &Named> {
        let manifests = self.snapshots.get(&id).into_iter().flatten();
        manifests.filter_map(|location| self.manifests.get(location))
    }

    fn snapshots_with(&self, files: &BTreeSet<Key>) -> BTreeSet<i64> {
        let telling = |id: &i64| self.of_snapshot(*id).any(|named| named.tells_of(files));
        self.snapshots.keys().copied().filter(telling).collect()
    }
}

fn other_format(place: &str) -> IcebergError {
    IcebergError::Unsupported { place: place.to_owned(), found: "a data file that is no Parquet".to_owned() }
}

struct EndHistory<'a> {
    files: &'a TableFiles,
    remove: &'a BTreeSet<Key>,
    now: DateTime<Utc>,
}

#[async_trait]
impl Change for EndHistory<'_> {
    /// The files that nothing names any more; `None` where what is read now names one that is to go.
    type Told = Option<BTreeSet<Key>>;

    async fn on(&self, base: &Current) -> Result<Next<Self::Told>, IcebergError> {
        let before = &base.metadata;
        let naming = Naming::of(self.files, before).await?;
        let go = naming.snapshots_with(self.remove);
        if let Some(now) = before.current_snapshot_id.filter(|now| go.contains(now)) {
            if naming.of_snapshot(now).any(|named| self.remove.iter().any(|key| named.live.contains_key(key)))
            {
                return Ok(Next::Nothing(None));
            }
            return Err(IcebergError::Unsupported {
                place: base.location.clone(),
                found: "a manifest that keeps bounds of rows that are gone (rewrite_manifests drops them)"
                    .to_owned(),
            });
        }
        if go.is_empty() {
            return Ok(Next::Nothing(Some(BTreeSet::new())));
        }
        let (gone, stay): (Vec<&Snapshot>, Vec<&Snapshot>) =
            before.snapshots.iter().partition(|snapshot| go.contains(&snapshot.snapshot_id));
        let used = reachable::of_snapshots(self.files, before, &stay).await?;
        let mut unused = reachable::of_snapshots(self.files, before, &gone).await?;
        unused.extend(reachable::statistics_of(self.files, before, &go)?);
        unused.retain(|key| !used.contains(key) && key.as_str().starts_with(&self.files.prefix()));
        let mut next = expiry::without(before, &go);
        next.refs.retain(|_, head| !go.contains(&head.snapshot_id));
        next.last_updated_ms = next.next_millis(self.now);
        Ok(Next::Metadata(Box::new(next), Some(unused)))
    }
}

impl Table {
    /// The table's data files, of every snapshot and of none. A table that isn't there has those that lie where it would be.
    ///
    /// # Errors
    /// Metadata or a manifest can't be read, has row-level deletes, or names a data file that is no Parquet: then nobody can say which rows
    /// the table has.
    pub async fn all_data_files(&self) -> Result<AllDataFiles, IcebergError> {
        let mut all = AllDataFiles::default();
        let store = self.files.warehouse.store();
        for object in store.list(&self.files.prefix()).await? {
            let name = object.key.name().to_ascii_lowercase();
            if name.ends_with(".parquet") {
                all.files.insert(object.key);
            } else if object.key.as_str().starts_with(&format!("{}data/", self.files.prefix()))
                && (name.ends_with(".orc") || name.ends_with(".avro"))
            {
                return Err(other_format(object.key.as_str()));
            }
        }
        let metadata = match self.load().await {
            Ok(current) => current.metadata,
            Err(IcebergError::NoTable { .. }) => return Ok(all),
            Err(error) => return Err(error),
        };
        all.naming = Naming::of(&self.files, &metadata).await?;
        let named = all.naming.manifests.values().flat_map(|named| named.live.keys());
        all.files.extend(named.cloned());
        if let Some(now) = metadata.current_snapshot_id {
            for (key, days) in all.naming.of_snapshot(now).flat_map(|named| &named.live) {
                all.live.insert(key.clone(), days.and_then(day));
            }
        }
        all.refs = metadata.refs.iter().map(|(name, head)| (name.clone(), head.snapshot_id)).collect();
        all.snapshots = metadata.snapshots;
        Ok(all)
    }

    /// Removes data files of the table: snapshots that name one end, with the branches and tags that point to them; then what only these
    /// named goes, then the files. The other snapshots stay as they are, by their ids; by time those behind the last one that ended.
    /// `false`, and nothing is removed, where what is read now names one of the files: replace its day first.
    ///
    /// Nothing else may be committed that names these files meanwhile; the caller sees to it. Whoever dies in between does it again.
    ///
    /// # Errors
    /// As [`all_data_files`](Self::all_data_files); a file isn't below the table; or the store fails.
    pub async fn remove_data_files(
        &self,
        remove: &BTreeSet<Key>,
        now: DateTime<Utc>,
    ) -> Result<bool, IcebergError> {
        if let Some(other) = remove.iter().find(|key| !key.as_str().starts_with(&self.files.prefix())) {
            let found = "a data file outside of the table's folder".to_owned();
            return Err(IcebergError::Unsupported { place: other.to_string(), found });
        }
        let unused = match self.load().await {
            Ok(_) => match self.commit(&EndHistory { files: &self.files, remove, now }).await? {
                Some(unused) => unused,
                None => return Ok(false),
            },
            Err(IcebergError::NoTable { .. }) => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        let store = self.files.warehouse.store();
        for key in unused.difference(remove) {
            store.delete(key).await?;
        }
        // By the files themselves what tells of them is found after a death, so they go last.
        for key in self.unnamed_manifests_of(remove).await? {
            store.delete(&key).await?;
        }
        for key in remove {
            store.delete(key).await?;
        }
        Ok(true)
    }

    /// Manifests that no snapshot names, of commits that lost or died, and of histories that ended, that tell of `files`.
    async fn unnamed_manifests_of(&self, files: &BTreeSet<Key>) -> Result<Vec<Key>, IcebergError> {
        let listed = self.files.warehouse.store().list(&format!("{}metadata/", self.files.prefix())).await?;
        let metadata = match self.load().await {
            Ok(current) => current.metadata,
            Err(IcebergError::NoTable { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let snapshots: Vec<&Snapshot> = metadata.snapshots.iter().collect();
        let named = reachable::of_snapshots(&self.files, &metadata, &snapshots).await?;
        let spec = metadata.spec(metadata.default_spec_id)?;
        let none = Inherited { snapshot_id: 0, sequence_number: 0 };
        let mut found = Vec::new();
        for object in listed {
            let name = object.key.name();
            // Lists name manifests and days, nothing of rows.
            if named.contains(&object.key) || !name.ends_with(".avro") || name.starts_with("snap-") {
                continue;
            }
            let bytes = match self.files.warehouse.store().get(&object.key).await {
                Ok(bytes) => bytes,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            let entries = manifest::read(object.key.as_str(), &bytes, spec, none)?;
            if Named::of(&self.files, entries)?.tells_of(files) {
                found.push(object.key);
            }
        }
        Ok(found)
    }
}

fn day(days: i32) -> Option<NaiveDate> {
    let epoch = NaiveDate::default();
    let by = Days::new(u64::from(days.unsigned_abs()));
    if days < 0 { epoch.checked_sub_days(by) } else { epoch.checked_add_days(by) }
}
