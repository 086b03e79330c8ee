//! The files of a table: where they lie, and which of them a snapshot names.

use bytes::Bytes;
use millrace_lake::Key;
use millrace_lake::root_names::ICEBERG;

use crate::failure::IcebergError;
use crate::manifest::{self, DataFile, Entry};
use crate::manifest_list::{self, ManifestFile};
use crate::table_metadata::{Snapshot, TableMetadata};
use crate::warehouse::Warehouse;

/// One table's folder.
#[derive(Debug, Clone)]
pub(crate) struct TableFiles {
    pub(crate) warehouse: Warehouse,
    pub(crate) name: String,
}

impl TableFiles {
    /// The folder, as metadata names it.
    pub(crate) fn location(&self) -> String {
        format!("{}/{ICEBERG}/{}", self.warehouse.root(), self.name)
    }

    /// What the keys of the table's files begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("{ICEBERG}/{}/", self.name)
    }

    /// Writes a file of metadata of a name that nobody has; answers its location.
    pub(crate) async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<String, IcebergError> {
        let key = format!("{}metadata/{name}", self.prefix());
        let key = Key::new(key).map_err(|_| IcebergError::TableName(self.name.clone()))?;
        self.warehouse.store().put(&key, Bytes::from(bytes)).await?;
        Ok(self.warehouse.location(&key))
    }

    pub(crate) async fn manifests(&self, snapshot: &Snapshot) -> Result<Vec<ManifestFile>, IcebergError> {
        let location = &snapshot.manifest_list;
        manifest_list::read(location, &self.warehouse.read(location).await?)
    }

    pub(crate) async fn entries(
        &self,
        metadata: &TableMetadata,
        listed: &ManifestFile,
    ) -> Result<Vec<Entry>, IcebergError> {
        let bytes = self.warehouse.read(&listed.location).await?;
        manifest::read(&listed.location, &bytes, metadata.spec(listed.spec_id)?, listed.inherited())
    }

    /// The data files that readers of `snapshot` read.
    pub(crate) async fn live(
        &self,
        metadata: &TableMetadata,
        snapshot: &Snapshot,
    ) -> Result<Vec<DataFile>, IcebergError> {
        let mut files = Vec::new();
        for listed in self.manifests(snapshot).await? {
            if !listed.is_data {
                let found = "a manifest of row-level deletes".to_owned();
                return Err(IcebergError::Unsupported { place: listed.location, found });
            }
            let entries = self.entries(metadata, &listed).await?;
            files.extend(entries.into_iter().filter(Entry::is_live).map(|entry| entry.file));
        }
        Ok(files)
    }
}
