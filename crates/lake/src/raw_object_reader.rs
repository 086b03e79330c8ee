//! A raw object, opened: its footer, its rows by the stated schema, its offsets.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use millrace_events::failure::{Class, Classified};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::reader::{ChunkReader, Length};

use crate::object_key::Key;
use crate::store::{Store, StoreError};

/// The footer's entry that names the objects whose rows an object took over: a JSON array of their keys.
pub const COMPACTED_FROM: &str = "millrace.compacted_from";

/// The footer's entry beside [`COMPACTED_FROM`]: how many rows the compaction wrote. Fewer are left where somebody has taken
/// rows out since.
pub const COMPACTED_ROWS: &str = "millrace.compacted_rows";

/// Rows read at once.
const BATCH_ROWS: usize = 8_192;

/// Why a raw object could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RawFileError {
    /// The store could not give or take the object; its class says whether another try helps.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object's footer cannot be read.
    #[error("{object} is no readable Parquet file; restore it or move it out of the lake")]
    Unreadable {
        /// The object.
        object: Key,
        /// What Parquet's reader said.
        source: ParquetError,
    },
    /// The footer can be read, a row group cannot.
    #[error("rows of {object} could not be read; restore it or move it out of the lake")]
    Rows {
        /// The object.
        object: Key,
        /// What the reader said.
        source: ArrowError,
    },
    /// Rows could not be written as Parquet.
    #[error("{object} could not be encoded; this is a bug")]
    Encode {
        /// The object that was to be written.
        object: Key,
        /// What Parquet's writer said.
        source: ParquetError,
    },
    /// A column that is needed is missing or of another type.
    #[error(
        "column {column} of {object} is not of type {expected}; rewrite the object or move it out of the lake"
    )]
    ColumnType {
        /// The object.
        object: Key,
        /// The column's name.
        column: &'static str,
        /// The type that it should have, in words.
        expected: &'static str,
    },
    /// The work ended before its end: its thread died, or nobody waited for it any more.
    #[error("the work on {object} was cut off")]
    CutOff {
        /// The object.
        object: Key,
    },
}

impl Classified for RawFileError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            _ => Class::Stop,
        }
    }
}

/// An open raw object. On a file system it stays readable when its name goes to another object or to none.
#[derive(Debug)]
pub(crate) struct RawFile {
    key: Key,
    body: Body,
    footer: ArrowReaderMetadata,
}

impl RawFile {
    pub(crate) async fn open(store: &dyn Store, key: &Key) -> Result<Self, RawFileError> {
        let body = match store.local_path(key).map(File::open) {
            Some(Ok(file)) => Body::File(file),
            // The store says why, in its own words.
            Some(Err(_)) | None => Body::Bytes(store.get(key).await?),
        };
        Self::of_body(key.clone(), body)
    }

    /// Of an object that is not stored yet, or no more; errors call it `key`.
    pub(crate) fn of_bytes(key: Key, body: Bytes) -> Result<Self, RawFileError> {
        Self::of_body(key, Body::Bytes(body))
    }

    fn of_body(key: Key, body: Body) -> Result<Self, RawFileError> {
        // The Parquet types say all there is to say: no writer's own Arrow types.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let footer = ArrowReaderMetadata::load(&body, options)
            .map_err(|source| RawFileError::Unreadable { object: key.clone(), source })?;
        Ok(Self { key, body, footer })
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.footer.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        self.footer.schema()
    }

    /// The footer's entries.
    pub(crate) fn entries(&self) -> Vec<KeyValue> {
        self.footer.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default()
    }

