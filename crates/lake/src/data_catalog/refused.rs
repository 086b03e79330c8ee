//! Why an entry could not be made.

use millrace_events::failure::{Class, Classified};

use crate::layout::LayoutError;

/// Why a catalogue does not say what it was told to.
#[derive(Debug, thiserror::Error)]
pub enum DataCatalogError {
    /// A column's type has no counterpart; nothing was asked of the catalogue.
    #[error(
        "column {column} of {table} cannot be registered: {found} has no type in Hive's words; give it a type of hive_type's"
    )]
    Column {
        /// The table's name, without its layer.
        table: String,
        /// The column's name.
        column: String,
        /// The column's Arrow type.
        found: String,
    },
    /// The table or its day cannot be a place in the lake.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Permissions, settings, an entry of somebody else: somebody has to act.
    #[error("could not {action} {entry} in {catalogue}: {hint}")]
    Stop {
        /// The catalogue and its database, for people.
        catalogue: String,
        /// What was tried, as a verb: `could not <action> <entry>`.
        action: &'static str,
        /// The table or partition that it was tried on.
        entry: String,
        /// What somebody has to do.
        hint: String,
        /// What the catalogue's client said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Throttled, timed out: the same registration may go through later.
    #[error("could not {action} {entry} in {catalogue}, worth another try")]
    Retry {
        /// As in [`Stop`](Self::Stop).
        catalogue: String,
        /// As in [`Stop`](Self::Stop).
        action: &'static str,
        /// As in [`Stop`](Self::Stop).
        entry: String,
        /// As in [`Stop`](Self::Stop).
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
