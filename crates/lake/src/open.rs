//! The store of an address that a person wrote.

use std::sync::Arc;

use millrace_events::failure::Class;

use crate::folder::FolderStore;
#[cfg(feature = "s3")]
use crate::s3::{BadAddress, S3Settings, S3Store};
use crate::store::{Store, StoreError};

/// Why no store could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the lake's address is empty; give a folder's path or s3://<bucket>/<prefix>")]
    Empty,
    #[error("no store is known for {scheme}://; give a folder's path or s3://<bucket>/<prefix>")]
    Scheme { scheme: String },
    #[cfg(not(feature = "s3"))]
    #[error(
        "this program was built without S3; build it with the feature s3 of millrace-lake, or give a folder's path"
    )]
    WithoutS3,
    #[cfg(feature = "s3")]
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenError {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            _ => Class::Stop,
        }
    }
}

/// Opens `address`: the path of a folder, or `s3://<bucket>/<prefix>` with the SDK's own credentials, region and
/// AWS_ENDPOINT_URL. Nothing is written or asked for yet, but for credentials' and region's places.
pub async fn open(address: &str) -> Result<Arc<dyn Store>, OpenError> {
    if address.is_empty() {
        return Err(OpenError::Empty);
    }
    match address.split_once("://") {
        Some(("s3", _)) => s3(address).await,
        Some((scheme, _)) => Err(OpenError::Scheme { scheme: scheme.to_owned() }),
        None => Ok(Arc::new(FolderStore::new(address))),
    }
}

#[cfg(feature = "s3")]
async fn s3(address: &str) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(S3Store::connect(S3Settings::new(address.parse()?)).await?))
}

#[cfg(not(feature = "s3"))]
async fn s3(_address: &str) -> Result<Arc<dyn Store>, OpenError> {
    Err(OpenError::WithoutS3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_path_is_a_folder_and_other_schemes_are_told() {
        assert_eq!(open("lake/dev").await.unwrap().address(), "lake/dev");
        assert!(open("s3a://lake").await.unwrap_err().to_string().contains("s3a://"));
        assert!(open("s3://").await.is_err());
        assert!(matches!(open("").await.unwrap_err(), OpenError::Empty));
    }
}
