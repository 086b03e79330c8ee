//! Why a state is of no use.

use chrono::NaiveDate;

/// Why a run cannot start from the state and reads all of raw.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::raw_transformation) enum Unusable {
    #[error("there is none")]
    Missing,
    #[error("its manifest is damaged")]
    BadManifest,
    #[error("it is of another version of the program")]
    Format,
    #[error("its rows have other columns")]
    Schema,
    #[error("{0} is gone or damaged")]
    Damaged(String),
    #[error("it is of {0}, a later day")]
    Ahead(NaiveDate),
    #[error("{0}, which it stands for, was rewritten")]
    Rewritten(String),
    #[error("{0}, which it stands for, is gone")]
    Gone(String),
    #[error("its rows could not be read")]
    Distrusted,
}
