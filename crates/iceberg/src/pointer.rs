//! The port to whatever says which metadata of a table is now: the one thing that two committers can't both change.

use async_trait::async_trait;

use crate::failure::IcebergError;
use crate::table_metadata::TableMetadata;

/// A table as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Current {
    /// Where its metadata was read.
    pub location: String,
    /// By what the pointer knows whether it is still so: a version's number, Glue's `VersionId`.
    pub token: String,
    /// What the file says.
    pub metadata: TableMetadata,
}

/// What came of a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// The next metadata is now.
    Done,
    /// Somebody else's came first; nothing is changed, but for a file of metadata that nothing refers to.
    Lost,
}

/// Says which metadata is now, for one table.
///
/// Contract, for every implementation:
/// - **One wins.** Of those who swap from one base at once, one is told [`Swap::Done`].
/// - **Whole.** Before `Done` readers see the base, afterwards the next; nothing between. An error may be either: whoever gets it loads again.
/// - **Durable.** What was `Done` outlives a crash.
///
/// A catalogue that keeps a location (Glue's `UpdateTable` with the `VersionId` of the base and `SkipArchive`) writes `next` as a file of a
/// name that nobody has, and swaps. One that makes the metadata itself (REST) sends the difference of the two: [`crate::rest_request`].
#[async_trait]
pub trait Pointer: std::fmt::Debug + Send + Sync {
    /// What is now; `None` where there is no such table.
    ///
    /// # Errors
    /// The catalogue or the store fails, or the metadata can't be read.
    async fn load(&self) -> Result<Option<Current>, IcebergError>;

    /// Makes `next` what is now, if `base` still is; without a base, if there is no such table.
    ///
    /// # Errors
    /// The catalogue or the store fails.
    async fn swap(&self, base: Option<&Current>, next: &TableMetadata) -> Result<Swap, IcebergError>;
}
