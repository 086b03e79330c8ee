//! Whether a lake has Iceberg tables, and who knows where their newest metadata is: `iceberg/tables.json`, which the lake itself holds, so that
//! nobody who writes to it can forget them.

use std::sync::Arc;

use bytes::Bytes;
use millrace_lake::root_names::ICEBERG;
use millrace_lake::{Key, PutNew, Store};
use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::failure::IcebergError;
use crate::location_pointer::{LocationCatalogue, LocationPointer};
use crate::table::Table;
use crate::warehouse::Warehouse;

#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    root: String,
    #[serde(flatten)]
    catalogue: Catalogue,
}

/// The Iceberg tables of a lake.
#[derive(Debug, Clone)]
pub struct LakeTables {
    warehouse: Warehouse,
    catalogue: Catalogue,
    glue: Option<Arc<dyn LocationCatalogue>>,
}

impl LakeTables {
    /// The tables of the lake in `store`; `None` where it has none. `glue` is asked where the lake says that Glue knows them.
    ///
    /// # Errors
    /// The mark can't be read, or the lake isn't where it was when its tables were made.
    pub async fn find(
        store: &Arc<dyn Store>,
        glue: Option<&Arc<dyn LocationCatalogue>>,
    ) -> Result<Option<Self>, IcebergError> {
        let key = mark()?;
        let body = match store.get(&key).await {
            Ok(body) => body,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Mark { root, catalogue } = serde_json::from_slice(&body)
            .map_err(|wrong| IcebergError::Mark { file: key.to_string(), reason: wrong.to_string() })?;
        let warehouse = here(store);
        if warehouse.root() != root {
            return Err(IcebergError::Moved { was: root, is: warehouse.root().to_owned() });
        }
        Ok(Some(Self { warehouse, catalogue, glue: glue.cloned() }))
    }

    /// As [`find`](Self::find), and where the lake has none, it has from now on.
    ///
    /// # Errors
    /// As [`find`](Self::find); another catalogue knows the lake's tables already.
    pub async fn begin(
        store: &Arc<dyn Store>,
        catalogue: Catalogue,
        glue: Option<&Arc<dyn LocationCatalogue>>,
    ) -> Result<Self, IcebergError> {
        let (key, warehouse) = (mark()?, here(store));
        let mark = Mark { root: warehouse.root().to_owned(), catalogue };
        let body = serde_json::to_vec_pretty(&mark).map_err(|source| IcebergError::Encode {
            file: key.to_string(),
            what: "JSON",
            source: source.into(),
        })?;
        if store.put_new(&key, Bytes::from(body)).await? == PutNew::AlreadyThere
            && let Some(there) = Self::find(store, glue).await?
        {
            if there.catalogue != mark.catalogue {
                return Err(IcebergError::OtherCatalogue { known: there.catalogue, asked: mark.catalogue });
            }
            return Ok(there);
        }
        Ok(Self { warehouse, catalogue: mark.catalogue, glue: glue.cloned() })
    }

    /// Who knows them.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Where they lie.
    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// The table `name`, which is there or not yet.
    ///
    /// # Errors
    /// The name is none of a table's, or Glue knows the tables and can't be asked here.
    pub fn table(&self, name: &str) -> Result<Table, IcebergError> {
        match (&self.catalogue, &self.glue) {
            (Catalogue::Files, _) => Table::without_catalogue(self.warehouse.clone(), name),
            (Catalogue::Glue { .. }, Some(glue)) => {
                let pointer = LocationPointer::new(self.warehouse.clone(), name, Arc::clone(glue));
                Table::new(self.warehouse.clone(), name, Arc::new(pointer))
            }
            (Catalogue::Glue { database }, None) => {
                Err(IcebergError::OnlyByGlue { table: name.to_owned(), database: database.clone() })
            }
        }
    }
}

fn mark() -> Result<Key, IcebergError> {
    let name = format!("{ICEBERG}/tables.json");
    Key::new(&name).map_err(|wrong| IcebergError::Mark { file: name, reason: wrong.to_string() })
}

fn here(store: &Arc<dyn Store>) -> Warehouse {
    Warehouse::of_folder(Arc::clone(store))
        .unwrap_or_else(|| Warehouse::new(Arc::clone(store), store.address()))
}

#[cfg(test)]
mod tests {
    use millrace_lake::FolderStore;

    use super::*;

    fn store(folder: &std::path::Path) -> Arc<dyn Store> {
        Arc::new(FolderStore::new(folder))
    }

    #[tokio::test]
    async fn a_lake_says_itself_that_it_has_tables_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        let store_of_lake = store(&lake);
        assert!(LakeTables::find(&store_of_lake, None).await.unwrap().is_none());
        LakeTables::begin(&store_of_lake, Catalogue::Files, None).await.unwrap();
        LakeTables::begin(&store_of_lake, Catalogue::Files, None).await.unwrap();
        let found = LakeTables::find(&store_of_lake, None).await.unwrap().unwrap();
        assert_eq!(found.catalogue(), &Catalogue::Files);
        let glue = Catalogue::Glue { database: "millrace".to_owned() };
        let other = LakeTables::begin(&store_of_lake, glue, None).await.unwrap_err().to_string();
        assert!(other.contains("files") && other.contains("millrace"), "{other}");

        let moved = folder.path().join("moved");
        std::fs::rename(&lake, &moved).unwrap();
        let error = LakeTables::find(&store(&moved), None).await.unwrap_err().to_string();
        assert!(error.contains("/lake") && error.contains("/moved") && error.contains("adopt"), "{error}");
    }

    #[tokio::test]
    async fn tables_that_glue_knows_are_nobodys_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let glue = Catalogue::Glue { database: "lake_iceberg".to_owned() };
        LakeTables::begin(&store, glue, None).await.unwrap();
        let found = LakeTables::find(&store, None).await.unwrap().unwrap();
        let error = found.table("users_transformed").unwrap_err().to_string();
        assert!(error.contains("lake_iceberg") && error.contains("users_transformed"), "{error}");
    }
}
