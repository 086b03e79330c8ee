//! An answer: its columns at once, its rows batch by batch, so that a large one is never held whole.

use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use tokio::sync::mpsc::Receiver;
use tokio::task::AbortHandle;

use crate::cancel::Cancel;
use crate::cell::Cell;
use crate::error::QueryError;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As the query names it.
    pub name: String,
    /// As tables.md names types: `string`, `int64`, `timestamp`, `list<string>`…
    pub dtype: String,
}

/// A query under way. Iterates over its batches, blocking; dropping it stops the query.
#[derive(Debug)]
pub struct Answer {
    schema: SchemaRef,
    batches: Receiver<Result<RecordBatch, QueryError>>,
    work: AbortHandle,
    cancel: Cancel,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Answer {
    pub(crate) fn new(
        schema: SchemaRef,
        batches: Receiver<Result<RecordBatch, QueryError>>,
        work: AbortHandle,
        cancel: Cancel,
    ) -> Self {
        Self { schema, batches, work, cancel }
    }

    /// Its columns.
    pub fn columns(&self) -> Vec<Column> {
        columns(&self.schema)
    }

    /// Writes the answer as one Parquet file (zstd), timestamps in UTC; answers its rows.
    ///
    /// # Errors
    /// The query fails, or the file can't be written.
    pub fn write_parquet(mut self, out: impl Write + Send) -> Result<u64, QueryError> {
        let schema = written_as(&self.schema);
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let mut writer =
            ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties)).map_err(unwritten)?;
        let mut rows = 0;
        while let Some(batch) = self.next_batch() {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            let columns = batch.columns().iter().zip(schema.fields());
            let columns =
                columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>();
            let columns = columns.map_err(|error| QueryError::of_engine(error.into(), ""))?;
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
            let batch = batch.map_err(|error| QueryError::of_engine(error.into(), ""))?;
            writer.write(&batch).map_err(unwritten)?;
        }
        writer.close().map_err(unwritten)?;
        Ok(rows)
    }

    fn next_batch(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        // Also on a thread of a runtime, which tokio's own blocking call refuses.
        let next = async { self.batches.recv().await.transpose() };
        futures::executor::block_on(self.cancel.until(next)).transpose()
    }
}

fn unwritten(error: ParquetError) -> QueryError {
    match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => QueryError::Write(*error),
            Err(error) => QueryError::Write(std::io::Error::other(error)),
        },
        error => QueryError::Write(std::io::Error::other(error)),
    }
}

/// The types of a file: texts as every reader knows them.
fn written_as(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let kind = match field.data_type() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            DataType::Null => DataType::Utf8,
            kind => kind.clone(),
        };
        Field::new(field.name(), kind, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Iterator for Answer {
    type Item = Result<Batch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_batch()?.map(Batch))
    }
}

/// Some rows of an answer.
pub struct Batch(RecordBatch);

/// Row values stay out of logs.
impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("rows", &self.len()).finish_non_exhaustive()
    }
}

impl Batch {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows, each with a value for every column of the answer.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Cell>> + '_ {
        (0..self.len()).map(|row| self.0.columns().iter().map(|column| Cell::of(column, row)).collect())
    }
}

pub(crate) fn columns(schema: &Schema) -> Vec<Column> {
    schema
        .fields()
        .iter()
        .map(|field| Column { name: field.name().clone(), dtype: type_name(field.data_type()) })
        .collect()
}

/// The name of a type as tables.md writes it.
pub(crate) fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Duration(_) | DataType::Interval(_) => "interval".to_owned(),
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => format!("decimal({digits},{scale})"),
        DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
            format!("list<{}>", type_name(inner.data_type()))
        }
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|field| format!("{} {}", field.name(), type_name(field.data_type())))
                .collect();
            format!("struct<{}>", fields.join(", "))
        }
        DataType::Dictionary(_, inner) => type_name(inner),
        other => other.to_string().to_lowercase(),
    }
}
