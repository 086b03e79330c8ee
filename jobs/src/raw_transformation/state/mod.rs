//! What the job keeps from run to run, so that a run reads only what raw has gained.
//!
//! The state for a day A stands for a set of raw objects, the *covered* ones, and holds of their rows
//! - each row without an id and the newest version of each id, of the rows stamped before the end of A: a newer row
//!   can only replace these, so the older versions will never count again;
//! - each row stamped later, which competes at a later day;
//! - all source positions, so that a record that comes a second time in another object is told.
//!
//! It serves any day from A on. It is two objects, named after the one run that wrote them and never rewritten, and a
//! manifest that names them; the manifest's one put is what replaces one state by another. The state may be deleted
//! at any time, whole or in part: the next run reads all of raw and writes it anew.

mod checksum;
pub(super) mod coverage;
pub(super) mod manifest;
pub(super) mod replacement;
pub(super) mod rows;
pub(super) mod unusable;

use bytes::Bytes;
use millrace_lake::object_key::Key;
use millrace_lake::store::{ObjectMeta, Store, StoreError};

use self::manifest::Manifest;
use self::unusable::Unusable;
use super::positions::Positions;
use super::raw_scan::{self, RawObject};
use crate::job_error::JobError;
use crate::job_settings::RunContext;

/// Where the state lies. It holds rows of users: whoever erases one deletes all of it, under [`LOCK`].
pub const STATE: &str = "_state/raw-transformation/";

/// The lock under which one state replaces another.
pub const LOCK: &str = "_locks/raw-transformation/state";

/// A state that this run can start from.
pub(super) struct Known {
    pub(super) manifest: Manifest,
    pub(super) positions: Positions,
    /// The object of its rows.
    pub(super) rows: RawObject,
}

/// The manifest's bytes as they are now: by them a run tells whether another one replaced the state meanwhile.
pub(super) async fn find(store: &dyn Store) -> Result<Option<Bytes>, JobError> {
    Ok(get_if_there(store, &manifest_key()?).await?)
}

/// Reads the state of the manifest `found`, but for its rows, or says why it is of no use for `ctx`'s day.
pub(super) async fn open(
    store: &dyn Store,
    found: Option<&Bytes>,
    ctx: &RunContext,
    scratch: &std::path::Path,
) -> Result<Result<Known, Unusable>, JobError> {
    let manifest = match found.ok_or(Unusable::Missing).and_then(|body| Manifest::read(body)) {
        Ok(manifest) if manifest.as_of > ctx.as_of => return Ok(Err(Unusable::Ahead(manifest.as_of))),
        Ok(manifest) => manifest,
        Err(reason) => return Ok(Err(reason)),
    };
    let rows_key = Key::new(&manifest.rows.key)?;
    let listed = store.list(STATE).await?;
    let Some(rows) = listed.into_iter().find(|object| object.key == rows_key) else {
        return Ok(Err(Unusable::Damaged(rows_key.to_string())));
    };
    let positions_key = Key::new(&manifest.positions.key)?;
    let positions = get_if_there(store, &positions_key).await?;
    let positions =
        positions.filter(|body| manifest.positions.is(body)).and_then(|body| Positions::read(&body));
    // What the state dropped is not there to be looked at: the sum is what tells that nothing else is missing.
    let expected = manifest.row_count + manifest.duplicates;
    let Some(positions) = positions.filter(|positions| positions.count() == expected) else {
        return Ok(Err(Unusable::Damaged(positions_key.to_string())));
    };
    match open_rows(store, rows, &manifest, scratch).await? {
        Some(rows) => Ok(Ok(Known { manifest, positions, rows })),
        None => Ok(Err(Unusable::Damaged(rows_key.to_string()))),
    }
}

async fn open_rows(
    store: &dyn Store,
    listed: ObjectMeta,
    manifest: &Manifest,
    scratch: &std::path::Path,
) -> Result<Option<RawObject>, JobError> {
    if listed.size != manifest.rows.bytes {
        return Ok(None);
    }
    match raw_scan::open(store, &[listed], scratch, "state").await {
        Ok(objects) => Ok(objects.into_iter().find(|rows| rows.rows as u64 == manifest.row_count)),
        // Whoever deletes or damages the state costs this run a reading of raw, no more.
        Err(JobError::Store(error)) if !error.is_not_found() => Err(error.into()),
        Err(JobError::Scratch { action, path, source }) => Err(JobError::Scratch { action, path, source }),
        Err(_) => Ok(None),
    }
}

async fn get_if_there(store: &dyn Store, key: &Key) -> Result<Option<Bytes>, StoreError> {
    match store.get(key).await {
        Ok(body) => Ok(Some(body)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn manifest_key() -> Result<Key, JobError> {
    Ok(Key::new(format!("{STATE}manifest.json"))?)
}
