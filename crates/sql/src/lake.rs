//! Which tables a lake holds, and the objects of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use millrace_lake::layout::{self, Layer};
use millrace_lake::{Key, ObjectMeta, Store, raw_listing};
use millrace_tables::table_catalogue::View;
use millrace_tables::{Contents, tables};

use crate::answer::{Column, columns};
use crate::error::QueryError;
use crate::open_object::OpenObject;

/// Objects of a raw table whose footers are looked at for columns that this version does not know.
const NEWEST: usize = 16;

/// Objects that are opened at once.
pub(crate) const OPENED_AT_ONCE: usize = 32;

/// The tables of a lake as they were when they were listed.
#[derive(Debug, Clone)]
pub struct Lake {
    /// Those of the catalogue, then those that only the lake knows, layer by layer.
    pub tables: Vec<LakeTable>,
}

/// A table of the lake.
#[derive(Debug, Clone)]
pub struct LakeTable {
    /// As queries name it.
    pub name: String,
    /// The first part of its path.
    pub layer: Layer,
    /// What its files hold; none of a table that the catalogue does not know.
    pub contents: Option<Contents>,
    /// Its columns as they are stored.
    pub schema: SchemaRef,
    /// The column with the id of the person whom a row is about.
    pub data_subject: Option<&'static str>,
    /// In bytewise order of their keys.
    pub files: Vec<ObjectMeta>,
    /// The days of files whose places don't tell them: those of a snapshot.
    pub(crate) days: BTreeMap<Key, NaiveDate>,
    /// The command that fills it; none of a table that the catalogue does not know.
    pub filled_by: Option<String>,
}

impl Lake {
    /// Lists the whole lake. A table that has no object is empty.
    ///
    /// # Errors
    /// A part of it cannot be read.
    pub async fn list(store: &Arc<dyn Store>) -> Result<Self, QueryError> {
        let mut found = Vec::new();
        for layer in Layer::ALL {
            let folders = folders(store.as_ref(), layer).await?;
            for table in tables().iter().filter(|table| table.layer == layer) {
                found.push(LakeTable::list(store, &table.name()).await?);
            }
            for folder in folders {
                let name = layer.table_name(&folder);
                if !tables().iter().any(|table| table.name() == name) {
                    found.push(LakeTable::list(store, &name).await?);
                }
            }
        }
        Ok(Self { tables: found.into_iter().flatten().collect() })
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&LakeTable> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Names of the views that queries know beside the tables, in the tables' order.
    pub fn views(&self) -> impl Iterator<Item = String> + '_ {
        self.tables
            .iter()
            .flat_map(|table| table.views().iter().map(|view| format!("{}{}", table.name, view.suffix())))
    }

    /// What queries can name: the tables, then the views.
    pub fn names(&self) -> Vec<String> {
        self.tables.iter().map(|table| table.name.clone()).chain(self.views()).collect()
    }
}

impl LakeTable {
    /// The table of this name with its objects; none where neither the catalogue nor the lake has it.
    ///
    /// # Errors
    /// It cannot be listed.
    pub async fn list(store: &Arc<dyn Store>, name: &str) -> Result<Option<Self>, QueryError> {
        if let Some(table) = tables().iter().find(|table| table.name() == name) {
            let files = files(store.as_ref(), table.layer, table.folder).await?;
            let schema = match table.layer {
                Layer::Raw => with_added(store, &table.schema, &files).await,
                _ => Arc::clone(&table.schema),
            };
            return Ok(Some(Self { schema, files, ..Self::without_files(name) }));
        }
        for layer in Layer::ALL {
            let folder = match layer {
                Layer::Raw => name.strip_prefix("raw_"),
                _ => Some(name),
            };
            let Some(folder) = folder.filter(|folder| layout::table_prefix(layer, folder).is_ok()) else {
                continue;
            };
            let files = files(store.as_ref(), layer, folder).await?;
            // A table of a later version of the jobs: its newest file is the best statement of its columns.
            let Some(newest) = files.last() else { continue };
            let newest = OpenObject::open(store.as_ref(), &newest.key).await?;
            let schema = newest.schema().await?;
            return Ok(Some(Self { layer, schema, files, ..Self::without_files(name) }));
        }
        Ok(None)
    }

    /// What is known of a table of this name whatever the lake holds: of one that the catalogue has not, nothing.
    pub(crate) fn without_files(name: &str) -> Self {
        let table = tables().iter().find(|table| table.name() == name);
        Self {
            name: name.to_owned(),
            layer: table.map_or(Layer::Curated, |table| table.layer),
            contents: table.map(|table| table.contents),
            schema: table.map_or_else(|| Arc::new(Schema::empty()), |table| Arc::clone(&table.schema)),
            data_subject: table.and_then(|table| table.data_subject),
            files: Vec::new(),
            days: BTreeMap::new(),
            filled_by: table.map(millrace_tables::Table::filled_by),
        }
    }

