//! Which tables a lake folder holds, and the files of each.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use millrace_lake::layout::{self, Layer};
use millrace_lake::object_key::Key;
use millrace_lake::root_names::REMOVAL_MARKS;
use millrace_tables::tables;
use polars::prelude::{ParquetReader, Schema, SchemaExt, SchemaRef, SerReader};

use super::views::{self, View};
use super::{Column, QueryError};
use crate::polars_schema::polars_schema;

/// How often a lake is listed again because objects were about to be removed meanwhile.
const ATTEMPTS: usize = 100;

/// A lake folder as it was when it was listed.
#[derive(Debug, Clone)]
pub struct Lake {
    pub root: PathBuf,
    /// The catalogue's tables, then those that only the folder knows, each by name.
    pub tables: Vec<LakeTable>,
}

/// A table of the lake.
#[derive(Debug, Clone)]
pub struct LakeTable {
    pub name: String,
    pub layer: Layer,
    pub schema: SchemaRef,
    /// In bytewise order of their paths.
    pub files: Vec<DataFile>,
    /// The command that fills it; none for a table that the catalogue does not know.
    pub filled_by: Option<String>,
}

/// One Parquet object of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
}

impl Lake {
    /// Lists the lake at `root`.
    ///
    /// Fails when there is no such folder, or a part of it cannot be read. A lake without some table has it empty.
    pub fn list(root: &Path) -> Result<Self, QueryError> {
        if !root.is_dir() {
            return Err(QueryError::NoLake { path: root.to_owned() });
        }
        for _ in 0..ATTEMPTS {
            let before = removal_marks(root)?;
            let listed = Self::list_once(root);
            if removal_marks(root)? == before {
                return listed;
            }
        }
        Err(QueryError::Restless { path: root.to_owned() })
    }

    fn list_once(root: &Path) -> Result<Self, QueryError> {
        let mut found = Vec::new();
        for layer in Layer::ALL {
            let folder = root.join(layer.as_str());
            let known = tables().iter().filter(|table| table.layer == layer);
            for table in known.clone() {
                let files = data_files(root, &folder.join(table.folder))?;
                found.push(LakeTable {
                    name: table.name(),
                    layer,
                    schema: match layer {
                        Layer::Raw => with_added(&polars_schema(&table.schema), &files),
                        _ => polars_schema(&table.schema),
                    },
                    files,
                    filled_by: Some(table.filled_by()),
                });
            }
            for name in sub_folders(&folder)? {
                if known.clone().any(|table| table.folder == name) {
                    continue;
                }
                let files = data_files(root, &folder.join(&name))?;
                // A table of a later version of the jobs: its newest file is the best statement of its columns.
                let Some(newest) = files.last() else { continue };
                found.push(LakeTable {
                    name: layer.table_name(&name),
                    layer,
                    schema: file_schema(&newest.path)?,
                    files,
                    filled_by: None,
                });
            }
        }
        Ok(Self { root: root.to_owned(), tables: found })
    }

    pub fn table(&self, name: &str) -> Option<&LakeTable> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Names of the views that queries know beside the tables, in the tables' order.
    pub fn views(&self) -> impl Iterator<Item = String> + '_ {
        self.tables.iter().flat_map(|table| table.views().iter().map(|view| view.name(&table.name)))
    }

    /// What queries can name: the tables, then the views.
    pub fn names(&self) -> Vec<String> {
        self.tables.iter().map(|table| table.name.clone()).chain(self.views()).collect()
    }

    /// Whether queries can name it: a table or a view of one.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.table(name).is_some() || self.views().any(|view| view == name)
    }
}

impl LakeTable {
    /// The views of it.
    pub(super) fn views(&self) -> &'static [View] {
        match self.layer {
            Layer::Raw => &[],
            _ if self.name == views::DIMENSION => &[View::Current, View::History],
            // Whether each day of a table of a later version holds everything is not known here.
            _ if self.filled_by.is_none() => &[],
            _ => &[View::Latest],
        }
    }

    /// The name of the view of its newest day, where each of its days holds everything.
    pub fn latest(&self) -> Option<String> {
        self.views().contains(&View::Latest).then(|| View::Latest.name(&self.name))
    }

    /// The table as if its newest day were its only one.
    pub(super) fn of_newest_day(&self) -> Self {
        let newest = self.newest_date();
        let is_newest = |file: &&DataFile| date_of(self.layer, &file.path) == newest.as_deref();
        Self { files: self.files.iter().filter(is_newest).cloned().collect(), ..self.clone() }
    }

    /// Its columns with the types they are stored in.
    pub fn columns(&self) -> Vec<Column> {
        super::answer::columns(&self.schema)
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Rows as the files' footers tell them; raw rows that overlap count in each object.
    pub fn rows_in_files(&self) -> Result<u64, QueryError> {
        self.files.iter().map(|file| file_rows(&file.path)).sum()
    }

    /// The newest `processing_date=…` of its folders, of a raw table the newest `date=…`.
    pub fn newest_date(&self) -> Option<String> {
        self.files.iter().filter_map(|file| date_of(self.layer, &file.path)).max().map(str::to_owned)
    }
}

