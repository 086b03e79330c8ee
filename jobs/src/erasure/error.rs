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
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Listing(#[from] ListingError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Raw(#[from] RawFileError),
    #[error(transparent)]
    Letters(#[from] LettersError),
    #[error(transparent)]
    Erased(#[from] ErasedError),
    #[error(transparent)]
    Job(#[from] JobError),
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
