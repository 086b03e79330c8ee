//! The work on one hour of a partition: what an earlier compaction left is removed, and small objects become large ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures::stream;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use super::merge::{self, Fingerprint, Growing, Unmerged};
use super::order::Limits;
use super::reading::{self, Fetched, Room};
use super::report::{CompactionError, CompactionReport, LeftAlone};
use super::selection::{Group, Listed, PartitionHour};
use crate::object_key::Key;
use crate::raw_listing;
use crate::raw_object_name::RawObjectName;
use crate::raw_object_reader::{COMPACTED_FROM, COMPACTED_ROWS, RawFile, RawFileError};
use crate::raw_object_writer::RawObject;
use crate::store::{Store, StoreError};

/// A compaction at work.
pub(super) struct Work<'a> {
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) table: &'a str,
    pub(super) schema: &'a SchemaRef,
    pub(super) limits: &'a Limits,
    pub(super) room: &'a Room,
    pub(super) report: &'a mut CompactionReport,
}

impl Work<'_> {
    /// Whether there is time for more; where not, the report says so.
    pub(super) fn goes_on(&mut self) -> bool {
        self.report.stopped |= self.limits.are_reached();
        !self.report.stopped
    }

    /// Removes what an earlier compaction was killed before it could: objects that another names as replaced. `false`: the time
    /// came to its end.
    pub(super) async fn remove_leftovers(
        &mut self,
        hour: &mut PartitionHour,
    ) -> Result<bool, CompactionError> {
        for run in hour.runs().into_iter().filter(|run| run.len() > 1) {
            let mut gone = BTreeSet::new();
            for large in &run {
                if gone.contains(&large.key) {
                    continue;
                }
                if !self.goes_on() {
                    return Ok(false);
                }
                let (replaced, held) = self.replaced_by(large).await?;
                let left: Vec<_> = run
                    .iter()
                    .filter(|object| object.key != large.key && replaced.contains(&object.key))
                    .filter(|object| !gone.contains(&object.key))
                    .cloned()
                    .collect();
                if left.is_empty() {
                    continue;
                }
                // The one that was killed may not have come to it.
                raw_listing::announce_removal(self.store.as_ref(), self.table).await?;
                // The footer's word is not enough to remove rows.
                let removed = self.remove_those_within(left, held).await?;
                self.report.leftovers += removed.len() as u64;
                gone.extend(removed);
            }
            hour.replace(&gone, None);
        }
        Ok(true)
    }

    /// The objects that `large` says it replaced, and its offsets where it names any.
    async fn replaced_by(&self, large: &Listed) -> Result<(BTreeSet<Key>, Vec<i64>), CompactionError> {
        let _room = self.room.take(reading::held_bytes(self.store.as_ref(), [large])).await;
        let file = match RawFile::open(self.store.as_ref(), &large.key).await {
            Ok(file) => file,
            // It replaced nothing that anybody could tell; merging tells of it.
            Err(error) if is_damaged(&error) => return Ok((BTreeSet::new(), Vec::new())),
            Err(error) => return Err(error.into()),
        };
        let replaced: BTreeSet<Key> = file.compacted_from().into_iter().collect();
        let offsets = if replaced.is_empty() { Vec::new() } else { file.offsets()? };
        Ok((replaced, offsets))
    }

    /// Removes those of `objects` whose rows are all of the offsets `held`; answers which.
    async fn remove_those_within(
        &self,
        objects: Vec<Listed>,
        held: Vec<i64>,
    ) -> Result<BTreeSet<Key>, CompactionError> {
        let (store, room, held) = (Arc::clone(self.store), self.room.clone(), Arc::new(held));
        let removing = stream::iter(objects)
            .map(move |object| remove_if_within(Arc::clone(&store), object, room.clone(), Arc::clone(&held)))
            .buffer_unordered(self.limits.concurrency.max(1));
        let removed: Vec<_> = removing.try_collect().await?;
        Ok(removed.into_iter().flatten().collect())
    }

    async fn remove(&self, keys: Vec<Key>) -> Result<(), CompactionError> {
        let store = Arc::clone(self.store);
        let removing = stream::iter(keys).map(move |key| {
            let store = Arc::clone(&store);
            async move { store.delete(&key).await }
        });
        Ok(removing.buffer_unordered(self.limits.concurrency.max(1)).try_collect::<()>().await?)
    }

    /// Makes one object of a group, or settles it as it is.
    pub(super) async fn merge(
        &mut self,
        hour: &mut PartitionHour,
        group: Group,
        settled: &mut BTreeSet<Key>,
    ) -> Result<(), CompactionError> {
        if let Some((object, reason)) = self.too_large(&group) {
            self.leave_alone(&object, reason);
            settled.insert(object);
            return Ok(());
        }
        let members: BTreeSet<Key> = group.objects().map(|object| object.key.clone()).collect();
        if members.contains(&group.target) {
            return self.remove_redundant(hour, group, settled).await;
        }
        match self.write(&group).await {
            Ok(Some((fingerprint, bytes))) => {
                self.verify(&group.target, fingerprint).await?;
                raw_listing::announce_removal(self.store.as_ref(), self.table).await?;
                self.remove(members.iter().cloned().collect()).await?;
                self.report.written += 1;
                self.report.written_bytes += bytes;
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

    /// An object of a run that is more than memory may hold, and why it stays; the rest of its run stays with it.
    fn too_large(&self, group: &Group) -> Option<(Key, String)> {
        group.runs.iter().find_map(|run| {
            let bytes = reading::held_bytes(self.store.as_ref(), run);
            let (first, most) = (run.first()?, self.limits.memory_bytes);
            let reason = format!(
                "it overlaps others, {bytes} bytes with it, of which {most} may be held at once; give the compaction more memory"
            );
            (bytes > most).then(|| (first.key.clone(), reason))
        })
    }

    /// A group whose target has the name of one of its own: where that one holds the others' rows, they go.
    async fn remove_redundant(
        &mut self,
        hour: &mut PartitionHour,
        group: Group,
        settled: &mut BTreeSet<Key>,
    ) -> Result<(), CompactionError> {
        let read = RawFile::open(self.store.as_ref(), &group.target).await.and_then(|file| file.offsets());
        let held = match read {
            Ok(held) => held,
            Err(error) if is_damaged(&error) => {
                self.leave_alone(&group.target, error.to_string());
                settled.extend(group.objects().map(|object| object.key.clone()));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let others: Vec<_> = group.objects().filter(|object| object.key != group.target).cloned().collect();
        let gone = self.remove_those_within(others.clone(), held).await?;
        self.report.removed += gone.len() as u64;
        for object in others.into_iter().filter(|object| !gone.contains(&object.key)) {
            let reason = "the object that they would become has the name of one of them";
            self.leave_alone(&object.key, reason.to_owned());
            settled.insert(object.key.clone());
        }
        hour.replace(&gone, None);
        settled.insert(group.target.clone());
        Ok(())
    }

    fn leave_alone(&mut self, object: &Key, reason: String) {
        tracing::warn!(%object, reason, "a raw object is left as it is");
        self.report.left_alone.push(LeftAlone { object: object.to_string(), reason });
    }

    /// Writes the group's one object, and answers its bytes; `None`, and nothing written, where its name was taken meanwhile.
    async fn write(&self, group: &Group) -> Result<Option<(Fingerprint, u64)>, Unmerged> {
        let failed = |error: StoreError| Unmerged::Failed(error.into());
        let mut writer = self.store.writer(&group.target).await.map_err(failed)?;
        let (fetched, runs) = mpsc::channel(1);
        let (sender, receiver) = mpsc::channel(2);
        let (schema, target, count) = (Arc::clone(self.schema), group.target.clone(), group.runs.len());
        let merging = tokio::task::spawn_blocking(move || {
            let send = |bytes: Vec<u8>| sender.blocking_send(Bytes::from(bytes)).is_ok();
            encode(&schema, &target, runs, count, send)
        });
        let fetching = reading::fetch(
            Arc::clone(self.store),
            group.runs.clone(),
            self.room.clone(),
            self.limits.concurrency,
            fetched,
        );
        let storing = async {
            let mut receiver = receiver;
            while let Some(bytes) = receiver.recv().await {
                writer.write(bytes).await?;
            }
            Ok(())
        };
        // Where one of them ends early it drops its end of a channel, and the others end by that.
        let ((), stored) = tokio::join!(fetching, storing);
        stored.map_err(failed)?;
        let cut_off = |_| RawFileError::CutOff { object: group.target.clone() };
        let fingerprint = merging.await.map_err(cut_off)??;
        if self.store.size(&group.target).await.map_err(failed)?.is_some() {
            return Ok(None);
        }
        let bytes = writer.finish().await.map_err(failed)?;
        Ok(Some((fingerprint, bytes)))
    }

    /// Reads the new object back. One that differs is removed: what it was to replace is all there.
    async fn verify(&self, object: &Key, expected: Fingerprint) -> Result<(), CompactionError> {
        let read = async {
            let file = RawFile::open(self.store.as_ref(), object).await?;
            Ok::<_, RawFileError>(Fingerprint::of(&file.offsets()?))
        };
        if read.await? != expected {
            self.store.delete(object).await?;
            return Err(CompactionError::Damaged { object: object.clone() });
        }
        Ok(())
    }
}

/// Removes an object whose rows are all of the offsets `held`; answers it where it did.
async fn remove_if_within(
    store: Arc<dyn Store>,
    object: Listed,
    room: Room,
    held: Arc<Vec<i64>>,
) -> Result<Option<Key>, CompactionError> {
    let _room = room.take(reading::held_bytes(store.as_ref(), [&object])).await;
    let read = RawFile::open(store.as_ref(), &object.key).await.and_then(|file| file.offsets());
    let offsets = match read {
        Ok(offsets) => offsets,
        // Whose rows nobody can read, nobody else has.
        Err(error) if is_damaged(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !is_within(&offsets, &held) {
        return Ok(None);
    }
    store.delete(&object.key).await?;
    Ok(Some(object.key))
}

/// The blocking part: merges the rows of `count` runs as they come and hands the encoded bytes to `send`, which answers false when
/// nobody wants them any more.
fn encode(
    schema: &SchemaRef,
    target: &Key,
    mut runs: mpsc::Receiver<Result<Fetched, RawFileError>>,
    count: usize,
    send: impl Fn(Vec<u8>) -> bool,
) -> Result<Fingerprint, Unmerged> {
    let bug = |source| Unmerged::Failed(RawFileError::Encode { object: target.clone(), source });
    let cut_off = || RawFileError::CutOff { object: target.clone() };
    let hand_over = |bytes: Vec<u8>| if bytes.is_empty() || send(bytes) { Ok(()) } else { Err(cut_off()) };
    // A whole object and what it took over before: whoever covered any of these has covered its rows.
    let mut sources = BTreeSet::new();
    let mut object = RawObject::new(Arc::clone(schema)).map_err(bug)?;
    let mut merged = Growing::default();
    for _ in 0..count {
        let run = runs.blocking_recv().ok_or_else(cut_off)??;
        for file in &run.files {
            sources.extend(file.compacted_from());
            sources.insert(file.key().clone());
        }
        merge::merge(&run.files, schema, &mut merged, |rows| {
            object.write(rows).map_err(bug)?;
            Ok(hand_over(object.take_encoded().map_err(bug)?)?)
        })?;
    }
    let names: Vec<&str> = sources.iter().map(Key::as_str).collect();
    object.append_entry(COMPACTED_FROM, serde_json::json!(names).to_string());
    object.append_entry(COMPACTED_ROWS, object.rows().to_string());
    hand_over(object.finish().map_err(bug)?)?;
    Ok(merged.fingerprint())
}

/// Whether an object's own bytes are at fault, which no other try mends.
fn is_damaged(error: &RawFileError) -> bool {
    matches!(error, RawFileError::Unreadable { .. } | RawFileError::Rows { .. })
}

/// Whether each of `offsets` is among `held`; both ascend in any object that this program wrote.
fn is_within(offsets: &[i64], held: &[i64]) -> bool {
    held.is_sorted() && offsets.iter().all(|offset| held.binary_search(offset).is_ok())
}
