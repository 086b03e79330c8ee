//! A table's Parquet file, row group by row group.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};

/// Rows of a row group. Fixed, so that a file's bytes follow from its rows alone.
const ROW_GROUP: usize = 131_072;

/// Encodes batches; what is encoded is taken out as bytes, in order.
#[derive(Debug)]
pub(crate) struct TableFile {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
}

impl TableFile {
    pub(crate) fn new(schema: SchemaRef) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            // What every reader reads: see RawObject.
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_created_by("millrace".to_owned())
            .build();
        // Dictionaries in memory are plain texts in the file: the Parquet types say all there is to say.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        Ok(Self { writer: ArrowWriter::try_new_with_options(Vec::new(), schema, options)?, rows: 0 })
    }

    /// The whole file of one batch.
    pub(crate) fn of(batch: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
        let mut file = Self::new(batch.schema())?;
        file.append(batch)?;
        Ok(file.finish()?.0)
    }

    /// Appends rows; answers the bytes that became ready.
    pub(crate) fn append(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
        self.rows += rows.num_rows() as u64;
        self.writer.write(rows)?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Encodes what is left and the footer; answers the last bytes and the rows of the file.
    pub(crate) fn finish(self) -> Result<(Vec<u8>, u64), ParquetError> {
        Ok((self.writer.into_inner()?, self.rows))
    }
}
