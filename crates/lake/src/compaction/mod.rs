//! Small raw objects into large ones, beside readers, landings and jobs.
//!
//! A large object is written, read back and compared before anything is removed, so at every moment each row is in some
//! object; while both are there their positions make them one row for whoever reads by source position. The order is:
//! large object visible, removal announced ([`crate::raw_listing`]), small ones removed. A large object names in its footer
//! ([`COMPACTED_FROM`]) what it replaces, so what a killed compaction left over is known and removed by the next.
//!
//! An object is never replaced in place: a reader may be in the middle of it.

mod merge;
mod selection;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use bytes::Bytes;
use millrace_events::failure::{Class, Classified};
use parquet::file::metadata::KeyValue;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use self::merge::{Fingerprint, Growing, Unmerged};
use self::selection::{Group, Listed, PartitionHour};
use crate::layout::{self, LayoutError};
use crate::object_key::{BadKey, Key};
use crate::raw_listing::{self, ListingError};
use crate::raw_object_name::RawObjectName;
use crate::raw_object_reader::{COMPACTED_FROM, COMPACTED_ROWS, RawFile, RawFileError};
use crate::raw_object_writer::RawObject;
use crate::store::{ObjectMeta, Store, StoreError};

pub use self::selection::CompactionPolicy;

/// Why a raw table could not be compacted. What is done stays done; nothing is lost, and a next compaction goes on.
#[derive(Debug, thiserror::Error)]
pub enum CompactionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Listing(#[from] ListingError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Key(#[from] BadKey),
    #[error(transparent)]
    File(#[from] RawFileError),
    #[error("{object} does not hold what was written to it and was removed again; check the disk")]
    Damaged { object: Key },
}

impl Classified for CompactionError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Listing(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Layout(_) | Self::Key(_) | Self::Damaged { .. } => Class::Stop,
        }
    }
}

/// Some objects of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Extent {
    pub objects: u64,
    pub bytes: u64,
}

impl Extent {
    fn of<'o>(objects: impl IntoIterator<Item = &'o ObjectMeta>) -> Self {
        objects.into_iter().fold(Self::default(), |extent, object| Self {
            objects: extent.objects + 1,
            bytes: extent.bytes + object.size,
        })
    }
}

/// An object that stays as it is though it is small or overlaps.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LeftAlone {
    pub object: String,
    pub reason: String,
}

/// What a compaction did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct CompactionReport {
    pub before: Extent,
    /// As listed at the end; of a dry run the objects that there would be.
    pub after: Extent,
    /// Objects written.
    pub written: u64,
    /// Rows in them, each position once.
    pub rows: u64,
    /// Objects removed, as their rows are in those written.
    pub removed: u64,
    /// Objects removed whose rows an object of an earlier compaction held.
    pub leftovers: u64,
    pub left_alone: Vec<LeftAlone>,
}

/// Objects dealt with, of those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionProgress {
    pub objects: u64,
    pub of: u64,
}

/// The raw objects of a table; whatever else lies below its folder is nobody's here to count.
async fn listed(store: &dyn Store, table: &str) -> Result<Vec<ObjectMeta>, CompactionError> {
    let mut objects = raw_listing::exact(store, table).await?;
    objects.retain(|object| layout::raw_table_of(&object.key) == Some(table));
    Ok(objects)
}

/// What the compaction of `raw/<table>` would do now, as names and sizes tell. What cannot be merged shows only when it
/// is read.
pub async fn plan(
    store: &dyn Store,
    table: &str,
    policy: &CompactionPolicy,
) -> Result<CompactionReport, CompactionError> {
    let _lock = store.lock(&layout::raw_lock(table)?).await?;
    let objects = listed(store, table).await?;
    let before = Extent::of(&objects);
    let mut report = CompactionReport { before, after: before, ..CompactionReport::default() };
    for hour in selection::by_partition_hour(&objects) {
        for group in hour.groups(policy, &BTreeSet::new()) {
            report.written += 1;
            report.removed += group.objects().count() as u64;
        }
    }
    report.after.objects = before.objects + report.written - report.removed;
    Ok(report)
}

