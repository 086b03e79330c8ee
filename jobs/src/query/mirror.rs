//! A lake that is no folder, brought to one as far as a query needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_lake::object_key::Key;
use millrace_lake::raw_listing;
use millrace_lake::store::{ObjectMeta, Store};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::QueryError;
use super::lake_tables::{data_files, date_of, is_data};
use super::views::Wanted;
use millrace_lake::layout::Layer;

/// How often objects may go away between their listing and their reading.
const ATTEMPTS: usize = 20;

/// A folder that holds copies of a store's tables; gone with this value.
#[derive(Debug)]
pub(super) struct Mirror {
    store: Arc<dyn Store>,
    folder: tempfile::TempDir,
    /// Raw objects that are here, with their sizes: what one holds never changes while its size stays.
    raw: Mutex<BTreeMap<Key, u64>>,
    handle: Handle,
}

impl Mirror {
    /// `handle` is of a runtime with more than one thread, which outlives this.
    pub(super) fn new(store: Arc<dyn Store>, handle: Handle) -> Result<Self, QueryError> {
        let path = std::env::temp_dir();
        let folder = tempfile::Builder::new().prefix("millrace-query-").tempdir_in(&path);
        let folder = folder.map_err(|source| QueryError::Unreadable { path, source })?;
        Ok(Self { store, folder, raw: Mutex::default(), handle })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Brings what is `wanted` of each table as it is now. Blocks, also within the runtime.
    pub(super) fn bring(&self, wanted: impl Fn(&str) -> Wanted) -> Result<(), QueryError> {
        let work = async {
            for attempt in 1.. {
                match self.try_bring(&wanted).await {
                    Err(QueryError::Store(error)) if error.is_not_found() && attempt < ATTEMPTS => {}
                    done => return done,
                }
            }
            Ok(())
        };
        match Handle::try_current() {
            Ok(_) => tokio::task::block_in_place(|| self.handle.block_on(work)),
            Err(_) => self.handle.block_on(work),
        }
    }

    async fn try_bring(&self, wanted: &impl Fn(&str) -> Wanted) -> Result<(), QueryError> {
        let mut raw = self.raw.lock().await;
        for layer in Layer::ALL {
            let prefix = format!("{}/", layer.as_str());
            let mut tables: BTreeMap<String, Vec<ObjectMeta>> = BTreeMap::new();
            // Other names are others' objects: they need be no tables', nor fit this machine's files.
            for object in self.store.list(&prefix).await?.into_iter().filter(|object| is_data(&object.key)) {
                let table = object.key.as_str()[prefix.len()..].split('/').next().map(str::to_owned);
                let is_wanted = |table: &String| wanted(&layer.table_name(table)) != Wanted::Nothing;
                if let Some(table) = table.filter(is_wanted) {
                    tables.entry(table).or_default().push(object);
                }
            }
            for (table, listed) in tables {
                let objects = match layer {
                    Layer::Raw => raw_listing::exact(self.store.as_ref(), &table).await.map_err(listing)?,
                    _ => listed,
                };
                self.keep_only(&layer, &table, &objects)?;
                let objects = match wanted(&layer.table_name(&table)) {
                    Wanted::NewestDay if layer != Layer::Raw => newest_day(layer, objects),
                    _ => objects,
                };
                for object in objects.iter().filter(|object| is_data(&object.key)) {
                    if raw.get(&object.key) == Some(&object.size) {
                        continue;
                    }
                    self.fetch(&object.key).await?;
                    if layer == Layer::Raw {
                        raw.insert(object.key.clone(), object.size);
                    }
                }
            }
        }
        Ok(())
    }

    async fn fetch(&self, key: &Key) -> Result<(), QueryError> {
        let body = self.store.get(key).await?;
        let path = self.folder.path().join(key.as_str());
        let failed = |source| QueryError::Unreadable { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            tokio::fs::create_dir_all(parent).await.map_err(failed)?;
        }
        // A query that is still on has the file before open.
        let new = path.with_extension("new");
        tokio::fs::write(&new, body).await.map_err(failed)?;
        tokio::fs::rename(&new, &path).await.map_err(failed)
    }

    /// Removes the copies of a table that the store has no more.
    fn keep_only(&self, layer: &Layer, table: &str, objects: &[ObjectMeta]) -> Result<(), QueryError> {
        let root = self.folder.path();
        let here: BTreeSet<PathBuf> = objects.iter().map(|object| root.join(object.key.as_str())).collect();
        let folder = root.join(layer.as_str()).join(table);
        for file in data_files(root, &folder)? {
            if !here.contains(&file.path) {
                let removed = std::fs::remove_file(&file.path);
                removed.map_err(|source| QueryError::Unreadable { path: file.path, source })?;
            }
        }
        Ok(())
    }
}

fn newest_day(layer: Layer, mut objects: Vec<ObjectMeta>) -> Vec<ObjectMeta> {
    let day = |object: &ObjectMeta| date_of(layer, Path::new(object.key.as_str())).map(str::to_owned);
    let newest = objects.iter().filter_map(day).max();
    objects.retain(|object| day(object) == newest);
    objects
}

fn listing(error: raw_listing::ListingError) -> QueryError {
    QueryError::Listing(Box::new(error))
}
