//! One file of a published table, opened for reading: columns chosen by name, types checked, texts that repeat as
//! dictionaries.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;

use crate::job_error::JobError;
use crate::positioned_file::PositionedFile;

/// Rows of a batch: its columns stay within the processor's cache.
const BATCH: usize = 8192;

/// A column as a job reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadColumn {
    /// Its name in the file.
    pub name: &'static str,
    /// Of the file.
    pub stored: DataType,
    /// Whether it comes as a dictionary.
    pub repeats: bool,
}

impl ReadColumn {
    /// A column that comes as it is stored.
    pub const fn of(name: &'static str, stored: DataType) -> Self {
        Self { name, stored, repeats: false }
    }

    /// A text with few distinct values.
    pub const fn repeating(name: &'static str) -> Self {
        Self { name, stored: DataType::Utf8, repeats: true }
    }

    /// Its type in what is read.
    pub fn read_as(&self) -> DataType {
        match self.repeats {
            true => DataType::Dictionary(Box::new(DataType::Int32), Box::new(self.stored.clone())),
            false => self.stored.clone(),
        }
    }
}

/// Where the bytes are: an open file, or held.
#[derive(Debug, Clone)]
enum Body {
    File(PositionedFile),
    Held(Bytes),
}

/// An open partition. It stays as it was opened when another takes its place in the lake.
#[derive(Debug, Clone)]
pub struct Partition {
    key: Key,
    body: Body,
    metadata: ArrowReaderMetadata,
}

impl Partition {
    /// Opens the object `key`, of which `columns` will be read: those it lacks are absent from what is read, and a
    /// warning is logged. `None`: there is no such object.
    pub async fn open(
        store: &dyn Store,
        key: &Key,
        columns: &[ReadColumn],
    ) -> Result<Option<Self>, JobError> {
        let body = match store.local_path(key) {
            Some(path) => match PositionedFile::open(&path) {
                Ok(file) => Body::File(file),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(JobError::OpenObject { object: key.clone(), source }),
            },
            None => match store.get(key).await {
                Ok(body) => Body::Held(body),
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error.into()),
            },
        };
        let metadata = match &body {
            Body::File(file) => metadata(key, file, columns)?,
            Body::Held(bytes) => metadata(key, bytes, columns)?,
        };
        Ok(Some(Self { key: key.clone(), body, metadata }))
    }

    /// The object that was opened.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The size of the whole object.
    pub fn bytes(&self) -> u64 {
        match &self.body {
            Body::File(file) => parquet::file::reader::Length::len(file),
            Body::Held(bytes) => bytes.len() as u64,
        }
    }

    /// How many rows it has, by its footer.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// The file's footer: its row groups and their statistics.
    pub fn footer(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// How many row groups it has; they are numbered from 0.
    pub fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Reads `columns` of some row groups, in order.
    pub fn read(&self, columns: &BTreeSet<&str>, row_groups: Vec<usize>) -> Result<Batches, JobError> {
        let reader = match &self.body {
            Body::File(file) => self.reader(file.clone(), columns, row_groups),
            Body::Held(bytes) => self.reader(bytes.clone(), columns, row_groups),
        };
        Ok(Batches { reader: reader?, key: self.key.clone() })
    }

    fn reader<R: ChunkReader + 'static>(
        &self,
        input: R,
        columns: &BTreeSet<&str>,
        row_groups: Vec<usize>,
    ) -> Result<ParquetRecordBatchReader, JobError> {
        let roots = self.metadata.schema().fields().iter().enumerate();
        let wanted = roots.filter(|(_, field)| columns.contains(field.name().as_str())).map(|(at, _)| at);
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), wanted);
        ParquetRecordBatchReaderBuilder::new_with_metadata(input, self.metadata.clone())
            .with_projection(mask)
            .with_row_groups(row_groups)
            .with_batch_size(BATCH)
            .build()
            .map_err(|source| JobError::UnreadableObject { object: self.key.clone(), source })
    }
}

/// The batches of a [`Partition::read`].
#[derive(Debug)]
pub struct Batches {
    reader: ParquetRecordBatchReader,
    key: Key,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        let unreadable = |source| JobError::UnreadableObject { object: self.key.clone(), source };
        Some(self.reader.next()?.map_err(|error| unreadable(error.into())))
    }
}

fn metadata<R: ChunkReader>(
    key: &Key,
    input: &R,
    columns: &[ReadColumn],
) -> Result<ArrowReaderMetadata, JobError> {
    let unreadable = |source| JobError::UnreadableObject { object: key.clone(), source };
    // The Parquet types are the contract; which Arrow layout the writer had is not.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(input, options.clone()).map_err(unreadable)?;
    let options = options.with_schema(read_as(key, found.schema(), columns)?);
    ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options).map_err(unreadable)
}

/// The file's schema with repeating texts as dictionaries. Columns that nobody reads stay as they are.
fn read_as(key: &Key, found: &Schema, columns: &[ReadColumn]) -> Result<SchemaRef, JobError> {
    for column in columns.iter().filter(|column| found.column_with_name(column.name).is_none()) {
        tracing::warn!(%key, column = column.name, "a partition lacks a column: its values are null");
    }
    let fields =
        found.fields().iter().map(|field| match columns.iter().find(|column| column.name == field.name()) {
            None => Ok(Field::clone(field)),
            Some(column) if column.stored == *field.data_type() => {
                Ok(field.as_ref().clone().with_data_type(column.read_as()))
            }
            Some(column) => Err(JobError::ColumnType {
                object: key.clone(),
                column: field.name().clone(),
                found: field.data_type().to_string(),
                expected: column.stored.to_string(),
            }),
        });
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>, JobError>>()?)))
}
