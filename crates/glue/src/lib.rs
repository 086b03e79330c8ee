//! The catalogue in AWS Glue, from which Athena, Spark and Redshift Spectrum read tables: published partitions ([`GlueDataCatalog`]), and
//! where Iceberg tables' metadata is ([`GlueIcebergCatalog`]).
//!
//! - **Idempotent**: what is there is read, compared and written only where it differs; a table is updated against the version that
//!   was read, so that of two who change it at once neither undoes the other unseen.
//! - **Few permissions**: the database is made only where a table finds none.
//! - **Requests** that are throttled, time out or are cut off are tried again until the deadline of the settings.

#![warn(missing_docs)]

mod database;
mod description;
mod iceberg_catalog;
mod iceberg_description;
mod partition;
mod service_error;
mod settings;
mod table;

use async_trait::async_trait;

pub use self::database::GlueDataCatalog;
pub use self::iceberg_catalog::GlueIcebergCatalog;
pub use self::settings::GlueSettings;
use millrace_lake::data_catalog::{DataCatalog, DataCatalogError, PartitionEntry, Registered, TableEntry};

#[async_trait]
impl DataCatalog for GlueDataCatalog {
    async fn register(
        &self,
        table: &TableEntry,
        partition: &PartitionEntry,
    ) -> Result<Registered, DataCatalogError> {
        let registered = Registered {
            table: table::ensure(self, table).await?,
            partition: partition::ensure(self, table, partition).await?,
        };
        tracing::info!(
            database = self.database(),
            table = table.name,
            day = %partition.day,
            table_was = ?registered.table,
            partition_was = ?registered.partition,
            "partition_registered"
        );
        Ok(registered)
    }
}
