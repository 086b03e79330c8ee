//! The store of an address that a person wrote.

use std::sync::Arc;

use millrace_events::failure::Class;

use crate::folder::FolderStore;
use crate::s3::{BadAddress, S3Settings, S3Store, SCHEME};
use crate::store::{Store, StoreError};

/// Why no store could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the lake's address is empty; give a folder's path or s3://<bucket>/<prefix>")]
    Empty,
    #[error("no store is known for {scheme}://; give a folder's path or s3://<bucket>/<prefix>")]
    Scheme { scheme: String },
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
    if address.starts_with(SCHEME) {
        return Ok(Arc::new(S3Store::connect(S3Settings::new(address.parse()?)).await?));
    }
    match address.split_once("://") {
        Some((scheme, _)) => Err(OpenError::Scheme { scheme: scheme.to_owned() }),
        None => Ok(Arc::new(FolderStore::new(address))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_path_is_a_folder_and_other_schemes_are_told() {
        assert_eq!(open("lake/dev").await.unwrap().address(), "lake/dev");
        assert!(open("s3a://lake").await.unwrap_err().to_string().contains("s3a://"));
        assert!(matches!(open("s3://").await.unwrap_err(), OpenError::Address(_)));
        assert!(matches!(open("").await.unwrap_err(), OpenError::Empty));
    }
}
