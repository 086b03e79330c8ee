//! Why a job of the cloud failed.

use millrace_events::failure::{Class, Classified};
use millrace_jobs::job_error::JobError;
use millrace_lake::data_catalog::DataCatalogError;
use millrace_runtime::settings::SettingsError;

#[derive(Debug, thiserror::Error)]
pub enum CloudJobError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    DataCatalog(#[from] DataCatalogError),
    #[error(
        "{table} was published and is in no list of tables, so that it cannot be registered; this is a bug"
    )]
    UnknownTable { table: String },
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
