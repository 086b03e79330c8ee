//! The objects of a raw table at one moment, while a compaction replaces some of them.
//!
//! A folder is not read in one step: a listing may pass the place of a large object before it is there, and come to its
//! small ones when they are gone. So whoever removes objects whose rows live on in others first changes a mark
//! ([`layout::removal_mark_key`]), once those others are visible. A reader looks at the mark, lists, and looks again:
//! where it is the same, every removal under way was announced before the listing began, and the objects that replace
//! what is going were there all the time.

use std::hash::{BuildHasher, Hasher, RandomState};

use bytes::Bytes;
use millrace_events::failure::Class;

use crate::layout::{self, LayoutError};
use crate::store::{ObjectMeta, Store, StoreError};

/// How often a listing is begun again: each time another removal was announced within the milliseconds that it took.
const ATTEMPTS: usize = 100;

/// Why a raw table could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Table(#[from] LayoutError),
    #[error(
        "objects of raw/{table} went away during each of {ATTEMPTS} listings; try again when the compaction is done"
    )]
    Restless { table: String },
}

impl ListingError {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Table(_) => Class::Stop,
            Self::Restless { .. } => Class::Retry,
        }
    }
}

/// Every object of the raw table `table`, in bytewise key order, such that together they hold every row that was landed
/// before the call.
///
/// An object may be gone when it is opened: its rows are in another by then, and a new listing has that one.
pub async fn exact(store: &dyn Store, table: &str) -> Result<Vec<ObjectMeta>, ListingError> {
    let prefix = layout::raw_prefix(table)?;
    for _ in 0..ATTEMPTS {
        let before = mark(store, table).await?;
        let objects = store.list(&prefix).await?;
        if mark(store, table).await? == before {
            return Ok(objects);
        }
    }
    Err(ListingError::Restless { table: table.to_owned() })
}

/// Changes the mark. What replaces the objects that go next must be visible already.
pub(crate) async fn announce_removal(store: &dyn Store, table: &str) -> Result<(), ListingError> {
    // Two hashers are keyed with chance each: a mark never comes back.
    let chance = || RandomState::new().build_hasher().finish();
    let body = serde_json::json!({ "mark": format!("{:016x}{:016x}", chance(), chance()) });
    Ok(store.put(&layout::removal_mark_key(table)?, body.to_string().into()).await?)
}

async fn mark(store: &dyn Store, table: &str) -> Result<Option<Bytes>, ListingError> {
    match store.get(&layout::removal_mark_key(table)?).await {
        Ok(body) => Ok(Some(body)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
