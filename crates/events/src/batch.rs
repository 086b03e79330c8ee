//! Records of one partition into an Arrow batch of their event's raw table.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int32Builder, Int64Builder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use crate::decode::{Decoder, Value};
use crate::decode_error::DecodeError;
use crate::event::Event;
use crate::event_catalogue;
use crate::field::{Field, Kind};
use crate::instant::Micros;
use crate::position::Offset;
use crate::repository_schemas::RepositorySchemas;
use crate::row::{Cell, Row};
use crate::text_column::TextColumn;
use crate::writer_schemas::WriterSchemas;

/// One life of a topic's partition: what all rows of a batch have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePartition {
    /// Topic, as the broker spells it.
    pub topic: String,
    /// The topic generation's name, such as `0001`: raw rows keep it as `_generation`.
    pub generation: String,
    /// From 0.
    pub partition: i32,
}

/// Gathers the rows of one partition's records of an event.
#[derive(Debug)]
pub struct EventBatchBuilder {
    source: SourcePartition,
    decoder: Decoder,
    /// The column of the data subject's id.
    subject: Option<usize>,
    columns: Vec<Column>,
    offset: Int64Builder,
    timestamp: TimestampMicrosecondBuilder,
}

impl EventBatchBuilder {
    /// `schemas` are those that framed records were written by; `rows` is how many rows to make room for.
    pub fn new(event: &Event, source: SourcePartition, schemas: Arc<dyn WriterSchemas>, rows: usize) -> Self {
        Self {
            source,
            decoder: Decoder::new(event, schemas),
            subject: event.data_subject().and_then(|name| event.slot(name)),
            columns: event.fields().iter().map(|field| Column::new(field, rows)).collect(),
            offset: Int64Builder::with_capacity(rows),
            timestamp: instants(rows),
        }
    }

    /// Whose records the builder takes.
    pub fn event(&self) -> &Event {
        self.decoder.event()
    }

    /// Adds the record at `offset`, of Kafka timestamp `timestamp`. A refused one adds nothing.
    pub fn push(&mut self, value: &Value<'_>, offset: Offset, timestamp: Micros) -> Result<(), DecodeError> {
        self.push_unless(value, offset, timestamp, |_| false).map(drop)
    }

    /// The same, but for a record whose data subject's id `is_left_out`: it adds nothing, and the answer is `false`.
    pub fn push_unless(
        &mut self,
        value: &Value<'_>,
        offset: Offset,
        timestamp: Micros,
        is_left_out: impl FnOnce(&str) -> bool,
    ) -> Result<bool, DecodeError> {
        let row = self.decoder.decode(value)?;
        if self.subject.and_then(|slot| row.text(slot)).is_some_and(is_left_out) {
            return Ok(false);
        }
        for (column, &cell) in self.columns.iter_mut().zip(row.cells()) {
            column.append(cell, &row);
        }
        self.offset.append_value(offset.get());
        self.timestamp.append_value(timestamp.get());
        Ok(true)
    }

    /// Rows gathered since the last [`finish`](Self::finish).
    pub fn rows(&self) -> usize {
        self.offset.values_slice().len()
    }

    /// The rows gathered, landed at `ingested_at`, in the order of [`Event::schema`]; the builder
    /// is empty again.
    pub fn finish(&mut self, ingested_at: Micros) -> Result<RecordBatch, ArrowError> {
        let rows = self.rows();
        let mut columns =
            self.columns.iter_mut().map(Column::finish).collect::<Result<Vec<ArrayRef>, _>>()?;
        let mut partition = Int32Builder::with_capacity(rows);
        partition.append_value_n(self.source.partition, rows);
        let mut ingested = instants(rows);
        ingested.append_value_n(ingested_at.get(), rows);
        let position: [ArrayRef; 6] = [
            Arc::new(StringArray::new_repeated(&self.source.topic, rows)),
            Arc::new(StringArray::new_repeated(&self.source.generation, rows)),
            Arc::new(partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(ingested.finish()),
        ];
        columns.extend(position);
        RecordBatch::try_new(self.decoder.event().schema(), columns)
    }
}

/// An [`EventBatchBuilder`] of UserCreated over the repository's own schemas.
#[derive(Debug)]
pub struct UserBatchBuilder(EventBatchBuilder);

impl UserBatchBuilder {
    /// `rows` is how many rows to make room for.
    pub fn new(source: SourcePartition, rows: usize) -> Self {
        let schemas = RepositorySchemas::shared();
        Self(EventBatchBuilder::new(event_catalogue::user_created(), source, schemas, rows))
    }

