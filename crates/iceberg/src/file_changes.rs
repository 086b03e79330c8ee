//! Changes of a table's files, each one snapshot: files that are added, and a day that is replaced.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Map;

use crate::committing::{Change, Next};
use crate::failure::IcebergError;
use crate::file_dating;
use crate::manifest::{self, DataFile, Entry, Inherited, Status};
use crate::manifest_list::{self, ManifestFile};
use crate::partitioning;
use crate::pointer::Current;
use crate::table_files::TableFiles;
use crate::table_metadata::{Snapshot, TableMetadata};

/// The summary's name for [`Commit::id`].
pub const COMMIT_ID: &str = "millrace.commit-id";
/// The summary's name for [`Commit::started`], in microseconds since 1970.
pub const STARTED_AT: &str = "millrace.started-at";
/// The summary's name for the day that was replaced.
pub const DAY: &str = "millrace.day";

/// Who commits.
#[derive(Debug, Clone)]
pub struct Commit {
    /// One commit, however often it is tried: where a snapshot that is read now came from one of this id, nothing is done.
    pub id: String,
    /// When the run started: of one day the later-started wins.
    pub started: DateTime<Utc>,
    /// The time that the snapshot tells.
    pub now: DateTime<Utc>,
    /// What else the snapshot's summary tells: Kafka's offsets, the run.
    pub summary: BTreeMap<String, String>,
}

/// What came of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is this snapshot.
    Committed(i64),
    /// It was committed before, as this snapshot.
    AlreadyThere(i64),
    /// A run that started later has replaced the day, as this snapshot. The files stay orphans.
    Superseded(i64),
}

/// What a commit does beside adding its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Append,
    /// An append to a table without a snapshot, and to no other.
    Fill,
    Replace(NaiveDate),
}

pub(crate) struct FileChange<'a> {
    pub(crate) table: &'a TableFiles,
    pub(crate) effect: Effect,
    pub(crate) files: Vec<DataFile>,
    pub(crate) commit: &'a Commit,
}

#[async_trait]
impl Change for FileChange<'_> {
    type Told = Outcome;

    async fn on(&self, base: &Current) -> Result<Next<Outcome>, IcebergError> {
        let metadata = &base.metadata;
        if let Some(outcome) = self.known(metadata) {
            return Ok(Next::Nothing(outcome));
        }
        self.check_places()?;
        let by = Inherited { snapshot_id: new_id(metadata), sequence_number: next_sequence_number(base)? };
        let mut totals = Totals::default();
        // Told apart from a try of the same commit before, and dated for whoever looks for orphans.
        let name = file_dating::name(self.commit.now);
        let mut manifests = self.kept(metadata, by, &mut totals, name).await?;
        if !self.files.is_empty() {
            let entries: Vec<Entry> = self.files.iter().map(|file| added(file, by)).collect();
            self.files.iter().for_each(|file| totals.added.count(file));
            let name = format!("{name}-m0.avro");
            manifests.push(self.manifest(metadata, metadata.default_spec_id, by, &entries, &name).await?);
        }
        let parent = metadata.current_snapshot();
        let parent_id = parent.map(|parent| parent.snapshot_id);
        let list = manifest_list::write("a manifest list", by, parent_id, &manifests)?;
        let list = self.table.write(&format!("snap-{}-{name}.avro", by.snapshot_id), list).await?;
        let mut next = metadata.clone();
        let millis = next.next_millis(self.commit.now);
        next.snapshots.push(Snapshot {
            snapshot_id: by.snapshot_id,
            parent_snapshot_id: parent_id,
            sequence_number: by.sequence_number,
            timestamp_ms: millis,
            manifest_list: list,
            summary: self.summary(&totals, parent),
            schema_id: Some(metadata.current_schema_id),
            rest: Map::new(),
        });
        next.last_sequence_number = by.sequence_number;
        next.set_main(by.snapshot_id, millis);
        next.last_updated_ms = millis;
        Ok(Next::Metadata(Box::new(next), Outcome::Committed(by.snapshot_id)))
    }
}

