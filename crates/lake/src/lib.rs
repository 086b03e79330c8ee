//! Objects and files: the store port, keys, the Parquet writer, rolling, compaction, erasure; the catalogue that tells of them.

#![warn(missing_docs)]

/// What clients of AWS's other services share with the store on S3: how they are set, what refusals mean.
#[cfg(feature = "s3")]
pub mod aws {
    pub use millrace_aws_http::CallTrace;

    pub use crate::aws_hints::Setup;
    pub use crate::s3::retry_rules::ByStatus;
    pub use crate::s3::service_error::{Said, causes, is_about_credentials, status};
    pub use crate::sdk_config::{REGION_OF_ENDPOINTS, Wanted, is_elsewhere, load};
}
#[cfg(feature = "s3")]
mod aws_hints;
pub mod compaction;
pub mod conformance;
#[cfg(feature = "profiles")]
mod credential_process;
pub mod data_catalog;
pub mod dead_letter_file;
pub mod dead_letter_line;
mod dead_letter_recovery;
pub mod dead_letter_store;
mod disk_error;
pub mod durable_offsets;
pub mod erasure;
pub mod faulty_store;
mod file_lock;
mod folder_copy;
pub mod folder_store;
mod fsync;
pub mod lake_file;
pub mod lake_probe;
pub mod layout;
pub mod memory_store;
pub mod object_key;
mod random;
pub mod raw_listing;
pub mod raw_object_name;
pub mod raw_object_reader;
pub mod raw_object_writer;
#[cfg(test)]
mod raw_samples;
pub mod raw_sink;
pub mod rolling_policy;
pub mod root_names;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "s3")]
mod sdk_config;
pub mod store;
pub mod store_address;
#[cfg(feature = "s3")]
mod store_copy;
mod store_probe;
mod table_name;
mod temp_file;
pub mod topic_claims;
pub mod topic_generation;

pub use data_catalog::DataCatalog;
pub use folder_store::FolderStore;
pub use object_key::Key;
pub use raw_object_name::RawObjectName;
pub use raw_sink::{BatchRange, RawSink};
#[cfg(feature = "s3")]
pub use s3::{S3Address, S3Settings, S3Store};
pub use store::{Capabilities, Copied, ObjectMeta, ObjectReader, ObjectWriter, PutNew, Store, StoreError};
pub use store_address::{OpenError, open, open_existing, open_to_land};
pub use topic_generation::TopicGeneration;