    /// The views of it.
    pub fn views(&self) -> &'static [View] {
        match self.contents {
            Some(Contents::Snapshot) => &[View::Latest],
            Some(Contents::Versions) => &[View::Current, View::History],
            // Whether each day of a table of a later version holds everything is not known here.
            Some(Contents::Records) | None => &[],
        }
    }

    /// The name of the view of its newest day, where each of its days holds everything.
    pub fn latest(&self) -> Option<String> {
        self.views().contains(&View::Latest).then(|| format!("{}{}", self.name, View::Latest.suffix()))
    }

    /// The table as if its newest day were its only one.
    pub(crate) fn of_newest_day(&self) -> Self {
        let newest = self.newest_date();
        let files = self.files.iter().filter(|file| self.day_of(file) == newest).cloned().collect();
        Self { files, ..self.clone() }
    }

    /// Its columns with the types they are stored in.
    pub fn columns(&self) -> Vec<Column> {
        columns(&self.schema)
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// The newest `processing_date=…` of its folders, of a raw table the newest `date=…`.
    pub fn newest_date(&self) -> Option<NaiveDate> {
        self.files.iter().filter_map(|file| self.day_of(file)).max()
    }

    /// The day of one of its files.
    pub(crate) fn day_of(&self, file: &ObjectMeta) -> Option<NaiveDate> {
        self.days.get(&file.key).copied().or_else(|| day_of(file))
    }

    /// Rows as the files' footers tell them; raw rows that overlap count in each object.
    pub(crate) async fn rows_in_files(&self, store: &Arc<dyn Store>) -> Result<u64, QueryError> {
        let rows_of = async |file: &ObjectMeta| {
            let object = OpenObject::open(store.as_ref(), &file.key).await?;
            Ok::<_, QueryError>(object.metadata().await?.file_metadata().num_rows() as u64)
        };
        let counted: Vec<_> = self.files.iter().map(rows_of).collect();
        let counted = stream::iter(counted).buffer_unordered(OPENED_AT_ONCE);
        counted.try_fold(0, |sum, rows| async move { Ok(sum + rows) }).await
    }
}

/// The day in an object's place: its partition's, of a raw object that of its hour.
fn day_of(file: &ObjectMeta) -> Option<NaiveDate> {
    layout::partition_day(&file.key).or_else(|| {
        let day = file.key.as_str().split('/').find_map(|part| part.strip_prefix("date="));
        day?.parse().ok()
    })
}

/// The objects of a table that are its by their keys, as landing, compaction and jobs name them. What else lies there is
/// somebody else's, whatever it ends in.
async fn files(store: &dyn Store, layer: Layer, folder: &str) -> Result<Vec<ObjectMeta>, QueryError> {
    let mut files = match layer {
        Layer::Raw => raw_listing::exact(store, folder).await.map_err(|error| match error {
            raw_listing::ListingError::Store(error) => QueryError::Store(error),
            other => QueryError::Listing(Box::new(other)),
        })?,
        _ => store.list(&format!("{layer}/{folder}/")).await?,
    };
    files.retain(|file| {
        layout::raw_table_of(&file.key).is_some() || layout::partition_day(&file.key).is_some()
    });
    Ok(files)
}

/// The folders of a layer that hold objects of tables.
async fn folders(store: &dyn Store, layer: Layer) -> Result<Vec<String>, QueryError> {
    let mut folders = BTreeMap::new();
    for object in store.list(&format!("{layer}/")).await? {
        let is_data =
            layout::raw_table_of(&object.key).is_some() || layout::partition_day(&object.key).is_some();
        let folder = object.key.as_str().split('/').nth(1).filter(|_| is_data);
        folders.extend(folder.map(|folder| (folder.to_owned(), ())));
    }
    Ok(folders.into_keys().collect())
}

/// The stated columns, then those that a later version's landing has added: they are null in older objects, and
/// whoever reads by the stated schema alone passes them over. A column that changed its type stays as it is stated.
async fn with_added(store: &Arc<dyn Store>, stated: &SchemaRef, files: &[ObjectMeta]) -> SchemaRef {
    // One that is gone since, or cannot be read, is found where its rows are asked for.
    let schema_of =
        async |file: &ObjectMeta| OpenObject::open(store.as_ref(), &file.key).await.ok()?.schema().await.ok();
    let newest: Vec<Option<SchemaRef>> = join_all(files.iter().rev().take(NEWEST).map(schema_of)).await;
    let mut fields: Vec<_> = stated.fields().iter().cloned().collect();
    for field in newest.iter().flatten().flat_map(|schema| schema.fields()) {
        if !fields.iter().any(|known| known.name() == field.name()) {
            fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
        }
    }
    Arc::new(Schema::new(fields))
}
