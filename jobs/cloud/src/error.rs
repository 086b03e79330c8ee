//! Why a job of the cloud failed.

use millrace_events::failure::{Class, Classified};
use millrace_jobs::job_error::JobError;
use millrace_lake::data_catalog::DataCatalogError;
use millrace_runtime::settings::SettingsError;

/// Why a job in the cloud did not end well. What it had published by then stays; the same event again does the rest.
#[derive(Debug, thiserror::Error)]
pub enum CloudJobError {
    /// The environment's settings are wrong. Nothing was read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The job itself failed.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The tables are published, and not all of their partitions are registered, or the catalogue's client could not be set up.
    #[error(transparent)]
    DataCatalog(#[from] DataCatalogError),
    /// A table was published that the catalogue of tables does not have. No retry helps.
    #[error(
        "{table} was published and is in no list of tables, so that it cannot be registered; this is a bug"
    )]
    UnknownTable {
        /// The table's name.
        table: String,
    },
}

impl Classified for CloudJobError {
    fn class(&self) -> Class {
        match self {
            Self::Settings(_) | Self::UnknownTable { .. } => Class::Stop,
            Self::Job(error) => error.class(),
            Self::DataCatalog(error) => error.class(),
        }
    }
}
