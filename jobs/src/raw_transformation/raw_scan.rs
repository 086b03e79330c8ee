//! The objects of `raw/users`: listed, their footers checked against the schema, read in bounded pieces.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_schema::{DataType as ArrowType, Schema as ArrowSchema};
use millrace_lake::object_key::Key;
use millrace_lake::store::{ObjectMeta, Store};
use millrace_lake::{layout, raw_listing};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use polars::polars_utils::slice_enum::Slice;
use polars::prelude::*;

use super::raw_columns;
use crate::damaged_file;
use crate::job_error::JobError;

/// Where the raw rows of users lie.
pub const RAW_USERS: &str = "raw/users/";

pub use millrace_lake::raw_object_reader::{COMPACTED_FROM, COMPACTED_ROWS};

/// One object of the raw layer, its schema checked.
#[derive(Debug, Clone)]
pub(crate) struct RawObject {
    /// The object's key in the lake.
    pub(crate) key: Key,
    /// The file to read: the object itself, or its copy in scratch.
    pub(crate) path: PathBuf,
    /// How many rows it has, by its footer.
    pub(crate) rows: usize,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The objects that compaction made it from; none where it is as it was landed.
    pub(crate) compacted_from: Vec<String>,
    /// Whether it no longer has the rows that compaction wrote, because somebody took some out.
    pub(crate) shrunk: bool,
    missing: Vec<String>,
    extra: Vec<String>,
}

/// What objects lack or have beyond the schema: column to number of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SchemaDrift {
    /// Columns of the schema that some objects lack: they are read as null.
    pub(crate) missing: BTreeMap<String, u64>,
    /// Columns beyond the schema that some objects have: they are ignored.
    pub(crate) extra: BTreeMap<String, u64>,
}

/// The objects of `raw/users`, in key order; what is none by its name is somebody else's.
pub(crate) async fn list(store: &dyn Store) -> Result<Vec<ObjectMeta>, JobError> {
    let mut objects = raw_listing::exact(store, "users").await?;
    objects.retain(|object| layout::raw_table_of(&object.key).is_some());
    Ok(objects)
}

/// The first object of `before` that `now` lists with another size. One that is gone was not rewritten: compaction
/// removes what is in a larger object too.
pub(super) fn rewritten(before: &[ObjectMeta], now: &[ObjectMeta]) -> Option<Key> {
    let sizes: BTreeMap<&Key, u64> = now.iter().map(|object| (&object.key, object.size)).collect();
    let rewritten = |object: &&ObjectMeta| sizes.get(&object.key).is_some_and(|size| *size != object.size);
    before.iter().find(rewritten).map(|object| object.key.clone())
}

/// The first object of `before` that `now` does not list.
pub(super) fn gone(before: &[ObjectMeta], now: &[ObjectMeta]) -> Option<Key> {
    let here: BTreeSet<&Key> = now.iter().map(|object| &object.key).collect();
    before.iter().find(|object| !here.contains(&object.key)).map(|object| object.key.clone())
}

/// Reads the footer of each object and checks it against the stated schema. An object that is no file is copied into
/// `scratch`, under a name that begins with `prefix`.
pub(super) async fn open(
    store: &dyn Store,
    objects: &[ObjectMeta],
    scratch: &Path,
    prefix: &str,
) -> Result<Vec<RawObject>, JobError> {
    let mut files = Vec::with_capacity(objects.len());
    for (number, object) in objects.iter().enumerate() {
        let path = match store.local_path(&object.key) {
            Some(path) => path,
            None => {
                let path = scratch.join(format!("{prefix}-{number}.parquet"));
                let body = store.get(&object.key).await?;
                tokio::fs::write(&path, body).await.map_err(JobError::scratch("write", &path))?;
                path
            }
        };
        files.push((object.clone(), path));
    }
    let opened = tokio::task::spawn_blocking(move || {
        files.into_iter().map(|(object, path)| RawObject::open(object, path)).collect()
    });
    opened.await.map_err(|_| JobError::Worker { reason: "it died over a footer".into() })?
}

impl RawObject {
    fn open(object: ObjectMeta, path: PathBuf) -> Result<Self, JobError> {
        let ObjectMeta { key, size } = object;
        let file =
            File::open(&path).map_err(|source| JobError::OpenObject { object: key.clone(), source })?;
        let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .map_err(|source| JobError::UnreadableObject { object: key.clone(), source })?;
        let (missing, extra) = check_schema(&key, footer.schema())?;
        let told = footer.metadata().file_metadata();
        let rows = usize::try_from(told.num_rows()).unwrap_or(0);
        let entry = |name| {
            let mut entries = told.key_value_metadata().into_iter().flatten();
            entries.find(|entry| entry.key == name)?.value.as_deref()
        };
        // An entry that cannot be read names nothing: the object is read, and positions keep it exact.
        let compacted_from = entry(COMPACTED_FROM).and_then(|names| serde_json::from_str(names).ok());
        let shrunk = entry(COMPACTED_ROWS).is_some_and(|written| written != rows.to_string());
        let compacted_from = compacted_from.unwrap_or_default();
        Ok(Self { key, path, rows, size, compacted_from, shrunk, missing, extra })
    }

    #[cfg(test)]
    pub(super) fn of_rows(key: Key, rows: usize) -> Self {
        let (path, compacted_from) = (PathBuf::new(), Vec::new());
        let (missing, extra) = (Vec::new(), Vec::new());
        Self { key, path, rows, size: 0, compacted_from, shrunk: false, missing, extra }
    }
}

