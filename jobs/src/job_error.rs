//! Why a job stopped, and whether another try may help.

use std::path::PathBuf;

use chrono::NaiveDate;
use millrace_events::failure::{Class, Classified};
use millrace_lake::erasure::erased_ids::ErasedError;
use millrace_lake::layout::LayoutError;
use millrace_lake::object_key::{BadKey, Key};
use millrace_lake::raw_listing::ListingError;
use millrace_lake::store::StoreError;
use polars::error::PolarsError;

/// Why a job failed. Where it failed while it published, some tables of the day may be newer than the run record: the same run
/// again replaces them all.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The store failed; whether a retry helps is told by that error's class.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no lake, or it cannot be opened.
    #[error("the lake could not be opened")]
    Open(#[from] millrace_lake::OpenError),
    /// Raw objects could not be listed, or one has a name that is none.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// Nobody can tell who was erased from the lake, and whose rows must not count.
    #[error(transparent)]
    ErasedIds(#[from] ErasedError),
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// A table's place in the lake could not be named.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An object's bytes are no Parquet, or are damaged. No retry helps.
    #[error("{object} is no readable Parquet file; restore it or move it out of the lake")]
    UnreadableObject {
        /// The object.
        object: Key,
        /// What the reader said.
        source: parquet::errors::ParquetError,
    },
    /// A file of the lake is there and could not be opened.
    #[error("could not open {object} for reading")]
    OpenObject {
        /// The object.
        object: Key,
        /// What the system said.
        source: std::io::Error,
    },
    /// An object has a column of another type than the jobs read. No retry helps.
    #[error(
        "column {column} of {object} has type {found}, {expected} is needed; rewrite the object or move it out of the lake"
    )]
    ColumnType {
        /// The object.
        object: Key,
        /// The column's name.
        column: String,
        /// The type it has, as Arrow names it.
        found: String,
        /// The type that is needed, as Arrow names it.
        expected: String,
    },
    /// A raw object lacks a column of the source position. No retry helps.
    #[error(
        "{object} lacks the column {column}, without which its rows have no source position; move it out of the lake"
    )]
    MissingPosition {
        /// The object.
        object: Key,
        /// The column's name.
        column: String,
    },
    /// Raw rows have a null in a column of the source position. No retry helps.
    #[error(
        "{rows} rows have no {column} in one of {objects}; a landed row always has one: move that object out of the lake"
    )]
    NullPosition {
        /// The object, or the first of several and how many there are.
        objects: String,
        /// The column's name.
        column: &'static str,
        /// How many rows.
        rows: usize,
    },
    /// A job's input of the day is not published. Run the job that makes it first.
    #[error("{job} of {as_of} needs {table} of that day; run `millrace job {made_by} --as-of {as_of}` first")]
    MissingInput {
        /// The job that failed.
        job: &'static str,
        /// The table that it needs.
        table: &'static str,
        /// The day of which it needs it.
        as_of: NaiveDate,
        /// The job that makes the table.
        made_by: &'static str,
    },
    /// Rows that were read are no rows of their table.
    #[error(transparent)]
    Kernel(#[from] millrace_kernels::KernelError),
    /// An Iceberg table could not be committed. The day's plain tables are published, their record is not: the same run again makes both.
    #[error(transparent)]
    Iceberg(#[from] millrace_iceberg::IcebergError),
    /// The day was replaced in the Iceberg table by a run that started later than this one.
    #[error(
        "{as_of} of the Iceberg table {table} was made by a run that started later; run the job again with a later --started-at, or without"
    )]
    IcebergIsNewer {
        /// The table.
        table: String,
        /// The day.
        as_of: NaiveDate,
    },
    /// A table could not be written as Parquet.
    #[error("could not encode {table} as Parquet")]
    Encode {
        /// The table's name.
        table: &'static str,
        /// What the encoder said.
        source: parquet::errors::ParquetError,
    },
    /// A raw object changed its size while the job read it. A retry helps once compaction or erasure has ended.
    #[error("{objects} changed while the job read it; let what rewrites it end and run the job again")]
    Rewritten {
        /// The object, or the first of several and how many there are.
        objects: String,
    },
    /// The state of an earlier run is unusable although it looked sound. Without it the job makes the same tables of raw alone.
    #[error(
        "the job's state {object} cannot be read; remove _state/raw-transformation/ and run the job again"
    )]
    State {
        /// The object of the state.
        object: Key,
        /// What reading it failed with.
        source: Box<Self>,
    },
    /// A file or folder below the scratch folder could not be used.
    #[error("could not {action} {path}; give the job a scratch folder with room and write permission")]
    Scratch {
        /// What was tried: a verb, or one with its preposition.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Polars failed.
    #[error("could not {action}")]
    Engine {
        /// What was tried, as it goes on from "could not".
        action: String,
        /// What it said.
        source: PolarsError,
    },
    /// The counts of rows contradict one another.
    #[error(
        "the rows do not add up: {positions} source positions in the raw layer, but {users} users + {duplicates} \
         duplicates + {after_as_of} after the day = {}; nothing was published, this is a bug",
        users + duplicates + after_as_of
    )]
    Unbalanced {
        /// Distinct source positions in the raw layer.
        positions: u64,
        /// Rows of users_transformed.
        users: u64,
        /// Rows dropped for a newer one of their id.
        duplicates: u64,
        /// Rows stamped after the end of the day.
        after_as_of: u64,
    },
    /// The record of an earlier run is not what runs write.
    #[error("run record {key} cannot be read; remove it and run the job again")]
    RunRecord {
        /// The record.
        key: Key,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An erasure began while the job ran, so what it read may hold the person. A retry helps.
    #[error("a person was erased while the job ran: run it again")]
    Erased,
    /// The erasure epoch is not what erasures write.
    #[error("{key} cannot be read; restore it, or run `millrace erase` again to have it written anew")]
    Epoch {
        /// Its object.
        key: Key,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The caller stopped waiting for the job, and the worker ended itself.
    #[error("the job was cancelled")]
    Cancelled,
    /// The thread that works panicked or was cut off.
    #[error("the job's worker thread died: {reason}")]
    Worker {
        /// How it ended, in a few words.
        reason: String,
    },
}

impl JobError {
    pub(crate) fn engine(action: impl Into<String>) -> impl FnOnce(PolarsError) -> Self {
        let action = action.into();
        move |source| Self::Engine { action, source }
    }

    pub(crate) fn worker(error: tokio::task::JoinError) -> Self {
        let reason = if error.is_panic() { "it panicked" } else { "it was cancelled" };
        Self::Worker { reason: reason.to_owned() }
    }

    pub(crate) fn scratch(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Scratch { action, path, source }
    }
}

impl Classified for JobError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Open(error) => error.class(),
            Self::Listing(error) => error.class(),
            Self::ErasedIds(error) => error.class(),
            Self::Kernel(error) => error.class(),
            Self::Iceberg(error) => error.class(),
            Self::Rewritten { .. } | Self::Erased => Class::Retry,
            _ => Class::Stop,
        }
    }
}
