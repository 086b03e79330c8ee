//! A new state beside the old one, and then in its place.
//!
//! Keeping serves the next run, not this one: whatever fails here is logged, and the run goes on.
//!
//! Of several runs at once the first to come replaces the state. The others find another manifest than the one they
//! started from and drop theirs: each started from something that holds, so whichever stays is right. It follows that
//! whoever replaces a manifest may delete all objects that it finds then and does not name itself: they belong to a
//! state that was replaced, to the dead, or to a run that started from an older manifest and so will drop them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use bytes::Bytes;
use millrace_lake::object_key::{BadKey, Key};
use millrace_lake::store::{ObjectMeta, ObjectWriter, Store, StoreError};

use super::coverage::Covered;
use super::manifest::{Manifest, StateObject};
use super::{LOCK, STATE};
use crate::erasure_epoch::{self, Epoch};
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::raw_transformation::positions::Positions;
use crate::raw_transformation::raw_scan;

#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] BadKey),
    #[error("the manifest cannot be written as json")]
    Manifest(#[from] serde_json::Error),
    #[error("the positions cannot be encoded")]
    Positions(#[from] std::io::Error),
    #[error(transparent)]
    Job(#[from] JobError),
}

/// Takes the rows of the next state while the run encodes them. Dropped before [`Self::finish`] it leaves nothing.
#[derive(Debug)]
pub(in crate::raw_transformation) struct StateReplacement {
    name: String,
    // None where no state is to be kept, and once it could not be.
    writer: Option<Box<dyn ObjectWriter>>,
}

/// What a run knows when its rows are through.
pub(in crate::raw_transformation) struct Next {
    pub(in crate::raw_transformation) row_count: u64,
    pub(in crate::raw_transformation) duplicates: u64,
    pub(in crate::raw_transformation) positions: Positions,
    pub(in crate::raw_transformation) covered: Vec<Covered>,
}

/// What a run started from: a state replaces another only where nobody else has touched either meanwhile.
pub(in crate::raw_transformation) struct Origin<'a> {
    pub(in crate::raw_transformation) manifest: Option<&'a Bytes>,
    pub(in crate::raw_transformation) listed: &'a [ObjectMeta],
    pub(in crate::raw_transformation) since: Epoch,
}

impl StateReplacement {
    /// A replacement that keeps nothing.
    pub(in crate::raw_transformation) fn none() -> Self {
        Self { name: String::new(), writer: None }
    }

    pub(in crate::raw_transformation) async fn begin(store: &dyn Store, ctx: &RunContext) -> Self {
        // The same run may be at work twice: the start alone names no run.
        let drawn = RandomState::new().build_hasher().finish();
        let name = format!("{:016x}-{drawn:016x}", ctx.started_at.get());
        let writer = async { Ok(store.writer(&rows_key(&name)?).await?) }.await;
        Self { name, writer: kept_or_logged(writer) }
    }

    pub(in crate::raw_transformation) async fn write(&mut self, bytes: Vec<u8>) {
        if let Some(writer) = &mut self.writer {
            let written = writer.write(bytes.into()).await.map_err(KeepError::from);
            if kept_or_logged(written).is_none() {
                self.writer = None;
            }
        }
    }

    /// Puts the new state in the old one's place. Answers whether it is there.
    pub(in crate::raw_transformation) async fn finish(
        self,
        store: &dyn Store,
        ctx: &RunContext,
        next: Next,
        origin: Origin<'_>,
    ) -> bool {
        let Self { name, writer: Some(writer) } = self else { return false };
        let kept = async {
            // What is put and taken away again stays as an earlier version, in a bucket that keeps such.
            if erasure_epoch::epoch(store).await? != origin.since {
                return Ok(false);
            }
            let rows = rows_key(&name)?;
            let rows = StateObject::unsummed(rows.to_string(), writer.finish().await?);
            let positions = Key::new(format!("{STATE}positions-{name}.roaring"))?;
            let body = Bytes::from(next.positions.bytes()?);
            store.put(&positions, body.clone()).await?;
            let positions = StateObject::summed(positions.to_string(), &body);
            let manifest =
                Manifest::new(ctx.as_of, rows, next.row_count, positions, next.duplicates, next.covered);
            if replace(store, &manifest, &origin).await? {
                return Ok(true);
            }
            for object in [&manifest.rows, &manifest.positions] {
                store.delete(&Key::new(&object.key)?).await?;
            }
            Ok(false)
        };
        kept_or_logged(kept.await).unwrap_or(false)
    }
}

/// Replaces the manifest by one of the same rows that stands for `covered`.
pub(in crate::raw_transformation) async fn cover(
    store: &dyn Store,
    manifest: Manifest,
    covered: Vec<Covered>,
    origin: Origin<'_>,
) -> bool {
    kept_or_logged(replace(store, &manifest.covering(covered), &origin).await).unwrap_or(false)
}

async fn replace(store: &dyn Store, manifest: &Manifest, origin: &Origin<'_>) -> Result<bool, KeepError> {
    let _lock = store.lock(&Key::new(LOCK)?).await?;
    // Held until the manifest is in place: a state of rows that were erased must not come after the erasure.
    let _epoch = match erasure_epoch::hold(store, origin.since).await {
        Ok(held) => held,
        Err(JobError::Erased) => {
            tracing::info!("a person was erased meanwhile, the job's state is not kept");
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    if super::find(store).await?.as_ref() != origin.manifest {
        tracing::info!("another run has kept the job's state meanwhile");
        return Ok(false);
    }
    if let Some(object) = raw_scan::rewritten(origin.listed, &raw_scan::list(store).await?) {
        tracing::info!(%object, "a raw object was rewritten meanwhile, the job's state is not kept");
        return Ok(false);
    }
    // Listed before the put: what a run writes that starts from the new manifest is not among these.
    let found = store.list(STATE).await?;
    let named = |object: &ObjectMeta| {
        let key = object.key.as_str();
        key == manifest.rows.key || key == manifest.positions.key
    };
    if found.iter().filter(|object| named(object)).count() != 2 {
        tracing::info!("the job's new state was deleted meanwhile");
        return Ok(false);
    }
    let manifest_key = super::manifest_key()?;
    store.put(&manifest_key, manifest.bytes()?.into()).await?;
    for object in found.iter().filter(|object| !named(object) && object.key != manifest_key) {
        store.delete(&object.key).await?;
    }
    Ok(true)
}

fn rows_key(name: &str) -> Result<Key, BadKey> {
    Key::new(format!("{STATE}users-{name}.parquet"))
}

fn kept_or_logged<T>(result: Result<T, KeepError>) -> Option<T> {
    match result {
        Ok(kept) => Some(kept),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the job's state could not be kept; the next run reads more of raw for it");
            None
        }
    }
}
