//! Records of one partition into an Arrow batch of `raw/users`.

use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use crate::decode::{Body, Value};
use crate::external_user;
use crate::refusal::Refusal;
use crate::schema;
use crate::user::{FIELDS, Field, Numbers, TEXTS};
use crate::wire::WireUser;

/// One life of a topic's partition: what all rows of a batch have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionLife {
    pub topic: String,
    pub generation: String,
    pub partition: i32,
}

/// Gathers the rows of one partition's records.
#[derive(Debug)]
pub struct UserBatchBuilder {
    life: PartitionLife,
    texts: [StringBuilder; TEXTS],
    latitude: Float64Builder,
    longitude: Float64Builder,
    dob: TimestampMicrosecondBuilder,
    registered_at: TimestampMicrosecondBuilder,
    fetched_at: TimestampMicrosecondBuilder,
    source_page: Int32Builder,
    offset: Int64Builder,
    timestamp: TimestampMicrosecondBuilder,
    scratch: Vec<u8>,
}

/// The room that a text takes in the API's answers, on average, in bytes.
const MEAN_TEXT: usize = 18;

impl UserBatchBuilder {
    /// `rows` is how many rows to make room for.
    pub fn new(life: PartitionLife, rows: usize) -> Self {
        let instant = || TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC");
        Self {
            life,
            texts: std::array::from_fn(|_| StringBuilder::with_capacity(rows, rows * MEAN_TEXT)),
            latitude: Float64Builder::with_capacity(rows),
            longitude: Float64Builder::with_capacity(rows),
            dob: instant(),
            registered_at: instant(),
            fetched_at: instant(),
            source_page: Int32Builder::with_capacity(rows),
            offset: Int64Builder::with_capacity(rows),
            timestamp: instant(),
            scratch: Vec::new(),
        }
    }

    /// Adds the record at `offset`, of Kafka timestamp `timestamp` (µs since 1970, UTC). A refused one adds nothing.
    pub fn push(&mut self, value: &Value<'_>, offset: i64, timestamp: i64) -> Result<(), Refusal> {
        match value.body()? {
            Body::Protobuf(message) => {
                let user = WireUser::read(message)?;
                let texts = user.texts(&mut self.scratch)?;
                push_texts(&mut self.texts, texts);
                self.push_numbers(&user.numbers);
            }
            Body::Json(text) => {
                let user = external_user::decode(text, value.source)?;
                push_texts(&mut self.texts, user.texts.each_ref().map(Option::as_deref));
                self.push_numbers(&user.numbers);
            }
        }
        self.offset.append_value(offset);
        self.timestamp.append_value(timestamp);
        Ok(())
    }

    fn push_numbers(&mut self, numbers: &Numbers) {
        self.latitude.append_option(numbers.latitude);
        self.longitude.append_option(numbers.longitude);
        self.dob.append_option(numbers.dob);
        self.registered_at.append_option(numbers.registered_at);
        self.fetched_at.append_option(numbers.fetched_at);
        self.source_page.append_option(numbers.source_page);
    }

    /// Rows gathered since the last [`finish`](Self::finish).
    pub fn rows(&self) -> usize {
        self.offset.values_slice().len()
    }

    /// The rows gathered, landed at `ingested_at` (µs since 1970, UTC), in the order of [`schema::users`]; the
    /// builder is empty again.
    pub fn finish(&mut self, ingested_at: i64) -> Result<RecordBatch, ArrowError> {
        let rows = self.rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(FIELDS.len() + 6);
        for field in FIELDS {
            columns.push(match field {
                Field::Text(text) => Arc::new(self.texts[text as usize].finish()),
                Field::Latitude => Arc::new(self.latitude.finish()),
                Field::Longitude => Arc::new(self.longitude.finish()),
                Field::Dob => Arc::new(self.dob.finish()),
                Field::RegisteredAt => Arc::new(self.registered_at.finish()),
                Field::FetchedAt => Arc::new(self.fetched_at.finish()),
                Field::SourcePage => Arc::new(self.source_page.finish()),
            });
        }
        let mut partition = Int32Builder::with_capacity(rows);
        partition.append_value_n(self.life.partition, rows);
        let mut ingested = TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC");
        ingested.append_value_n(ingested_at, rows);
        let position: [ArrayRef; 6] = [
            Arc::new(StringArray::new_repeated(&self.life.topic, rows)),
            Arc::new(StringArray::new_repeated(&self.life.generation, rows)),
            Arc::new(partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(ingested.finish()),
        ];
        columns.extend(position);
        RecordBatch::try_new(schema::users(), columns)
    }
}

fn push_texts(columns: &mut [StringBuilder; TEXTS], texts: [Option<&str>; TEXTS]) {
    for (column, text) in columns.iter_mut().zip(texts) {
        match text {
            Some(text) => column.append_value(text),
            None => column.append_null(),
        }
    }
}