/// Compacts `raw/<table>`, whose rows are by `schema`.
///
/// Safe beside readers, landings and jobs, and after a kill at any moment; of compactions and erasures of one table one
/// works at a time. Memory: about a row group of each of the objects that overlap, and of the one being written.
/// Dropping the future ends the work between two steps.
pub async fn compact(
    store: Arc<dyn Store>,
    table: &str,
    schema: SchemaRef,
    policy: &CompactionPolicy,
    progress: &(dyn Fn(CompactionProgress) + Send + Sync),
) -> Result<CompactionReport, CompactionError> {
    let _lock = store.lock(&layout::raw_lock(table)?).await?;
    let objects = listed(store.as_ref(), table).await?;
    let mut report = CompactionReport { before: Extent::of(&objects), ..CompactionReport::default() };
    let of = objects.len() as u64;
    let mut done = 0;
    for mut hour in selection::by_partition_hour(&objects) {
        let held = hour.objects.len() as u64;
        let mut work = Work { store: &store, table, schema: &schema, report: &mut report };
        work.remove_leftovers(&mut hour).await?;
        // What was written or cannot be merged is not looked at again.
        let mut settled = BTreeSet::new();
        while let Some(group) = hour.groups(policy, &settled).into_iter().next() {
            work.merge(&mut hour, group, &mut settled).await?;
            let waiting: u64 =
                hour.groups(policy, &settled).iter().map(|group| group.objects().count() as u64).sum();
            progress(CompactionProgress { objects: done + held.saturating_sub(waiting), of });
        }
        done += held;
        progress(CompactionProgress { objects: done, of });
    }
    report.after = Extent::of(&listed(store.as_ref(), table).await?);
    tracing::info!(
        table,
        written = report.written,
        removed = report.removed,
        leftovers = report.leftovers,
        "compacted"
    );
    Ok(report)
}

/// A compaction at work.
struct Work<'a> {
    store: &'a Arc<dyn Store>,
    table: &'a str,
    schema: &'a SchemaRef,
    report: &'a mut CompactionReport,
}

impl Work<'_> {
    /// Removes what an earlier compaction was killed before it could: objects that another names as replaced.
    async fn remove_leftovers(&mut self, hour: &mut PartitionHour) -> Result<(), CompactionError> {
        for run in hour.runs().into_iter().filter(|run| run.len() > 1) {
            let mut gone = BTreeSet::new();
            for large in &run {
                if gone.contains(&large.key) {
                    continue;
                }
                let file = RawFile::open(self.store.as_ref(), &large.key).await?;
                let replaced: BTreeSet<Key> = file.compacted_from().into_iter().collect();
                let left: Vec<_> = run
                    .iter()
                    .filter(|object| object.key != large.key && replaced.contains(&object.key))
                    .filter(|object| !gone.contains(&object.key))
                    .collect();
                if left.is_empty() {
                    continue;
                }
                let held = file.offsets()?;
                for object in left {
                    // The footer's word is not enough to remove rows.
                    let offsets = RawFile::open(self.store.as_ref(), &object.key).await?.offsets()?;
                    if is_within(&offsets, &held) {
                        self.store.delete(&object.key).await?;
                        self.report.leftovers += 1;
                        gone.insert(object.key.clone());
                    }
                }
            }
            hour.replace(&gone, None);
        }
        Ok(())
    }

    /// Makes one object of a group, or settles it as it is.
    async fn merge(
        &mut self,
        hour: &mut PartitionHour,
        group: Group,
        settled: &mut BTreeSet<Key>,
    ) -> Result<(), CompactionError> {
        let members: BTreeSet<Key> = group.objects().map(|object| object.key.clone()).collect();
        if members.contains(&group.target) {
            return self.remove_redundant(hour, group, settled).await;
        }
        match self.write(&group).await {
            Ok(Some(fingerprint)) => {
                let bytes = self.verify(&group.target, fingerprint).await?;
                raw_listing::announce_removal(self.store.as_ref(), self.table).await?;
                for key in &members {
                    self.store.delete(key).await?;
                }
                self.report.written += 1;
                self.report.rows += fingerprint.rows;
                self.report.removed += members.len() as u64;
                settled.insert(group.target.clone());
                let name = RawObjectName::of_key(&group.target).ok();
                hour.replace(&members, name.map(|name| Listed { key: group.target, name, bytes }));
            }
            // A landing has just brought an object of this name: the next compaction sees it.
            Ok(None) => settled.extend(members),
            Err(Unmerged::Unfit { object, reason }) => {
                self.leave_alone(&object, reason);
                settled.insert(object);
            }
            Err(Unmerged::Failed(error)) => return Err(error.into()),
        }
        Ok(())
    }

    /// A group whose target has the name of one of its own: where that one holds the others' rows, they go.
    async fn remove_redundant(
        &mut self,
        hour: &mut PartitionHour,
        group: Group,
        settled: &mut BTreeSet<Key>,
    ) -> Result<(), CompactionError> {
        let held = RawFile::open(self.store.as_ref(), &group.target).await?.offsets()?;
        let mut gone = BTreeSet::new();
        for object in group.objects().filter(|object| object.key != group.target) {
            let offsets = RawFile::open(self.store.as_ref(), &object.key).await?.offsets()?;
            if is_within(&offsets, &held) {
                self.store.delete(&object.key).await?;
                self.report.removed += 1;
                gone.insert(object.key.clone());
            } else {
                let reason = "the object that they would become has the name of one of them";
                self.leave_alone(&object.key, reason.to_owned());
                settled.insert(object.key.clone());
            }
        }
        hour.replace(&gone, None);
        settled.insert(group.target);
        Ok(())
    }

    fn leave_alone(&mut self, object: &Key, reason: String) {
        tracing::warn!(%object, reason, "a raw object is left as it is");
        self.report.left_alone.push(LeftAlone { object: object.to_string(), reason });
    }

    /// Writes the group's one object; `None`, and nothing written, where its name was taken meanwhile.
    async fn write(&self, group: &Group) -> Result<Option<Fingerprint>, Unmerged> {
        let failed = |error: StoreError| Unmerged::Failed(error.into());
        let mut writer = self.store.writer(&group.target).await.map_err(failed)?;
        let (sender, mut receiver) = mpsc::channel(2);
        let (store, schema, work) = (Arc::clone(self.store), Arc::clone(self.schema), group.clone());
        let handle = Handle::current();
        let merging = tokio::task::spawn_blocking(move || {
            let send = |bytes: Vec<u8>| sender.blocking_send(Bytes::from(bytes)).is_ok();
            encode(store.as_ref(), &handle, &schema, &work, send)
        });
        while let Some(bytes) = receiver.recv().await {
            writer.write(bytes).await.map_err(failed)?;
        }
        let cut_off = |_| RawFileError::CutOff { object: group.target.clone() };
        let fingerprint = merging.await.map_err(cut_off)??;
        if self.size_of(&group.target).await.map_err(failed)?.is_some() {
            return Ok(None);
        }
        writer.finish().await.map_err(failed)?;
        Ok(Some(fingerprint))
    }

    /// Reads the new object back; answers its bytes. One that differs is removed: what it was to replace is all there.
    async fn verify(&self, object: &Key, expected: Fingerprint) -> Result<u64, CompactionError> {
        let read = async {
            let file = RawFile::open(self.store.as_ref(), object).await?;
            Ok::<_, RawFileError>(Fingerprint::of(&file.offsets()?))
        };
        if read.await? != expected {
            self.store.delete(object).await?;
            return Err(CompactionError::Damaged { object: object.clone() });
        }
        Ok(self.size_of(object).await?.unwrap_or(0))
    }

    /// The bytes of an object that is there.
    async fn size_of(&self, object: &Key) -> Result<Option<u64>, StoreError> {
        let folder = object.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        let listed = self.store.list(&format!("{folder}/")).await?;
        Ok(listed.iter().find(|listed| listed.key == *object).map(|listed| listed.size))
    }
}

