//! What came of a compaction.

use millrace_events::failure::{Class, Classified};

use crate::layout::LayoutError;
use crate::object_key::{BadKey, Key};
use crate::raw_listing::ListingError;
use crate::raw_object_reader::RawFileError;
use crate::store::{ObjectMeta, StoreError};

/// Why a raw table could not be compacted. What is done stays done; nothing is lost, and a next compaction goes on.
#[derive(Debug, thiserror::Error)]
pub enum CompactionError {
    /// An object could not be read, written or removed; its class says whether another try helps.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The removal of objects could not be announced.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// The table's name cannot be a folder of raw.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A name that was made here cannot be a key.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// An object to be merged, or the large one, could not be read or encoded.
    #[error(transparent)]
    File(#[from] RawFileError),
    /// A large object did not read back as it was written. The small ones are still there.
    #[error("{object} does not hold what was written to it and was removed again; check the disk")]
    Damaged {
        /// The large object, which was removed.
        object: Key,
    },
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
    /// How many.
    pub objects: u64,
    /// Their sizes together.
    pub bytes: u64,
}

impl Extent {
    pub(super) fn of<'o>(objects: impl IntoIterator<Item = &'o ObjectMeta>) -> Self {
        objects.into_iter().fold(Self::default(), |extent, object| Self {
            objects: extent.objects + 1,
            bytes: extent.bytes + object.size,
        })
    }
}

/// An object that stays as it is though it is small or overlaps.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LeftAlone {
    /// Its key.
    pub object: String,
    /// In words, for people.
    pub reason: String,
}

/// What a compaction did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct CompactionReport {
    /// As listed at the start.
    pub before: Extent,
    /// As listed at the end; of a dry run the objects that there would be.
    pub after: Extent,
    /// Of those at the end, the objects that the policy would still merge: what was no time for, what was left alone, and what
    /// landed meanwhile.
    pub small: u64,
    /// Objects written.
    pub written: u64,
    /// Bytes of them.
    pub written_bytes: u64,
    /// Rows in them, each position once.
    pub rows: u64,
    /// Objects removed, as their rows are in those written.
    pub removed: u64,
    /// Objects removed whose rows an object of an earlier compaction held.
    pub leftovers: u64,
    /// Whether the limit of time came before the end.
    pub stopped: bool,
    /// In the order in which they were come upon.
    pub left_alone: Vec<LeftAlone>,
}
