//! The objects of a group, fetched some at a time before they are merged: as many as there is room for.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::order::Limits;
use super::selection::Listed;
use crate::raw_object_reader::{RawFile, RawFileError};
use crate::store::Store;

/// What a permit stands for.
const PERMIT_BYTES: u64 = 1 << 10;

/// Room in memory for fetched objects. Clones are one room.
#[derive(Debug, Clone)]
pub(super) struct Room {
    permits: Arc<Semaphore>,
    all: u32,
}

impl Room {
    pub(super) fn of(limits: &Limits) -> Self {
        let all = u32::try_from(limits.memory_bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).max(1);
        let permits = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { permits, all }
    }

    /// Waits for room for `bytes`. What is larger than all there is waits until it is alone.
    pub(super) async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).min(self.all);
        // It is never closed.
        Arc::clone(&self.permits).acquire_many_owned(wanted).await.ok()
    }
}

/// The opened objects of a run, with their room.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) files: Vec<RawFile>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Bytes of `objects` that are held in memory while they are open.
pub(super) fn held_bytes<'o>(store: &dyn Store, objects: impl IntoIterator<Item = &'o Listed>) -> u64 {
    objects
        .into_iter()
        .filter(|object| store.local_path(&object.key).is_none())
        .map(|object| object.bytes)
        .sum()
}

/// Fetches `runs` in their order and sends each as it comes; ends early where nobody wants them any more.
///
/// Room is asked for in that order too, so that the next run to be merged is never the one that waits.
pub(super) async fn fetch(
    store: Arc<dyn Store>,
    runs: Vec<Vec<Listed>>,
    room: Room,
    concurrency: usize,
    sender: mpsc::Sender<Result<Fetched, RawFileError>>,
) {
    let fetched = stream::iter(runs).map(move |run| open(Arc::clone(&store), run, room.clone()));
    let mut fetched = std::pin::pin!(fetched.buffered(concurrency.max(1)));
    while let Some(run) = fetched.next().await {
        if sender.send(run).await.is_err() {
            return;
        }
    }
}

async fn open(store: Arc<dyn Store>, run: Vec<Listed>, room: Room) -> Result<Fetched, RawFileError> {
    let room = room.take(held_bytes(store.as_ref(), &run)).await;
    let mut files = Vec::with_capacity(run.len());
    for object in run {
        files.push(RawFile::open(store.as_ref(), &object.key).await?);
    }
    Ok(Fetched { files, _room: room })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_held_never_exceeds_the_room_but_alone() {
        let room = Room::of(&Limits { memory_bytes: 10 << 10, ..Limits::default() });
        let soon = async |bytes: u64| tokio::time::timeout(Duration::from_millis(20), room.take(bytes)).await;
        let first = soon(6 << 10).await.unwrap();
        assert!(soon(5 << 10).await.is_err());
        let second = soon(4 << 10).await.unwrap();
        assert!(soon(1 << 30).await.is_err());
        drop((first, second));
        let alone = soon(1 << 30).await.unwrap();
        assert!(soon(1).await.is_err());
        drop(alone);
    }
}
