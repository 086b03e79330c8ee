//! Where tables lie: keys of the lake, and the locations by which Iceberg's metadata names them.

use std::sync::Arc;

use bytes::Bytes;
use millrace_lake::root_names::ICEBERG;
use millrace_lake::{Key, Store};

use crate::failure::IcebergError;

/// A lake's store, and the address of its root as other engines know it.
#[derive(Debug, Clone)]
pub struct Warehouse {
    store: Arc<dyn Store>,
    root: String,
}

impl Warehouse {
    /// Of `store`; `root` is the absolute URI of its root, such as `file:///srv/lake` or `s3://bucket/lake`. It is written into every
    /// table's metadata: a lake that moves needs new metadata.
    pub fn new(store: Arc<dyn Store>, root: impl Into<String>) -> Self {
        let root = root.into().trim_end_matches('/').to_owned();
        Self { store, root: plain(&root) }
    }

    /// Of a store whose objects are files of this machine: its root is the folder's absolute path. `None` for any other store.
    pub fn of_folder(store: Arc<dyn Store>) -> Option<Self> {
        let probe = Key::new(ICEBERG).ok()?;
        let path = std::path::absolute(store.local_path(&probe)?).ok()?;
        let root = path.parent()?.to_str()?.to_owned();
        Some(Self::new(store, root))
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The root's URI, without a `/` at its end.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// How metadata names `key`.
    pub fn location(&self, key: &Key) -> String {
        format!("{}/{key}", self.root)
    }

    /// The key of a location that metadata names, whoever wrote it: `s3a://` is `s3://`, and `file:/`, `file:///` and a bare path are one.
    ///
    /// # Errors
    /// It isn't below the root.
    pub fn key(&self, location: &str) -> Result<Key, IcebergError> {
        let elsewhere = || IcebergError::Elsewhere { location: location.to_owned(), root: self.root.clone() };
        let plain = plain(location);
        let inside = plain.strip_prefix(&self.root).and_then(|rest| rest.strip_prefix('/'));
        Key::new(inside.ok_or_else(elsewhere)?).map_err(|_| elsewhere())
    }

    /// The object at `location`.
    ///
    /// # Errors
    /// The location is elsewhere, or the store doesn't give it.
    pub(crate) async fn read(&self, location: &str) -> Result<Bytes, IcebergError> {
        Ok(self.store.get(&self.key(location)?).await?)
    }
}

/// One spelling for an address.
fn plain(location: &str) -> String {
    for scheme in ["s3a://", "s3n://"] {
        if let Some(rest) = location.strip_prefix(scheme) {
            return format!("s3://{rest}");
        }
    }
    let path = location.strip_prefix("file:").unwrap_or(location);
    if path.len() < location.len() || path.starts_with('/') {
        return format!("file:///{}", path.trim_start_matches('/'));
    }
    location.to_owned()
}

/// `[a-z0-9_]{1,255}`: what every catalogue takes without quotes.
pub(crate) fn check_table_name(name: &str) -> Result<(), IcebergError> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(known) {
        return Err(IcebergError::TableName(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use millrace_lake::memory_store::MemoryStore;

    use super::*;

    #[test]
    fn one_place_has_many_spellings_and_outside_is_refused() {
        let at = |root: &str| Warehouse::new(Arc::new(MemoryStore::new()), root);
        let folder = at("/srv/lake/");
        assert_eq!(folder.root(), "file:///srv/lake");
        for location in ["/srv/lake/iceberg/t", "file:/srv/lake/iceberg/t", "file:///srv/lake/iceberg/t"] {
            assert_eq!(folder.key(location).unwrap().as_str(), "iceberg/t", "{location}");
        }
        assert_eq!(at("s3a://b/l").key("s3://b/l/iceberg/t").unwrap().as_str(), "iceberg/t");
        for location in ["/srv/lake2/t", "/srv/lake", "/srv/lake/../t", "s3://b/t", "", "/srv/lake//t"] {
            let error = folder.key(location).unwrap_err().to_string();
            assert!(error.contains("file:///srv/lake"), "{error}");
        }
    }

    #[test]
    fn names_that_a_catalogue_would_change_are_refused() {
        assert!(check_table_name("raw_users").is_ok());
        for name in ["", "Users", "a.b", "a/b", "..", &"x".repeat(256)] {
            assert!(check_table_name(name).is_err(), "{name}");
        }
    }
}
