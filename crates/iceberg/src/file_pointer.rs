//! The pointer without a catalogue: metadata files `vN.metadata.json`, of which the highest number is now. It is the layout of Iceberg's
//! Hadoop tables, so that engines read it by the table's folder.

use async_trait::async_trait;
use bytes::Bytes;
use millrace_lake::root_names::ICEBERG;
use millrace_lake::{Key, PutNew};

use crate::failure::IcebergError;
use crate::pointer::{Current, Pointer, Swap};
use crate::table_metadata::TableMetadata;
use crate::warehouse::{Warehouse, check_table_name};

/// The file whose number is now or was lately.
pub(crate) const HINT: &str = "version-hint.text";

/// Of one table. A version is put where there is none, which of several at once one does; the hint follows, and where it lags the files
/// behind it tell.
#[derive(Debug, Clone)]
pub struct FilePointer {
    warehouse: Warehouse,
    table: String,
}

impl FilePointer {
    /// Of `table` in `warehouse`.
    ///
    /// # Errors
    /// The name is none of a table's.
    pub fn new(warehouse: Warehouse, table: &str) -> Result<Self, IcebergError> {
        check_table_name(table)?;
        Ok(Self { warehouse, table: table.to_owned() })
    }

    fn folder(&self) -> String {
        format!("{ICEBERG}/{}/metadata/", self.table)
    }

    fn key(&self, name: &str) -> Result<Key, IcebergError> {
        let key = format!("{}{name}", self.folder());
        Key::new(key).map_err(|_| IcebergError::TableName(self.table.clone()))
    }

    async fn is_there(&self, version: u64) -> Result<bool, IcebergError> {
        Ok(self.warehouse.store().size(&self.key(&file_name(version))?).await?.is_some())
    }

    /// The highest version. By the hint and what is behind it; by a listing where the hint says nothing.
    async fn newest(&self) -> Result<Option<u64>, IcebergError> {
        let hint = match self.warehouse.store().get(&self.key(HINT)?).await {
            Ok(bytes) => std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse::<u64>().ok()),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(mut version) = hint
            && self.is_there(version).await?
        {
            while self.is_there(version.saturating_add(1)).await? {
                version += 1;
            }
            return Ok(Some(version));
        }
        let listed = self.warehouse.store().list(&self.folder()).await?;
        Ok(listed.iter().filter_map(|object| version_of(object.key.name())).max())
    }

    async fn read(&self, version: u64) -> Result<Current, IcebergError> {
        let key = self.key(&file_name(version))?;
        let bytes = self.warehouse.store().get(&key).await?;
        let metadata = TableMetadata::from_json(key.as_str(), &bytes)?;
        Ok(Current { location: self.warehouse.location(&key), token: version.to_string(), metadata })
    }

    /// Whether version `version`, which was just put, is now or came before what is: it was put into a gap if a version behind it had
    /// been cleaned away, and nobody will ever read it.
    async fn is_in_line(&self, version: u64, location: &str) -> Result<bool, IcebergError> {
        match self.newest().await? {
            Some(newest) if newest > version => {
                let log = self.read(newest).await?.metadata.metadata_log;
                Ok(log.iter().any(|entry| entry.metadata_file == location))
            }
            newest => Ok(newest == Some(version)),
        }
    }
}

pub(crate) fn file_name(version: u64) -> String {
    format!("v{version}.metadata.json")
}

/// The number in a metadata file's name.
pub(crate) fn version_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix('v')?.strip_suffix(".metadata.json")?;
    digits.parse().ok().filter(|version| file_name(*version) == name)
}

#[async_trait]
impl Pointer for FilePointer {
    async fn load(&self) -> Result<Option<Current>, IcebergError> {
        match self.newest().await? {
            Some(version) => self.read(version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn swap(&self, base: Option<&Current>, next: &TableMetadata) -> Result<Swap, IcebergError> {
        let version = match base {
            None => 1,
            Some(base) => {
                let version: Option<u64> = base.token.parse().ok();
                version.and_then(|version| version.checked_add(1)).ok_or_else(|| {
                    IcebergError::damaged(&base.location, format!("{:?} is no version", base.token))
                })?
            }
        };
        let key = self.key(&file_name(version))?;
        let location = self.warehouse.location(&key);
        let bytes = Bytes::from(next.to_json(&location)?);
        if self.warehouse.store().put_new(&key, bytes.clone()).await? == PutNew::AlreadyThere {
            // It may be this very one, where the answer to an earlier try was lost.
            match self.warehouse.store().get(&key).await {
                Ok(there) if there == bytes => {}
                Ok(_) => return Ok(Swap::Lost),
                Err(error) if error.is_not_found() => return Ok(Swap::Lost),
                Err(error) => return Err(error.into()),
            }
        }
        // No version is ever taken away but by expiry, long behind what is now: only then there is something to look at.
        if base.is_some() && !self.is_in_line(version, &location).await? {
            return Ok(Swap::Lost);
        }
        let hint = Bytes::from(version.to_string());
        if let Err(error) = self.warehouse.store().put(&self.key(HINT)?, hint).await {
            // The commit stands: whoever reads looks behind the hint.
            tracing::warn!(table = self.table, version, %error, "iceberg_hint_not_written");
        }
        Ok(Swap::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_this_pointer_writes_are_versions() {
        assert_eq!(version_of("v12.metadata.json"), Some(12));
        for name in
            ["v012.metadata.json", "v.metadata.json", "v-1.metadata.json", "12.metadata.json", "v1.json"]
        {
            assert_eq!(version_of(name), None, "{name}");
        }
    }
}