/// The blocking part: merges a group's rows and hands the encoded bytes to `send`, which answers false when nobody wants
/// them any more.
fn encode(
    store: &dyn Store,
    handle: &Handle,
    schema: &SchemaRef,
    group: &Group,
    send: impl Fn(Vec<u8>) -> bool,
) -> Result<Fingerprint, Unmerged> {
    let target = || group.target.clone();
    let bug = |source| Unmerged::Failed(RawFileError::Encode { object: target(), source });
    let hand_over = |bytes: Vec<u8>| {
        if bytes.is_empty() || send(bytes) { Ok(()) } else { Err(RawFileError::CutOff { object: target() }) }
    };
    // A whole object and what it took over before: whoever covered any of these has covered its rows.
    let mut sources = BTreeSet::new();
    for object in group.objects() {
        let file = handle.block_on(RawFile::open(store, &object.key))?;
        sources.extend(file.compacted_from());
        sources.insert(object.key.clone());
    }
    let names: Vec<&str> = sources.iter().map(Key::as_str).collect();
    let entry = KeyValue::new(COMPACTED_FROM.to_owned(), serde_json::json!(names).to_string());
    let mut object = RawObject::with_entries(Arc::clone(schema), vec![entry]).map_err(bug)?;
    let mut merged = Growing::default();
    for run in &group.runs {
        let files = run.iter().map(|object| handle.block_on(RawFile::open(store, &object.key)));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        merge::merge(&files, schema, &mut merged, |rows| {
            object.write(rows).map_err(bug)?;
            Ok(hand_over(object.take_encoded().map_err(bug)?)?)
        })?;
    }
    object.append_entry(COMPACTED_ROWS, object.rows().to_string());
    hand_over(object.finish().map_err(bug)?)?;
    Ok(merged.fingerprint())
}

/// Whether each of `offsets` is among `held`; both ascend in any object that this program wrote.
fn is_within(offsets: &[i64], held: &[i64]) -> bool {
    held.is_sorted() && offsets.iter().all(|offset| held.binary_search(offset).is_ok())
}
