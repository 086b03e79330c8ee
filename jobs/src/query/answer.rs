//! An answer: its columns at once, its rows batch by batch, so that a large one is never held whole.

use std::io::Write;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use polars::prelude::{
    DataFrame, DataType, Engine, LazyFrame, ParquetCompression, ParquetWriter, PlanCallback, PolarsResult,
    Schema, SchemaRef,
};

use super::open_files::OpenFiles;
use super::{Cell, QueryError, Session};

/// Rows of an answer handed on at once.
const BATCH_ROWS: usize = 16_384;

/// What a panic of the engine is told as.
pub(super) const GAVE_UP: &str = "the engine gave up on this query";

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// As tables.md names types: `string`, `int64`, `timestamp`, `list<string>`…
    pub dtype: String,
}

/// A query under way. Iterates over its batches; dropping it stops the query.
#[derive(Debug)]
pub struct Answer {
    schema: SchemaRef,
    batches: Option<Receiver<DataFrame>>,
    engine: Option<JoinHandle<PolarsResult<()>>>,
    /// What a failure is told with.
    read: Option<(OpenFiles, Session)>,
}

impl Answer {
    /// Starts `query`, whose columns are `schema`'s, on the streaming engine.
    pub(super) fn start(query: LazyFrame, schema: SchemaRef) -> Result<Self, QueryError> {
        // One batch waits while another is written: memory is bounded whatever the reader's pace.
        let (sender, batches) = sync_channel(1);
        let callback = PlanCallback::new(move |batch| Ok(sender.send(batch).is_err()));
        let query =
            query.sink_batches(callback, true, std::num::NonZeroUsize::new(BATCH_ROWS)).map_err(failed)?;
        // A thread of its own, so that a panic inside the engine is seen: Polars' collect_batches would end as if the
        // rows were complete.
        let engine = std::thread::Builder::new()
            .name("query".to_owned())
            .spawn(move || query.collect_with_engine(Engine::Streaming).map(drop))?;
        Ok(Self { schema, batches: Some(batches), engine: Some(engine), read: None })
    }

    /// Over these files of the session's lake: of a failure the one that is damaged is named.
    pub(super) fn over(self, files: OpenFiles, session: Session) -> Self {
        Self { read: Some((files, session)), ..self }
    }

    fn told(&self, error: QueryError) -> QueryError {
        match &self.read {
            Some((files, session)) => session.named(files.told(error)),
            None => error,
        }
    }

    pub fn columns(&self) -> Vec<Column> {
        columns(&self.schema)
    }

    /// Writes the answer as one Parquet file (zstd), timestamps in UTC; answers its rows.
    pub fn write_parquet(mut self, out: impl Write + Send) -> Result<u64, QueryError> {
        let mut writer = ParquetWriter::new(out)
            .with_compression(ParquetCompression::Zstd(None))
            .batched(&self.schema)
            .map_err(failed)?;
        let mut rows = 0;
        while let Some(batch) = self.next_frame() {
            let batch = batch?;
            rows += batch.height() as u64;
            writer.write_batch(&batch).map_err(failed)?;
        }
        writer.finish().map_err(failed)?;
        Ok(rows)
    }

    fn next_frame(&mut self) -> Option<Result<DataFrame, QueryError>> {
        if let Ok(batch) = self.batches.as_ref()?.recv() {
            return Some(Ok(batch));
        }
        self.batches = None;
        match self.engine.take()?.join() {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Err(self.told(failed(error)))),
            Err(_panic) => Some(Err(self.told(QueryError::Refused {
                construct: GAVE_UP.to_owned(),
                remedy: "it is a fault of Polars; try it in smaller steps, one CTE after another".to_owned(),
            }))),
        }
    }
}

impl Iterator for Answer {
    type Item = Result<Batch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_frame()?.map(|frame| Batch { frame }))
    }
}

/// Some rows of an answer.
pub struct Batch {
    frame: DataFrame,
}

/// Row values stay out of logs.
impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("rows", &self.len()).finish_non_exhaustive()
    }
}

impl Batch {
    pub fn len(&self) -> usize {
        self.frame.height()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows, each with a value for every column of the answer.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Cell>> + '_ {
        let columns: Vec<_> =
            self.frame.columns().iter().map(|column| column.as_materialized_series()).collect();
        (0..self.len()).map(move |row| {
            columns
                .iter()
                .map(|column| column.get(row).map_or(Cell::Null, |value| Cell::of(&value)))
                .collect()
        })
    }
}

pub(super) fn columns(schema: &Schema) -> Vec<Column> {
    schema.iter().map(|(name, dtype)| Column { name: name.to_string(), dtype: type_name(dtype) }).collect()
}

/// The name of a type as tables.md writes it.
fn type_name(dtype: &DataType) -> String {
    match dtype {
        DataType::String => "string".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Datetime(..) => "timestamp".to_owned(),
        DataType::Duration(_) => "duration".to_owned(),
        DataType::List(inner) => format!("list<{}>", type_name(inner)),
        DataType::Struct(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{} {}", field.name(), type_name(field.dtype()))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        DataType::Float32 => "float32".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Int8 => "int8".to_owned(),
        DataType::Int16 => "int16".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::UInt8 => "uint8".to_owned(),
        DataType::UInt16 => "uint16".to_owned(),
        DataType::UInt32 => "uint32".to_owned(),
        DataType::UInt64 => "uint64".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn failed(error: polars::error::PolarsError) -> QueryError {
    // A writer's error comes back as it went in: a broken pipe is no failure of the query.
    if let polars::error::PolarsError::IO { error, .. } = &error
        && error.kind() == std::io::ErrorKind::BrokenPipe
    {
        return QueryError::Write(std::io::Error::from(error.kind()));
    }
    QueryError::Failed { reason: super::error::reason(&error) }
}