impl FileChange<'_> {
    /// Every file lies below the table, once: what lies elsewhere others write over, and no expiry removes.
    fn check_places(&self) -> Result<(), IcebergError> {
        let mut keys = BTreeSet::new();
        for file in &self.files {
            let key = self.table.warehouse.key(&file.location)?;
            let refused = |reason: &str| IcebergError::DataFile {
                file: file.location.clone(),
                partition: self.table.name.clone(),
                reason: reason.to_owned(),
            };
            if !key.as_str().starts_with(&self.table.prefix()) {
                return Err(refused("it doesn't lie below the table; place it there first"));
            }
            if !keys.insert(key) {
                return Err(refused("it is given twice; its rows would be read twice"));
            }
        }
        Ok(())
    }

    /// What the snapshots tell of this commit already.
    fn known(&self, metadata: &TableMetadata) -> Option<Outcome> {
        let said = |snapshot: &Snapshot, name: &str, value: &str| {
            snapshot.summary.get(name).is_some_and(|said| said == value)
        };
        if let Some(own) = metadata.ancestors().find(|snapshot| said(snapshot, COMMIT_ID, &self.commit.id)) {
            return Some(Outcome::AlreadyThere(own.snapshot_id));
        }
        if self.effect == Effect::Fill {
            return metadata.current_snapshot().map(|first| Outcome::Superseded(first.snapshot_id));
        }
        let Effect::Replace(day) = self.effect else { return None };
        let day = day.to_string();
        let started = self.commit.started.timestamp_micros();
        let later = metadata.ancestors().find(|snapshot| {
            let other = snapshot.summary.get(STARTED_AT).and_then(|text| text.parse::<i64>().ok());
            said(snapshot, DAY, &day) && other.is_some_and(|other| other > started)
        });
        later.map(|later| Outcome::Superseded(later.snapshot_id))
    }

    /// The manifests before, those that name files of a replaced day written anew without them.
    async fn kept(
        &self,
        metadata: &TableMetadata,
        by: Inherited,
        totals: &mut Totals,
        name: uuid::Uuid,
    ) -> Result<Vec<ManifestFile>, IcebergError> {
        let Some(parent) = metadata.current_snapshot() else { return Ok(Vec::new()) };
        let listed = self.table.manifests(parent).await?;
        let Effect::Replace(day) = self.effect else {
            return Ok(listed.into_iter().filter(ManifestFile::is_live).collect());
        };
        let day = partitioning::days(day);
        let mut kept = Vec::with_capacity(listed.len());
        let mut written = 0_usize;
        for manifest in listed.into_iter().filter(ManifestFile::is_live) {
            // Row-level deletes of other engines are about files that came before them: they do nothing to the new ones.
            if !manifest.is_data {
                kept.push(manifest);
                continue;
            }
            let spec = metadata.spec(manifest.spec_id)?;
            // Parted otherwise: its days can't be told apart.
            let field = spec.day_field(&manifest.location)?;
            let now = metadata.spec(metadata.default_spec_id)?.day_field(&manifest.location)?;
            if (field.source_id, &field.transform) != (now.source_id, &now.transform) {
                let found = format!("partition spec {}, which is not the table's now,", spec.spec_id);
                return Err(IcebergError::Unsupported { place: manifest.location, found });
            }
            if !manifest.may_hold(day) {
                kept.push(manifest);
                continue;
            }
            let entries = self.table.entries(metadata, &manifest).await?;
            if !entries.iter().any(|entry| entry.is_live() && entry.file.day == Some(day)) {
                kept.push(manifest);
                continue;
            }
            let mut rest = Vec::with_capacity(entries.len());
            for mut entry in entries.into_iter().filter(Entry::is_live) {
                if entry.file.day == Some(day) {
                    totals.deleted.count(&entry.file);
                    (entry.status, entry.snapshot_id) = (Status::Deleted, by.snapshot_id);
                    // Values of rows that are gone, of other engines' files: they serve no reader.
                    entry.file.lower_bounds.clear();
                    entry.file.upper_bounds.clear();
                } else {
                    entry.status = Status::Existing;
                }
                rest.push(entry);
            }
            written += 1;
            let name = format!("{name}-m{written}.avro");
            kept.push(self.manifest(metadata, manifest.spec_id, by, &rest, &name).await?);
        }
        Ok(kept)
    }

    async fn manifest(
        &self,
        metadata: &TableMetadata,
        spec_id: i32,
        by: Inherited,
        entries: &[Entry],
        name: &str,
    ) -> Result<ManifestFile, IcebergError> {
        let bytes = manifest::write(name, metadata, metadata.spec(spec_id)?, entries)?;
        let length = bytes.len();
        let location = self.table.write(name, bytes).await?;
        Ok(ManifestFile::of(location, length, spec_id, by, entries))
    }

    fn summary(&self, totals: &Totals, parent: Option<&Snapshot>) -> BTreeMap<String, String> {
        let mut summary = self.commit.summary.clone();
        let mut say = |name: &str, value: String| summary.insert(name.to_owned(), value);
        say(COMMIT_ID, self.commit.id.clone());
        say(STARTED_AT, self.commit.started.timestamp_micros().to_string());
        match self.effect {
            Effect::Append | Effect::Fill => say("operation", "append".to_owned()),
            Effect::Replace(day) => {
                say(DAY, day.to_string());
                say("operation", "overwrite".to_owned())
            }
        };
        let mut days: Vec<Option<i32>> = self.files.iter().map(|file| file.day).collect();
        days.sort_unstable();
        days.dedup();
        let changed = days.len().max(usize::from(totals.deleted.files > 0));
        say("changed-partition-count", changed.to_string());
        let Totals { added, deleted } = totals;
        let counted = [
            ("data-files", "data-files", added.files, deleted.files),
            ("records", "records", added.records, deleted.records),
            ("files-size", "files-size", added.bytes, deleted.bytes),
        ];
        for (name, total, more, less) in counted {
            let gone = if name == "files-size" { "removed" } else { "deleted" };
            if more > 0 {
                say(&format!("added-{name}"), more.to_string());
            }
            if less > 0 {
                say(&format!("{gone}-{name}"), less.to_string());
            }
            // Unknown where another engine's snapshot before doesn't tell it.
            let before = match parent {
                None => Some(0),
                Some(parent) => {
                    parent.summary.get(&format!("total-{total}")).and_then(|text| text.parse::<i64>().ok())
                }
            };
            if let Some(before) = before {
                say(&format!("total-{total}"), before.saturating_add(more).saturating_sub(less).to_string());
            }
        }
        for name in ["total-delete-files", "total-position-deletes", "total-equality-deletes"] {
            let before = parent.and_then(|parent| parent.summary.get(name)).cloned();
            say(name, before.unwrap_or_else(|| "0".to_owned()));
        }
        summary
    }
}