/// What `processing_date=…`, in raw `date=…`, says in a file's path; the last one, for a lake may lie below such a folder.
pub(super) fn date_of(layer: Layer, path: &Path) -> Option<&str> {
    let label = match layer {
        Layer::Raw => "date=",
        _ => "processing_date=",
    };
    path.iter().rev().find_map(|part| part.to_str()?.strip_prefix(label))
}

/// Objects of a raw table whose footers are looked at for columns that this version does not know.
const NEWEST: usize = 16;

/// The stated columns, then those that a later version's landing has added: they are null in older objects, and
/// whoever reads by the stated schema alone passes them over. A column that changed its type stays as it is stated.
fn with_added(stated: &SchemaRef, files: &[DataFile]) -> SchemaRef {
    let mut schema = stated.clone();
    // One that is gone since, or cannot be read, is found where its rows are asked for.
    for found in files.iter().rev().take(NEWEST).filter_map(|file| file_schema(&file.path).ok()) {
        for (name, dtype) in found.iter() {
            if !schema.contains(name) {
                std::sync::Arc::make_mut(&mut schema).with_column(name.clone(), dtype.clone());
            }
        }
    }
    schema
}

/// Changes before a compaction removes objects: a listing during which it changed may lack both these and what replaces
/// them (see `millrace_lake::raw_listing`).
fn removal_marks(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, QueryError> {
    let mut marks = BTreeMap::new();
    for (name, path) in entries(&root.join(REMOVAL_MARKS))?.into_iter().filter(|(_, path)| path.is_file()) {
        match std::fs::read(&path) {
            Ok(mark) => drop(marks.insert(name, mark)),
            Err(source) if source.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(QueryError::Unreadable { path, source }),
        }
    }
    Ok(marks)
}

/// The objects below `folder` of the lake at `root` that are a table's by their keys, as landing, compaction and the jobs name
/// them. What else lies there is somebody else's, whatever it ends in.
pub(super) fn data_files(root: &Path, folder: &Path) -> Result<Vec<DataFile>, QueryError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for (name, path) in entries(&folder)? {
            // A partition's or an hour's, or an object: a link that leads back to where it lies is neither.
            if name.contains('=') && path.is_dir() {
                folders.push(path);
            } else if is_object(root, &path) {
                match std::fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => files.push(DataFile { path, size: metadata.len() }),
                    Ok(_) => {}
                    // Removed since it was listed, or a link to nothing.
                    Err(source) if source.kind() == ErrorKind::NotFound => {}
                    Err(source) => return Err(QueryError::Unreadable { path, source }),
                }
            }
        }
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn is_object(root: &Path, path: &Path) -> bool {
    let parts = path.strip_prefix(root).ok().map(|place| place.iter().map(|part| part.to_str()));
    let key = parts.and_then(|parts| parts.collect::<Option<Vec<_>>>());
    let key = key.and_then(|parts| Key::new(parts.join("/")).ok());
    key.is_some_and(|key| is_data(&key))
}

/// Whether an object is a table's by its key.
pub(super) fn is_data(key: &Key) -> bool {
    layout::raw_table_of(key).is_some() || layout::partition_day(key).is_some()
}

/// The folders that may be tables.
fn sub_folders(folder: &Path) -> Result<Vec<String>, QueryError> {
    let mut names: Vec<_> =
        entries(folder)?.into_iter().filter(|(_, path)| path.is_dir()).map(|(name, _)| name).collect();
    names.sort_unstable();
    Ok(names)
}

/// What lies in `folder`, hidden entries and names that are no UTF-8 aside; nothing where there is no folder.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, QueryError> {
    let unreadable = |source| QueryError::Unreadable { path: folder.to_owned(), source };
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        // Also where a file has the folder's name.
        Err(source) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(unreadable(source)),
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(unreadable)?;
        if let Some(name) = entry.file_name().to_str().filter(|name| !name.starts_with('.')) {
            found.push((name.to_owned(), entry.path()));
        }
    }
    Ok(found)
}

fn reader(path: &Path) -> Result<ParquetReader<std::fs::File>, QueryError> {
    let file = std::fs::File::open(path)
        .map_err(|source| QueryError::Unreadable { path: path.to_owned(), source })?;
    Ok(ParquetReader::new(file))
}

fn file_rows(path: &Path) -> Result<u64, QueryError> {
    let rows =
        reader(path)?.num_rows().map_err(|source| QueryError::BadFile { path: path.to_owned(), source })?;
    Ok(rows as u64)
}

fn file_schema(path: &Path) -> Result<SchemaRef, QueryError> {
    let arrow =
        reader(path)?.schema().map_err(|source| QueryError::BadFile { path: path.to_owned(), source })?;
    Ok(std::sync::Arc::new(Schema::from_arrow_schema(arrow.as_ref())))
}
