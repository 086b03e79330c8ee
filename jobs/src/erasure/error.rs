//! Why persons could not be erased.

use millrace_events::failure::{Class, Classified};
use millrace_iceberg::IcebergError;
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
    /// What an Iceberg table has of them, or had, cannot be told or removed.
    #[error(
        "nobody can say whom the Iceberg table {table} holds, or take them out of it: {source}. Where another engine wrote it so, have that engine rewrite the table without (in Spark rewrite_data_files or rewrite_manifests, then expire_snapshots); then give the same command again"
    )]
    History {
        /// The table.
        table: String,
        /// Why.
        source: Box<IcebergError>,
    },
    /// A day that readers read has no published file that could take its place.
    #[error(
        "the Iceberg table {table} holds them in {}, of which nothing is published that could take its place: run its job for the day, or delete the rows by the engine that wrote them, then give the same command again",
        .day.as_deref().unwrap_or("rows without a day")
    )]
    NotPublished {
        /// The table.
        table: String,
        /// The day.
        day: Option<String>,
    },
    /// Only who asks Glue knows the history.
    #[error(
        "Glue's database {database} alone knows the history of the lake's Iceberg tables, and this command cannot ask it: nothing was removed. Drop the tables there and remove the lake's folder iceberg/ with them, then give the same command again and adopt the lake anew"
    )]
    OnlyByGlue {
        /// Glue's database.
        database: String,
    },
    /// There are files of Iceberg tables, and nothing that says where the tables are.
    #[error(
        "the lake's folder iceberg/ has files, and iceberg/tables.json, by which they can be read, is gone: nothing was removed. Restore it, or remove the folder with the tables' history, then give the same command again"
    )]
    Unmarked,
    /// Somebody made an earlier snapshot current again, time after time.
    #[error(
        "others keep changing the Iceberg table {table}, so that it holds them again: stop them, then give the same command again"
    )]
    Contended {
        /// The table.
        table: String,
    },
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
            Self::History { source, .. } => source.class(),
            Self::Layout(_)
            | Self::Restless
            | Self::NotPublished { .. }
            | Self::OnlyByGlue { .. }
            | Self::Unmarked
            | Self::Contended { .. } => Class::Stop,
        }
    }
}
