//! Iceberg tables of format version 2, over the lake's store: made, appended to, a day replaced in one snapshot, columns added, expired, cleaned
//! of orphans, rolled back.
//!
//! - **One commit, one swap**: what a snapshot names is written first, under names that nobody has; then a [`Pointer`] swaps the metadata. Whoever
//!   dies in between leaves files that [`Table::remove_orphans`] finds.
//! - **Races**: of two who commit at once the slower makes its change again on the quicker one's table. Of two runs for one day the
//!   later-started wins.
//! - **Personal data**: metadata holds no value of the columns that [`measure`] is told are personal.
//!
//! Source: the Iceberg table specification, <https://iceberg.apache.org/spec/>.

#![warn(missing_docs)]

mod arrow_columns;
mod avro_file;
mod catalogue;
mod column_bounds;
mod column_changes;
mod committing;
mod data_placing;
mod expiry;
mod failure;
mod file_changes;
mod file_dating;
mod file_pointer;
mod file_removal;
mod lake_tables;
mod location_pointer;
mod manifest;
mod manifest_list;
mod orphans;
mod partitioning;
mod pointer;
mod reachable;
pub mod rest_request;
mod table;
mod table_files;
mod table_metadata;
mod table_schema;
mod warehouse;

pub use catalogue::Catalogue;
pub use column_bounds::measure;
pub use data_placing::{data_key, place};
pub use expiry::{Expired, Retention};
pub use failure::IcebergError;
pub use file_changes::{COMMIT_ID, Commit, DAY, Outcome, STARTED_AT};
pub use file_pointer::FilePointer;
pub use file_removal::{AllDataFiles, History};
pub use lake_tables::LakeTables;
pub use location_pointer::{CatalogueEntry, Located, LocationCatalogue, LocationPointer};
pub use manifest::DataFile;
pub use orphans::{Orphans, Removal};
pub use partitioning::{PartitionField, PartitionSpec, Partitioning};
pub use pointer::{Current, Pointer, Swap};
pub use table::{Definition, Table};
pub use table_metadata::{MAIN, MetadataLogEntry, Snapshot, SnapshotLogEntry, SnapshotRef, TableMetadata};
pub use table_schema::{FieldType, ListType, Primitive, TableField, TableSchema};
pub use warehouse::Warehouse;