/// What a commit brings and takes.
#[derive(Debug, Default)]
struct Totals {
    added: Count,
    deleted: Count,
}

#[derive(Debug, Default)]
struct Count {
    files: i64,
    records: i64,
    bytes: i64,
}

impl Count {
    fn count(&mut self, file: &DataFile) {
        self.files = self.files.saturating_add(1);
        self.records = self.records.saturating_add(file.records);
        self.bytes = self.bytes.saturating_add(file.bytes);
    }
}

fn added(file: &DataFile, by: Inherited) -> Entry {
    Entry {
        status: Status::Added,
        snapshot_id: by.snapshot_id,
        sequence_number: by.sequence_number,
        file_sequence_number: by.sequence_number,
        file: file.clone(),
    }
}

/// A positive number by chance that no snapshot has.
fn new_id(metadata: &TableMetadata) -> i64 {
    loop {
        let (high, low) = uuid::Uuid::now_v7().as_u64_pair();
        let id = ((high ^ low) & (i64::MAX as u64)) as i64;
        if id > 0 && metadata.snapshot(id).is_none() {
            return id;
        }
    }
}

fn next_sequence_number(base: &Current) -> Result<i64, IcebergError> {
    base.metadata
        .last_sequence_number
        .checked_add(1)
        .ok_or_else(|| IcebergError::damaged(&base.location, "its last-sequence-number can't grow"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Schema};
    use millrace_lake::Key;
    use millrace_lake::memory_store::MemoryStore;

    use super::*;
    use crate::committing;
    use crate::file_pointer::FilePointer;
    use crate::partitioning::Partitioning;
    use crate::pointer::Pointer;
    use crate::table::{Definition, Table};
    use crate::warehouse::Warehouse;

    fn file(table: &TableFiles, day: i32, name: &str) -> DataFile {
        let key = Key::new(format!("{}data/{name}.parquet", table.prefix())).unwrap();
        DataFile {
            location: table.warehouse.location(&key),
            format: "PARQUET".to_owned(),
            day: Some(day),
            records: 3,
            bytes: 5,
            column_sizes: BTreeMap::from([(1, 4)]),
            value_counts: BTreeMap::from([(1, 3)]),
            null_counts: BTreeMap::from([(1, 1)]),
            nan_counts: BTreeMap::from([(1, 0)]),
            lower_bounds: BTreeMap::from([(1, vec![1])]),
            upper_bounds: BTreeMap::from([(1, vec![2])]),
            key_metadata: Some(vec![9]),
            split_offsets: Some(vec![4, 8]),
            sort_order_id: Some(0),
        }
    }

    #[tokio::test]
    async fn files_of_other_days_keep_who_added_them_and_when() {
        let warehouse = Warehouse::new(Arc::new(MemoryStore::new()), "s3://bucket/lake");
        let table = Table::without_catalogue(warehouse.clone(), "t").unwrap();
        let schema = Schema::new(vec![Field::new("day", DataType::Date32, true)]);
        let partitioning = Partitioning::Date("day".to_owned());
        let (sorted_by, properties) = (Vec::new(), BTreeMap::new());
        let definition = Definition { schema: &schema, partitioning, sorted_by, properties };
        let now = DateTime::UNIX_EPOCH;
        table.create(&definition, now).await.unwrap();
        let files = TableFiles { warehouse: warehouse.clone(), name: "t".to_owned() };
        let (old, stays, new) = (file(&files, 0, "old"), file(&files, 1, "stays"), file(&files, 0, "new"));
        let commit = |id: &str| Commit { id: id.to_owned(), started: now, now, summary: BTreeMap::new() };
        let first = table.append(vec![old.clone(), stays.clone()], &commit("one")).await.unwrap();
        let second = table.replace_day(now.date_naive(), vec![new.clone()], &commit("two")).await.unwrap();
        let (Outcome::Committed(first), Outcome::Committed(second)) = (first, second) else { panic!() };

        let pointer = FilePointer::new(warehouse, "t").unwrap();
        let metadata = committing::load(&files, &pointer as &dyn Pointer).await.unwrap().metadata;
        let listed = files.manifests(metadata.current_snapshot().unwrap()).await.unwrap();
        let counts: Vec<_> =
            listed.iter().map(|one| (one.files, one.rows, one.min_sequence_number)).collect();
        assert_eq!(counts, [([0, 1, 1], [0, 3, 3], 1), ([1, 0, 0], [3, 0, 0], 2)]);
        let mut entries = Vec::new();
        for manifest in &listed {
            entries.extend(files.entries(&metadata, manifest).await.unwrap());
        }
        let entry = |status, snapshot_id, sequence_number, file| Entry {
            status,
            snapshot_id,
            sequence_number,
            file_sequence_number: sequence_number,
            file,
        };
        // All that was told of a file is told of it still, but for values of one that is gone.
        let old = DataFile { lower_bounds: BTreeMap::new(), upper_bounds: BTreeMap::new(), ..old };
        let expected = [
            entry(Status::Deleted, second, 1, old),
            entry(Status::Existing, first, 1, stays),
            entry(Status::Added, second, 2, new),
        ];
        assert_eq!(entries, expected);
    }
}
