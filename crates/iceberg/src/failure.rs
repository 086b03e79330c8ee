//! Why something about an Iceberg table could not be done.

use millrace_events::failure::{Class, Classified};
use millrace_lake::StoreError;
use millrace_lake::data_catalog::DataCatalogError;

use crate::catalogue::Catalogue;

/// What is wrong, where, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum IcebergError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalogue that keeps the table's location refused or failed.
    #[error(transparent)]
    Catalogue(#[from] DataCatalogError),
    /// A text that cannot name a table.
    #[error("{0:?} is no name of a table; give 1 to 255 of the characters a-z, 0-9 and '_'")]
    TableName(String),
    /// There is no such table.
    #[error("there is no Iceberg table {table} in {place}; create it first")]
    NoTable {
        /// The table.
        table: String,
        /// Where its metadata was looked for.
        place: String,
    },
    /// A location that is none of this lake's.
    #[error(
        "{location:?} is not below {root}: a table's files lie below its lake; look who wrote this metadata"
    )]
    Elsewhere {
        /// As the metadata names it.
        location: String,
        /// The lake's root.
        root: String,
    },
    /// The file that says that a lake has Iceberg tables is damaged.
    #[error("{file} cannot be read: {reason}; restore it, or remove it and run `millrace adopt` again")]
    Mark {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Iceberg's metadata names files by where the lake was.
    #[error(
        "the lake's Iceberg tables were made at {was} and name their files there, but the lake is {is} now; move it back, or remove its folder iceberg/, with the tables' history, and run `millrace adopt` again"
    )]
    Moved {
        /// The root as the metadata names it.
        was: String,
        /// The root as it is.
        is: String,
    },
    /// One lake's tables are in one catalogue.
    #[error("the lake's Iceberg tables are known by {known} already, not by {asked}")]
    OtherCatalogue {
        /// Who knows them.
        known: Catalogue,
        /// Who was to.
        asked: Catalogue,
    },
    /// Only who asks Glue knows the table's newest metadata.
    #[error(
        "where the Iceberg table {table} is now is known to Glue's database {database} alone: ask through an engine that reads it there, such as Athena"
    )]
    OnlyByGlue {
        /// The table.
        table: String,
        /// Glue's database.
        database: String,
    },
    /// Bytes that are not what their name says.
    #[error(
        "{file} cannot be read: {reason}; restore the file, or roll the table back to a snapshot without it"
    )]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something of Iceberg's that this crate doesn't write on top of.
    #[error("{place}: {found} is not supported here; change it by the engine that made it")]
    Unsupported {
        /// The table or file.
        place: String,
        /// What was found.
        found: String,
    },
    /// A column that a table cannot have.
    #[error("column {column} of {place}: {reason}")]
    Column {
        /// The table, or the data file.
        place: String,
        /// The column's name.
        column: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A data file that is not of the partition that it is given for.
    #[error("{file} cannot be added to {partition}: {reason}")]
    DataFile {
        /// The file.
        file: String,
        /// The partition that was named.
        partition: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// No such snapshot.
    #[error("{table} has no snapshot {snapshot}; its history names those that are left")]
    NoSnapshot {
        /// The table.
        table: String,
        /// The id that was asked for.
        snapshot: i64,
    },
    /// Others were quicker, time after time.
    #[error(
        "{table}: others committed first, {attempts} times in a row; the same commit may go through later"
    )]
    Contended {
        /// The table.
        table: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// A record that could not be made: a defect of this crate.
    #[error("{file} could not be written as {what}; report it")]
    Encode {
        /// The file.
        file: String,
        /// What it was to be.
        what: &'static str,
        /// What the writer said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl IcebergError {
    pub(crate) fn damaged(file: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { file: file.into(), reason: reason.to_string() }
    }
}

impl Classified for IcebergError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Catalogue(error) => error.class(),
            Self::Contended { .. } => Class::Retry,
            _ => Class::Stop,
        }
    }
}