impl SchemaDrift {
    /// That of `objects`, logged.
    pub(super) fn of(objects: &[RawObject]) -> Self {
        let mut drift = Self::default();
        for object in objects {
            for column in &object.missing {
                *drift.missing.entry(column.clone()).or_default() += 1;
            }
            for column in &object.extra {
                *drift.extra.entry(column.clone()).or_default() += 1;
            }
        }
        for (column, objects) in &drift.missing {
            tracing::warn!(column, objects, "raw objects lack a column: its values are null");
        }
        for (column, objects) in &drift.extra {
            tracing::warn!(column, objects, "raw objects have a column beyond the schema: it is ignored");
        }
        drift
    }
}

/// The columns that `found` lacks and those that it has beyond the schema.
fn check_schema(key: &Key, found: &ArrowSchema) -> Result<(Vec<String>, Vec<String>), JobError> {
    let stated = millrace_events::raw_schema::users();
    let mut missing = Vec::new();
    for field in stated.fields() {
        let name = field.name();
        match found.column_with_name(name) {
            Some((_, column)) if same_type(column.data_type(), field.data_type()) => {}
            Some((_, column)) => {
                return Err(JobError::ColumnType {
                    object: key.clone(),
                    column: name.clone(),
                    found: column.data_type().to_string(),
                    expected: field.data_type().to_string(),
                });
            }
            None if raw_columns::REQUIRED.contains(&name.as_str()) => {
                return Err(JobError::MissingPosition { object: key.clone(), column: name.clone() });
            }
            None => missing.push(name.clone()),
        }
    }
    let beyond = found.fields().iter().filter(|field| stated.column_with_name(field.name()).is_none());
    Ok((missing, beyond.map(|field| field.name().clone()).collect()))
}

/// Arrow has several layouts of one text.
fn same_type(found: &ArrowType, stated: &ArrowType) -> bool {
    match (found, stated) {
        (ArrowType::LargeUtf8 | ArrowType::Utf8View, ArrowType::Utf8) => true,
        (found, stated) => found == stated,
    }
}

/// Some rows of the raw layer that are read at once: whole objects, or a part of one.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    objects: &'a [RawObject],
    first_row: usize,
    rows: usize,
}

/// Cuts the objects, in their order, into pieces of at most `limit` rows.
pub(crate) fn pieces(objects: &[RawObject], limit: usize) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < objects.len() {
        let mut end = start + 1;
        let mut rows = objects[start].rows;
        while end < objects.len() && rows + objects[end].rows <= limit {
            rows += objects[end].rows;
            end += 1;
        }
        let objects = &objects[start..end];
        pieces.extend((0..rows).step_by(limit.max(1)).map(|first_row| Piece {
            objects,
            first_row,
            rows: limit.max(1).min(rows - first_row),
        }));
        start = end;
    }
    pieces
}

impl Piece<'_> {
    /// The rows as a plan over the stated schema: missing columns are null, extra ones ignored.
    pub(crate) fn scan(&self) -> Result<LazyFrame, JobError> {
        let schema = raw_columns::all();
        let paths = self.objects.iter().map(|object| {
            let path: &Path = &object.path;
            PlRefPath::try_from_path(path)
        });
        let paths = paths.collect::<PolarsResult<Vec<_>>>().map_err(JobError::engine(self.action()))?;
        let options =
            ParquetOptions { schema: Some(schema.clone()), low_memory: true, ..ParquetOptions::default() };
        let arguments = UnifiedScanArgs {
            schema: Some(schema),
            glob: false,
            cache: false,
            hive_options: HiveOptions::new_disabled(),
            missing_columns_policy: MissingColumnsPolicy::Insert,
            extra_columns_policy: ExtraColumnsPolicy::Ignore,
            pre_slice: Some(Slice::Positive { offset: self.first_row, len: self.rows }),
            ..UnifiedScanArgs::default()
        };
        let sources = ScanSources::Paths(paths.into_iter().collect());
        let plan = DslBuilder::scan_parquet(sources, options, arguments);
        Ok(plan.map_err(JobError::engine(self.action()))?.build().into())
    }

    /// Part `number` of `parts` of about the same size, in order: with all of them it is whole. One of few rows may have empty parts.
    pub(crate) fn part(&self, number: usize, parts: usize) -> Self {
        let (start, end) = (self.rows * number / parts, self.rows * (number + 1) / parts);
        Self { objects: self.objects, first_row: self.first_row + start, rows: end - start }
    }

    /// How many rows it has, by the footers.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Where its rows come from, for an error about one of its objects.
    pub(crate) fn first_object(&self) -> Option<&Key> {
        self.objects.first().map(|object| &object.key)
    }

    /// `read` with the objects' names, as an error goes on from "could not".
    pub(crate) fn action(&self) -> String {
        format!("read {}", self.names())
    }

    /// The error of reading it: that of the object that is damaged, where one is.
    pub(super) fn unreadable(&self, error: PolarsError) -> JobError {
        let damaged = self.objects.iter().find_map(|object| {
            let damage = damaged_file::damage_at(&object.path)?;
            let source = ParquetError::General(damage.to_string());
            Some(JobError::UnreadableObject { object: object.key.clone(), source })
        });
        damaged.unwrap_or(JobError::Engine { action: self.action(), source: error })
    }

    /// The objects, for messages.
    pub(crate) fn names(&self) -> String {
        match self.objects {
            [one] => one.key.to_string(),
            [first, .., last] => format!("{first} … {last}", first = first.key, last = last.key),
            [] => String::new(),
        }
    }
}
