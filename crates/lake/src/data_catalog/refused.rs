//! Why an entry could not be made.

use millrace_events::failure::{Class, Classified};

use crate::layout::LayoutError;

/// Why a catalogue does not say what it was told to.
#[derive(Debug, thiserror::Error)]
pub enum DataCatalogError {
    #[error(
        "column {column} of {table} cannot be registered: {found} has no type in Hive's words; give it a type of hive_type's"
    )]
    Column { table: String, column: String, found: String },
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Permissions, settings, an entry of somebody else: somebody has to act.
    #[error("could not {action} {entry} in {catalogue}: {hint}")]
    Stop {
        catalogue: String,
        action: &'static str,
        entry: String,
        hint: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Throttled, timed out: the same registration may go through later.
    #[error("could not {action} {entry} in {catalogue}, worth another try")]
    Retry {
        catalogue: String,
        action: &'static str,
        entry: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Classified for DataCatalogError {
    fn class(&self) -> Class {
        match self {
            Self::Retry { .. } => Class::Retry,
            Self::Column { .. } | Self::Layout(_) | Self::Stop { .. } => Class::Stop,
        }
    }
}
