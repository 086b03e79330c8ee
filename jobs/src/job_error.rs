//! Why a job stopped, and whether another try may help.

use std::path::PathBuf;

use chrono::NaiveDate;
use millrace_events::failure::{Class, Classified};
use millrace_lake::layout::LayoutError;
use millrace_lake::object_key::{BadKey, Key};
use millrace_lake::raw_listing::ListingError;
use millrace_lake::store::StoreError;
use millrace_tables::PlanError;
use polars::error::PolarsError;

#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the lake could not be opened")]
    Open(#[from] millrace_lake::OpenError),
    #[error(transparent)]
    Listing(#[from] ListingError),
    #[error(transparent)]
    Key(#[from] BadKey),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("{object} is no readable Parquet file; restore it or move it out of the lake")]
    UnreadableObject { object: Key, source: parquet::errors::ParquetError },
    #[error("could not open {object} for reading")]
    OpenObject { object: Key, source: std::io::Error },
    #[error(
        "column {column} of {object} has type {found}, {expected} is needed; rewrite the object or move it out of the lake"
    )]
    ColumnType { object: Key, column: String, found: String, expected: String },
    #[error(
        "{object} lacks the column {column}, without which its rows have no source position; move it out of the lake"
    )]
    MissingPosition { object: Key, column: String },
    #[error(
        "{rows} rows have no {column} in one of {objects}; a landed row always has one: move that object out of the lake"
    )]
    NullPosition { objects: String, column: &'static str, rows: usize },
    #[error("{job} of {as_of} needs {table} of that day; run `millrace job {made_by} --as-of {as_of}` first")]
    MissingInput { job: &'static str, table: &'static str, as_of: NaiveDate, made_by: &'static str },
    #[error("the job's tables cannot be counted; this is a bug")]
    Plan(#[from] PlanError),
    #[error("could not make {table}; this is a bug")]
    Table { table: &'static str, source: arrow_schema::ArrowError },
    #[error("could not encode {table} as Parquet")]
    Encode { table: &'static str, source: parquet::errors::ParquetError },
    #[error("{objects} changed while the job read it; let what rewrites it end and run the job again")]
    Rewritten { objects: String },
    #[error(
        "the job's state {object} cannot be read; remove _state/raw-transformation/ and run the job again"
    )]
    State { object: Key, source: Box<Self> },
    #[error("could not {action} {path}; give the job a scratch folder with room and write permission")]
    Scratch { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("could not {action}")]
    Engine { action: String, source: PolarsError },
    #[error(
        "the rows do not add up: {positions} source positions in the raw layer, but {users} users + {duplicates} \
         duplicates + {after_as_of} after the day = {}; nothing was published, this is a bug",
        users + duplicates + after_as_of
    )]
    Unbalanced { positions: u64, users: u64, duplicates: u64, after_as_of: u64 },
    #[error("run record {key} cannot be read; remove it and run the job again")]
    RunRecord { key: Key, source: serde_json::Error },
    #[error("a person was erased while the job ran: run it again")]
    Erased,
    #[error("{key} cannot be read; restore it, or run `millrace erase` again to have it written anew")]
    Epoch { key: Key, source: serde_json::Error },
    #[error("the job was cancelled")]
    Cancelled,
    #[error("the job's worker thread died: {reason}")]
    Worker { reason: String },
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
            Self::Erased => Class::Retry,
            _ => Class::Stop,
        }
    }
}
