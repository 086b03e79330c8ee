//! Why persons could not be erased.

use millrace_events::failure::{Class, Classified};
use millrace_lake::erasure::dead_letters::LettersError;
use millrace_lake::erasure::erased_ids::ErasedError;
use millrace_lake::layout::LayoutError;
use millrace_lake::raw_listing::ListingError;
use millrace_lake::raw_object_reader::RawFileError;
use millrace_lake::store::StoreError;

use crate::job_error::JobError;

/// What was removed stays removed; the same erasure, called again, goes on. No id is in any message.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// Reading, writing or removing an object failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Raw objects could not be listed, or one has a name that is none.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// A table's place in the lake could not be named.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A raw object could not be read or written anew.
    #[error(transparent)]
    Raw(#[from] RawFileError),
    /// A file of dead letters could not be read or written anew.
    #[error(transparent)]
    Letters(#[from] LettersError),
    /// Who was erased could not be read or written down.
    #[error(transparent)]
    Erased(#[from] ErasedError),
    /// Reading what the jobs made, or running them again, failed.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Rows about them landed in each of the rounds, so nobody can say that all are gone. The same erasure helps once the source has
    /// stopped.
    #[error(
        "rows about them keep landing: stop the source that sends them, then give the same command again"
    )]
    Restless,
}

impl Classified for ErasureError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Listing(error) => error.class(),
            Self::Raw(error) => error.class(),
            Self::Letters(error) => error.class(),
            Self::Erased(error) => error.class(),
            Self::Job(error) => error.class(),
            Self::Layout(_) | Self::Restless => Class::Stop,
        }
    }
}
