//! One raw object: record batches of one partition's rows, encoded as Parquet in memory.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

/// Texts that hardly repeat within an object: a dictionary of them is built, found useless and thrown away. A column missing
/// here is only written more slowly. Ids that an object has again and again, those of sessions, videos and campaigns,
/// are not among them: without a dictionary an object is up to a fifth larger.
const DISTINCT: [&str; 11] = [
    "event_id",
    "user_id",
    "street_number",
    "postcode",
    "email",
    "username",
    "phone",
    "cell",
    "national_id_value",
    "business_email",
    "user_company",
];

/// The one instant that all rows of a batch share.
const LANDED: &str = "_ingested_at";

/// Whether the column's values are looked up in a dictionary before they are written: enums, names, small numbers.
fn repeats(column: &Field) -> bool {
    match column.data_type() {
        DataType::Utf8 => !DISTINCT.contains(&column.name().as_str()),
        // Eight bytes of a measured value or an instant: the look-up of each costs more than it saves.
        DataType::Int64 | DataType::Float64 => false,
        DataType::Timestamp(..) => column.name() == LANDED,
        _ => true,
    }
}

/// Columns by whose range readers pass over row groups. Statistics of others cost a comparison a value and serve none.
const RANGED: [&str; 3] = ["_offset", "_timestamp", "fetched_at"];

fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        // Plain and dictionary values in pages of the first version: what every reader reads. Snowflake's external
        // tables skip a file that they cannot read without a word, so the delta encodings' 5 % are not worth it.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        // Level 1: the higher ones save a tenth of the size for twice the time.
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_write_batch_size(8192)
        .set_created_by("millrace".to_owned());
    for field in schema.fields() {
        let name = field.name().as_str();
        let column = || ColumnPath::from(name);
        if !repeats(field) {
            properties = properties.set_column_dictionary_enabled(column(), false);
        }
        if RANGED.contains(&name) {
            properties = properties.set_column_statistics_enabled(column(), EnabledStatistics::Chunk);
        }
    }
    properties.build()
}

/// Rows of a row group of an object that is written in pieces: what such an object holds in memory is one of these.
const ROW_GROUP: usize = 131_072;

/// Encodes the rows of one object. Nothing is written anywhere before [`finish`](Self::finish) gives the bytes away, or
/// `take_encoded` those that are ready.
#[derive(Debug)]
pub struct RawObject {
    writer: ArrowWriter<Vec<u8>>,
    rows: usize,
}

impl RawObject {
    /// An empty object, whose batches will have `schema`.
    ///
    /// # Errors
    /// The schema has a type that Parquet has not.
    pub fn new(schema: SchemaRef) -> Result<Self, ParquetError> {
        Self::with_entries(schema, Vec::new())
    }

    /// As [`new`](Self::new), with `entries` in the footer.
    pub(crate) fn with_entries(schema: SchemaRef, entries: Vec<KeyValue>) -> Result<Self, ParquetError> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties(&schema))
            // The Parquet types say all there is to say; a second, Arrow-only copy would bloat small objects.
            .with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)?;
        for entry in entries {
            writer.append_key_value_metadata(entry);
        }
        Ok(Self { writer, rows: 0 })
    }

    /// Adds an entry to the footer.
    pub(crate) fn append_entry(&mut self, key: &str, value: String) {
        self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Adds the batch's rows behind those there are.
    ///
    /// # Errors
    /// Its schema is not the object's.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        self.writer.write(batch)?;
        self.rows += batch.num_rows();
        Ok(())
    }

    /// Takes the bytes that are ready: those of whole row groups. What [`finish`](Self::finish) answers follows them.
    pub(crate) fn take_encoded(&mut self) -> Result<Vec<u8>, ParquetError> {
        if self.writer.in_progress_rows() >= ROW_GROUP {
            self.writer.flush()?;
        }
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Rows written.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes the object would have if it were finished now.
    pub fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Memory held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.memory_size()
    }

    /// The whole object.
    pub fn finish(self) -> Result<Vec<u8>, ParquetError> {
        self.writer.into_inner()
    }
}
