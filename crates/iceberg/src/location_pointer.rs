//! The pointer of a catalogue that keeps one location a table and swaps it by a version: AWS Glue, or a row of a database.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use millrace_lake::Key;
use millrace_lake::root_names::ICEBERG;

use crate::failure::IcebergError;
use crate::file_dating;
use crate::pointer::{Current, Pointer, Swap};
use crate::table_metadata::TableMetadata;
use crate::table_schema::TableSchema;
use crate::warehouse::{Warehouse, check_table_name};

/// What a catalogue says of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where its metadata is.
    pub location: String,
    /// By what a swap is held against it: Glue's `VersionId`.
    pub version: String,
}

/// What a catalogue is to say of a table.
#[derive(Debug, Clone)]
pub struct CatalogueEntry<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The table's folder.
    pub folder: &'a str,
    /// Where its metadata is: Glue's parameter `metadata_location`.
    pub location: &'a str,
    /// Where it was: `previous_metadata_location`.
    pub previous: Option<&'a str>,
    /// The columns, which catalogues show to people.
    pub schema: &'a TableSchema,
}

/// Keeps a location a table.
///
/// Contract: of those who swap from one version, or create, at once, one is told [`Swap::Done`]. An error of class `Retry` may be either.
#[async_trait]
pub trait LocationCatalogue: std::fmt::Debug + Send + Sync {
    /// What it says of a table; `None` where it knows none.
    ///
    /// # Errors
    /// The catalogue fails, or its entry is no Iceberg table.
    async fn find(&self, table: &str) -> Result<Option<Located>, IcebergError>;

    /// Says it, if its version is still that of `base`; without a base, if it knows no such table.
    ///
    /// # Errors
    /// The catalogue fails.
    async fn say(&self, base: Option<&Located>, entry: &CatalogueEntry<'_>) -> Result<Swap, IcebergError>;
}

/// A table's pointer in a catalogue. Metadata is written under a name that nobody has before the catalogue is told of it.
#[derive(Debug, Clone)]
pub struct LocationPointer {
    warehouse: Warehouse,
    table: String,
    catalogue: Arc<dyn LocationCatalogue>,
}

impl LocationPointer {
    /// Of `table` in `warehouse`, as `catalogue` knows it. A name that is none of a table's is refused when the catalogue is to be asked.
    pub fn new(warehouse: Warehouse, table: &str, catalogue: Arc<dyn LocationCatalogue>) -> Self {
        Self { warehouse, table: table.to_owned(), catalogue }
    }
}

#[async_trait]
impl Pointer for LocationPointer {
    async fn load(&self) -> Result<Option<Current>, IcebergError> {
        check_table_name(&self.table)?;
        let Some(Located { location, version }) = self.catalogue.find(&self.table).await? else {
            return Ok(None);
        };
        let metadata = TableMetadata::from_json(&location, &self.warehouse.read(&location).await?)?;
        Ok(Some(Current { location, token: version, metadata }))
    }

    async fn swap(&self, base: Option<&Current>, next: &TableMetadata) -> Result<Swap, IcebergError> {
        check_table_name(&self.table)?;
        // As other engines name them: the number is for people alone.
        let number = base.map_or(0, |base| number(&base.location).saturating_add(1));
        let now = DateTime::from_timestamp_millis(next.last_updated_ms).unwrap_or_default();
        let name = file_dating::name(now);
        let key = format!("{ICEBERG}/{}/metadata/{number:05}-{name}.metadata.json", self.table);
        let key = Key::new(key).map_err(|_| IcebergError::TableName(self.table.clone()))?;
        let location = self.warehouse.location(&key);
        self.warehouse.store().put(&key, Bytes::from(next.to_json(&location)?)).await?;
        let located =
            base.map(|base| Located { location: base.location.clone(), version: base.token.clone() });
        let entry = CatalogueEntry {
            table: &self.table,
            folder: &next.location,
            location: &location,
            previous: base.map(|base| base.location.as_str()),
            schema: next.schema()?,
        };
        self.catalogue.say(located.as_ref(), &entry).await
    }
}

/// The number that a metadata file's name begins with.
fn number(location: &str) -> u64 {
    let name = location.rsplit('/').next().unwrap_or(location);
    name.split_once('-').and_then(|(number, _)| number.parse().ok()).unwrap_or(0)
}
