//! Raw objects of users, written by hand for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use parquet::arrow::ArrowWriter;

/// A raw row: what is not set is null, the source position `t-g0-0-0` and the epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RawRow {
    texts: BTreeMap<&'static str, String>,
    floats: BTreeMap<&'static str, f64>,
    numbers: BTreeMap<&'static str, i64>,
}

impl RawRow {
    pub(crate) fn at(generation: &str, partition: i64, offset: i64) -> Self {
        Self::default()
            .text("_topic", "t")
            .text("_generation", generation)
            .number("_partition", partition)
            .number("_offset", offset)
            .number("_timestamp", 0)
    }

    pub(crate) fn text(mut self, column: &'static str, value: impl Into<String>) -> Self {
        self.texts.insert(column, value.into());
        self
    }

    #[allow(dead_code)]
    pub(crate) fn float(mut self, column: &'static str, value: f64) -> Self {
        self.floats.insert(column, value);
        self
    }

    pub(crate) fn number(mut self, column: &'static str, value: i64) -> Self {
        self.numbers.insert(column, value);
        self
    }

    #[allow(dead_code)]
    pub(crate) fn get_text(&self, column: &str) -> Option<&str> {
        self.texts.get(column).map(String::as_str)
    }

    #[allow(dead_code)]
    pub(crate) fn get_number(&self, column: &str) -> Option<i64> {
        self.numbers.get(column).copied()
    }
}

/// The rows as one batch of `raw/users`.
pub(crate) fn batch(rows: &[RawRow]) -> RecordBatch {
    let schema: SchemaRef = nullable(millrace_events::raw_schema::users());
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let name = field.name().as_str();
        let numbers = rows.iter().map(|row| row.numbers.get(name).copied());
        match field.data_type() {
            DataType::Utf8 => {
                Arc::new(rows.iter().map(|row| row.texts.get(name).cloned()).collect::<StringArray>())
            }
            DataType::Float64 => {
                Arc::new(rows.iter().map(|row| row.floats.get(name).copied()).collect::<Float64Array>())
            }
            DataType::Int32 => Arc::new(numbers.map(|n| n.map(|n| n as i32)).collect::<Int32Array>()),
            DataType::Int64 => Arc::new(numbers.collect::<Int64Array>()),
            _ => Arc::new(numbers.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        }
    });
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns).expect("columns of the schema")
}

// Some tests write what a consumer never would.
fn nullable(schema: SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(arrow_schema::Schema::new(fields.collect::<Vec<_>>()))
}

pub(crate) fn parquet(batch: &RecordBatch) -> Bytes {
    let mut body = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut body, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
    body.into()
}

/// Puts `batch` as the raw object `name`.
pub(crate) async fn put(store: &dyn Store, name: &str, batch: &RecordBatch) {
    let key = Key::new(format!("raw/users/date=1970-01-01/hour=00/{name}.parquet")).expect("a key");
    store.put(&key, parquet(batch)).await.expect("put");
}
