//! The store of an address that a person wrote.

use std::sync::Arc;

use millrace_events::failure::{Class, Classified};

use crate::folder_store::FolderStore;
use crate::lake_file::{self, Entered, LakeError};
#[cfg(feature = "s3")]
use crate::s3::{BadAddress, S3Settings, S3Store};
use crate::store::{Store, StoreError};

/// Why no store could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address has no character.
    #[error("the lake's address is empty; give a folder's path or s3://<bucket>/<prefix>")]
    Empty,
    /// The address begins with a scheme other than `s3://`.
    #[error("no store is known for {scheme}://; give a folder's path or s3://<bucket>/<prefix>")]
    Scheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// An address on S3, in a program that has no S3.
    #[cfg(not(feature = "s3"))]
    #[error(
        "this program was built without S3; build it with the feature s3 of millrace-lake, or give a folder's path"
    )]
    WithoutS3,
    /// An address on S3 without a proper bucket or prefix.
    #[cfg(feature = "s3")]
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// The store cannot be set up.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there is not, or not yet, a lake that this program can use.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl Classified for OpenError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Lake(error) => error.class(),
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

/// Opens the lake at `address`, which has to be one; one from before lakes said what they are is taken over.
pub async fn open_existing(address: &str) -> Result<Arc<dyn Store>, OpenError> {
    let store = open(address).await?;
    tell(address, lake_file::enter(store.as_ref()).await?);
    Ok(store)
}

/// Opens the lake at `address` for a function that lands; it is made where there is none. One that is there costs one request.
///
/// A role that may write raw objects and look at nothing lands as it did: what it may not see is another's to make.
pub async fn open_to_land(address: &str) -> Result<Arc<dyn Store>, OpenError> {
    let store = open(address).await?;
    match lake_file::read(store.as_ref()).await {
        Ok(Some(_)) => {}
        Ok(None) => tell(address, lake_file::enter_or_create(store.as_ref()).await?),
        Err(LakeError::Store(error)) if error.class() == Class::Stop => {
            tracing::warn!(%error, lake = address, "whether this is a lake could not be looked at");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(store)
}

fn tell(address: &str, entered: Entered) {
    match entered {
        Entered::Known => {}
        Entered::Older => tracing::info!(lake = address, "lake_taken_over"),
        Entered::Created => tracing::info!(lake = address, "lake_created"),
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
    async fn who_lands_makes_a_lake_and_who_works_on_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let address = folder.path().join("lake").display().to_string();
        let error = open_existing(&address).await.unwrap_err();
        assert!(matches!(error, OpenError::Lake(LakeError::NoLake { .. })), "{error}");
        open_to_land(&address).await.unwrap();
        open_to_land(&address).await.unwrap();
        open_existing(&address).await.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn who_may_not_look_lands_all_the_same() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(crate::lake_file::LAKE_FILE);
        // A link to itself is refused to root too.
        std::os::unix::fs::symlink(&file, &file).unwrap();
        let address = folder.path().display().to_string();
        open_to_land(&address).await.unwrap();
        assert!(open_existing(&address).await.is_err());
        std::fs::remove_file(&file).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        open_to_land(&address).await.unwrap();
        assert!(file.exists());
    }

    #[tokio::test]
    async fn a_path_is_a_folder_and_other_schemes_are_told() {
        assert_eq!(open("lake/dev").await.unwrap().address(), "lake/dev");
        assert!(open("s3a://lake").await.unwrap_err().to_string().contains("s3a://"));
        assert!(open("s3://").await.is_err());
        assert!(matches!(open("").await.unwrap_err(), OpenError::Empty));
    }
}