    /// The keys of the objects whose rows this one took over. An entry that is no list of keys names none.
    pub(crate) fn compacted_from(&self) -> Vec<Key> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry.key == COMPACTED_FROM);
        let names: Vec<String> =
            entry.and_then(|entry| serde_json::from_str(entry.value.as_deref()?).ok()).unwrap_or_default();
        names.into_iter().filter_map(|name| Key::new(name).ok()).collect()
    }

    /// The reader of the columns that `wanted` takes, in the file's order.
    pub(crate) fn reader(
        &self,
        wanted: impl Fn(&str) -> bool,
        configure: impl FnOnce(
            ParquetRecordBatchReaderBuilder<Body>,
            ProjectionMask,
        ) -> ParquetRecordBatchReaderBuilder<Body>,
    ) -> Result<ParquetRecordBatchReader, RawFileError> {
        let unreadable = |source| RawFileError::Unreadable { object: self.key.clone(), source };
        let body = self.body.share().map_err(|error| unreadable(error.into()))?;
        let columns = self.schema().fields().iter().enumerate();
        let columns = columns.filter(|(_, field)| wanted(field.name())).map(|(at, _)| at);
        let mask = ProjectionMask::roots(self.footer.parquet_schema(), columns);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(body, self.footer.clone())
            .with_batch_size(BATCH_ROWS);
        configure(builder, mask).build().map_err(unreadable)
    }

    /// Why this object's rows cannot be written by the stated `schema` without losing something, if so.
    pub(crate) fn misfit(&self, schema: &SchemaRef) -> Option<String> {
        for field in schema.fields() {
            match self.schema().column_with_name(field.name()) {
                Some((_, column)) if column.data_type() == field.data_type() => {}
                Some((_, column)) => {
                    let (name, found, expected) = (field.name(), column.data_type(), field.data_type());
                    return Some(format!("its column {name} has type {found} instead of {expected}"));
                }
                None if !field.is_nullable() => return Some(format!("it lacks the column {}", field.name())),
                None => {}
            }
        }
        let mut columns = self.schema().fields().iter();
        let beyond = columns.find(|field| schema.column_with_name(field.name()).is_none())?;
        Some(format!("it has a column {} that this version does not know", beyond.name()))
    }

    /// The rows by the stated `schema`, which they fit: missing columns are null.
    pub(crate) fn rows_by(
        &self,
        schema: &SchemaRef,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, RawFileError>> + use<>, RawFileError> {
        let known = Arc::clone(schema);
        let reader = self.reader(
            |name| known.column_with_name(name).is_some(),
            |builder, mask| builder.with_projection(mask),
        )?;
        let (schema, key) = (Arc::clone(schema), self.key.clone());
        Ok(reader.map(move |batch| {
            let batch = batch.and_then(|batch| by_schema(&batch, &schema));
            batch.map_err(|source| RawFileError::Rows { object: key.clone(), source })
        }))
    }

    /// The offset of each row, in the order of the rows.
    pub(crate) fn offsets(&self) -> Result<Vec<i64>, RawFileError> {
        let mut offsets = Vec::new();
        for batch in self.reader(|name| name == "_offset", |builder, mask| builder.with_projection(mask))? {
            let batch = batch.map_err(|source| RawFileError::Rows { object: self.key.clone(), source })?;
            let column = batch.columns().first().and_then(|column| column.as_primitive_opt::<Int64Type>());
            offsets.extend_from_slice(
                column
                    .ok_or_else(|| RawFileError::ColumnType {
                        object: self.key.clone(),
                        column: "_offset",
                        expected: "int64",
                    })?
                    .values(),
            );
        }
        Ok(offsets)
    }
}

fn by_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match batch.column_by_name(field.name()) {
            Some(column) => Arc::clone(column),
            None => new_null_array(field.data_type(), batch.num_rows()),
        }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect())
}

/// The bytes of an object, where they are.
#[derive(Debug)]
pub(crate) enum Body {
    File(File),
    Bytes(Bytes),
}

impl Body {
    fn share(&self) -> std::io::Result<Self> {
        Ok(match self {
            Self::File(file) => Self::File(file.try_clone()?),
            Self::Bytes(bytes) => Self::Bytes(bytes.clone()),
        })
    }
}

impl Length for Body {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => Length::len(file),
            Self::Bytes(bytes) => Length::len(bytes),
        }
    }
}

impl ChunkReader for Body {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(match self {
            Self::File(file) => Box::new(file.get_read(start)?),
            Self::Bytes(bytes) => Box::new(bytes.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Bytes(bytes) => bytes.get_bytes(start, length),
        }
    }
}
