//! Who knows where tables' newest metadata is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who knows where a table's newest metadata is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "catalogue", rename_all = "lowercase")]
pub enum Catalogue {
    /// Nobody but the files: the layout of Hadoop tables.
    Files,
    /// The AWS Glue Data Catalog.
    Glue {
        /// Its database of Iceberg tables.
        database: String,
    },
}

impl fmt::Display for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files => f.write_str("their files"),
            Self::Glue { database } => write!(f, "Glue's database {database}"),
        }
    }
}
