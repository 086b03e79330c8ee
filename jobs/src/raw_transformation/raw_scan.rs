//! The objects of `raw/users`: listed, their footers checked against the schema, read in bounded pieces.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_schema::{DataType as ArrowType, Schema as ArrowSchema};
use millrace_lake::key::Key;
use millrace_lake::store::{ObjectMeta, Store};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use polars::polars_utils::slice_enum::Slice;
use polars::prelude::*;

use super::raw_columns;
use crate::job_error::JobError;

/// Where the raw rows of users lie.
pub const RAW_USERS: &str = "raw/users/";

/// One object of the raw layer, its schema checked.
#[derive(Debug, Clone)]
pub struct RawObject {
    pub key: Key,
    pub path: PathBuf,
    pub rows: usize,
}

/// What objects lack or have beyond the schema: column to number of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaDrift {
    pub missing: BTreeMap<String, u64>,
    pub extra: BTreeMap<String, u64>,
}

/// The Parquet objects of `raw/users`, in key order.
pub async fn list(store: &dyn Store) -> Result<Vec<ObjectMeta>, JobError> {
    let mut objects = store.list(RAW_USERS).await?;
    objects.retain(|object| object.key.as_str().ends_with(".parquet"));
    Ok(objects)
}

/// A file for each object: the store's own where it is a folder, else a copy in `scratch`.
pub async fn as_files(
    store: &dyn Store,
    objects: &[ObjectMeta],
    scratch: &Path,
) -> Result<Vec<(Key, PathBuf)>, JobError> {
    let mut files = Vec::with_capacity(objects.len());
    for (number, object) in objects.iter().enumerate() {
        let path = match store.local_path(&object.key) {
            Some(path) => path,
            None => {
                let path = scratch.join(format!("raw-{number}.parquet"));
                let body = store.get(&object.key).await?;
                tokio::fs::write(&path, body).await.map_err(JobError::scratch("write", &path))?;
                path
            }
        };
        files.push((object.key.clone(), path));
    }
    Ok(files)
}

/// Reads each footer and checks it against the stated schema.
pub fn check(files: Vec<(Key, PathBuf)>) -> Result<(Vec<RawObject>, SchemaDrift), JobError> {
    let mut drift = SchemaDrift::default();
    let objects = files
        .into_iter()
        .map(|(key, path)| {
            let file =
                File::open(&path).map_err(|source| JobError::OpenObject { object: key.clone(), source })?;
            let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
                .map_err(|source| JobError::UnreadableObject { object: key.clone(), source })?;
            check_schema(&key, footer.schema(), &mut drift)?;
            let rows = footer.metadata().file_metadata().num_rows();
            Ok(RawObject { key, path, rows: usize::try_from(rows).unwrap_or(0) })
        })
        .collect::<Result<_, JobError>>()?;
    for (column, objects) in &drift.missing {
        tracing::warn!(column, objects, "raw objects lack a column: its values are null");
    }
    for (column, objects) in &drift.extra {
        tracing::warn!(column, objects, "raw objects have a column beyond the schema: it is ignored");
    }
    Ok((objects, drift))
}

fn check_schema(key: &Key, found: &ArrowSchema, drift: &mut SchemaDrift) -> Result<(), JobError> {
    let stated = millrace_events::schema::users();
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
            None => *drift.missing.entry(name.clone()).or_default() += 1,
        }
    }
    for field in found.fields().iter().filter(|field| stated.column_with_name(field.name()).is_none()) {
        *drift.extra.entry(field.name().clone()).or_default() += 1;
    }
    Ok(())
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
pub struct Piece<'a> {
    objects: &'a [RawObject],
    first_row: usize,
    rows: usize,
}

/// Cuts the objects, in their order, into pieces of at most `limit` rows.
pub fn pieces(objects: &[RawObject], limit: usize) -> Vec<Piece<'_>> {
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
    pub fn scan(&self) -> Result<LazyFrame, JobError> {
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

    pub fn action(&self) -> String {
        format!("read {}", self.names())
    }

    /// The objects, for messages.
    pub fn names(&self) -> String {
        match self.objects {
            [one] => one.key.to_string(),
            [first, .., last] => format!("{first} … {last}", first = first.key, last = last.key),
            [] => String::new(),
        }
    }
}