    /// See [`EventBatchBuilder::push`].
    pub fn push(&mut self, value: &Value<'_>, offset: Offset, timestamp: Micros) -> Result<(), DecodeError> {
        self.0.push(value, offset, timestamp)
    }

    /// See [`EventBatchBuilder::rows`].
    pub fn rows(&self) -> usize {
        self.0.rows()
    }

    /// See [`EventBatchBuilder::finish`].
    pub fn finish(&mut self, ingested_at: Micros) -> Result<RecordBatch, ArrowError> {
        self.0.finish(ingested_at)
    }
}

/// A field's column while it grows.
#[derive(Debug)]
enum Column {
    Text(TextColumn),
    /// With the names of the enum's symbols.
    Symbol(TextColumn, Vec<String>),
    Double(Float64Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Instant(TimestampMicrosecondBuilder),
}

fn instants(rows: usize) -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC")
}

impl Column {
    fn new(field: &Field, rows: usize) -> Self {
        let texts = || TextColumn::new(rows);
        match field.kind {
            Kind::Text => Self::Text(texts()),
            Kind::Enum => {
                Self::Symbol(texts(), field.symbols.iter().map(|symbol| symbol.name.clone()).collect())
            }
            Kind::Double => Self::Double(Float64Builder::with_capacity(rows)),
            Kind::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            Kind::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            Kind::Instant => Self::Instant(instants(rows)),
        }
    }

    /// A cell that is not of the column's kind is absent; decoders make none.
    #[inline]
    fn append(&mut self, cell: Cell, row: &Row<'_>) {
        match (self, cell) {
            (Self::Text(column), Cell::Text { start, end }) => {
                column.append_part(row.bytes(), start as usize, end as usize);
            }
            (Self::Text(column), _) => column.append_absent(),
            (Self::Symbol(column, names), Cell::Symbol(symbol)) => {
                column.append(&names[usize::from(symbol)]);
            }
            (Self::Symbol(column, _), _) => column.append_absent(),
            (Self::Double(column), Cell::Double(number)) => column.append_value(number),
            (Self::Double(column), _) => column.append_null(),
            // Decoders let through what an int32 holds and no more.
            (Self::Int32(column), Cell::Int(number)) => column.append_value(number as i32),
            (Self::Int32(column), _) => column.append_null(),
            (Self::Int64(column), Cell::Int(number)) => column.append_value(number),
            (Self::Int64(column), _) => column.append_null(),
            (Self::Instant(column), Cell::Int(micros)) => column.append_value(micros),
            (Self::Instant(column), _) => column.append_null(),
        }
    }

    /// Arrow's builders give their memory away with the array: what follows them has room for as much again, so that it
    /// does not grow from nothing in each batch.
    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Text(column) | Self::Symbol(column, _) => column.finish()?,
            Self::Double(column) => {
                let next = Float64Builder::with_capacity(column.values_slice().len());
                Arc::new(std::mem::replace(column, next).finish())
            }
            Self::Int32(column) => {
                let next = Int32Builder::with_capacity(column.values_slice().len());
                Arc::new(std::mem::replace(column, next).finish())
            }
            Self::Int64(column) => {
                let next = Int64Builder::with_capacity(column.values_slice().len());
                Arc::new(std::mem::replace(column, next).finish())
            }
            Self::Instant(column) => {
                let next = instants(column.values_slice().len());
                Arc::new(std::mem::replace(column, next).finish())
            }
        })
    }
}
