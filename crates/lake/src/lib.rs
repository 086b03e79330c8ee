//! Objects and files: the store port, keys, the Parquet writer, rolling, compaction, erasure; the catalogue that tells of them.

/// What clients of AWS's other services share with the store on S3: how they are set, what refusals mean.
#[cfg(feature = "s3")]
pub mod aws {
    pub use crate::aws_setup::Setup;
    pub use crate::s3::refusal::{Said, causes, is_about_credentials, status};
    pub use crate::s3::retried::ByStatus;
    pub use crate::sdk_config::{REGION_OF_ENDPOINTS, Wanted, is_elsewhere, load};
}
#[cfg(feature = "s3")]
mod aws_setup;
pub mod catalogue;
mod chance;
pub mod compaction;
pub mod conformance;
#[cfg(feature = "profiles")]
mod credential_process;
pub mod dead_letter;
pub mod dead_letters;
mod disk_error;
pub mod erasure;
pub mod fault;
mod file_lock;
pub mod folder;
pub mod generation;
pub mod key;
pub mod lake_file;
pub mod landed;
pub mod layout;
pub mod letters;
pub mod lives;
pub mod memory;
pub mod open;
pub mod probe;
pub mod raw_file;
pub mod raw_listing;
pub mod raw_name;
pub mod raw_object;
#[cfg(test)]
mod raw_samples;
pub mod rolling;
#[cfg(feature = "s3")]
pub mod s3;
mod salvage;
#[cfg(feature = "s3")]
mod sdk_config;
pub mod store;
mod temp_file;

pub use catalogue::Catalogue;
pub use folder::FolderStore;
pub use generation::Generation;
pub use key::Key;
pub use open::{OpenError, open, open_existing, open_to_land};
pub use raw_name::RawObjectName;
#[cfg(feature = "s3")]
pub use s3::{S3Address, S3Settings, S3Store};
pub use store::{ObjectMeta, ObjectWriter, PutNew, Store, StoreError};
