//! The catalogue port: where engines look up which tables there are and where their partitions lie.

mod database_name;
mod entry;
mod hive_type;
mod refused;

use async_trait::async_trait;

pub use self::database_name::{BadDatabaseName, DatabaseName};
pub use self::entry::{ColumnEntry, PARTITION_KEY, PartitionEntry, TableEntry};
pub use self::hive_type::hive_type;
pub use self::refused::DataCatalogError;

/// Tells engines of tables and their partitions.
///
/// Contract, for every implementation:
/// - **After the data.** Callers register what is durable already: who reads an entry finds its object.
/// - **Once or often.** The same registration again changes nothing, and one at the same time by another does no harm.
/// - **Ours alone.** What others wrote to an entry beside our part of it, such as a description, stays.
#[async_trait]
pub trait DataCatalog: std::fmt::Debug + Send + Sync {
    /// Makes the catalogue say what `table` and `partition` say, and answers what that took.
    async fn register(
        &self,
        table: &TableEntry,
        partition: &PartitionEntry,
    ) -> Result<Registered, DataCatalogError>;
}

/// What a registration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The table's own entry.
    pub table: Change,
    /// The entry of the partition.
    pub partition: Change,
}

/// What an entry of a catalogue went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was none before.
    Created,
    /// It said something else before.
    Updated,
    /// It said so already; nothing was written.
    Unchanged,
}

/// No catalogue: the lake's folders are all there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDataCatalog;

#[async_trait]
impl DataCatalog for NoDataCatalog {
    async fn register(&self, _: &TableEntry, _: &PartitionEntry) -> Result<Registered, DataCatalogError> {
        Ok(Registered { table: Change::Unchanged, partition: Change::Unchanged })
    }
}
