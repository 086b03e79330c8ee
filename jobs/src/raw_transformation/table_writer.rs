//! A table's one Parquet file, written as row groups while its rows come.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};

use polars::polars_utils::compression::ZstdLevel;
use polars::prelude::{
    CompatLevel, DataFrame, ParquetCompression, ParquetWriter, PolarsError, PolarsResult, Schema, SchemaExt,
    StatisticsOptions,
};
use polars_io::ipc::{IpcReader, IpcWriter};
use polars_io::parquet::write::{BatchedWriter, get_encodings};
use polars_io::{SerReader, SerWriter};
use polars_parquet::read::ParquetError;
use polars_parquet::write::{
    CompressedPage, Compressor, DynIter, Encoding, Page, ParquetType, Version, WriteOptions, array_to_columns,
};
use rayon::prelude::*;

/// Rows of a row group. Fixed, so that a file's bytes follow from its rows alone, however they were gathered; small,
/// since a row group is held whole while it is encoded.
const ROW_GROUP: usize = 32_768;

/// Columns nearly each row of which has a value of its own: no dictionary is tried for them, which would hash every value to
/// find that out.
const HARDLY_REPEATED: [&str; 13] = [
    "id",
    "user_id",
    "full_name",
    "email",
    "username",
    "phone",
    "address",
    "street_address",
    "latitude",
    "longitude",
    "business_email",
    "_offset",
    "source_offset",
];

/// Encodes frames; what is encoded is taken out as bytes in order.
pub(crate) struct TableWriter {
    encoder: BatchedWriter<Pipe>,
    pipe: Pipe,
    options: WriteOptions,
    /// How each column is stored.
    columns: Vec<(ParquetType, Vec<Encoding>)>,
    // Rows that do not fill a row group yet.
    rest: DataFrame,
    rows: u64,
}

impl TableWriter {
    /// A writer of a published table.
    pub(crate) fn new(schema: &Schema) -> PolarsResult<Self> {
        // Level 1: a published file is a few percent larger than at level 3, and made in half the time.
        Self::of(schema, 1, StatisticsOptions::default())
    }

    /// A writer of rows that only the job reads again, and always all of them: written quickly, no statistics and no dictionaries, by
    /// which a file is an eighth larger.
    pub(crate) fn internal(schema: &Schema) -> PolarsResult<Self> {
        let mut writer = Self::of(schema, 1, StatisticsOptions::empty())?;
        for (_, encodings) in &mut writer.columns {
            encodings.fill(Encoding::Plain);
        }
        Ok(writer)
    }

    fn of(schema: &Schema, level: i32, statistics: StatisticsOptions) -> PolarsResult<Self> {
        let pipe = Pipe::default();
        let compression = ParquetCompression::Zstd(Some(ZstdLevel::try_new(level)?));
        let mut encoder = ParquetWriter::new(pipe.clone())
            .with_compression(compression)
            .with_statistics(statistics)
            .batched(schema)?;
        let options = WriteOptions {
            statistics,
            version: Version::V1,
            compression: compression.into(),
            data_page_size: None,
        };
        let types = encoder.parquet_schema().fields().iter().cloned();
        let encodings = get_encodings(&schema.to_arrow(CompatLevel::newest()));
        let encodings = schema.iter_names().zip(encodings.iter()).map(|(name, encodings)| {
            if HARDLY_REPEATED.contains(&name.as_str()) { vec![Encoding::Plain] } else { encodings.clone() }
        });
        let columns = types.zip(encodings).collect();
        Ok(Self { encoder, pipe, options, columns, rest: DataFrame::empty_with_schema(schema), rows: 0 })
    }

    /// Appends rows; answers the bytes that became ready.
    pub(crate) fn append(&mut self, rows: DataFrame) -> PolarsResult<Vec<u8>> {
        self.rows += rows.height() as u64;
        let lacking = ROW_GROUP - self.rest.height();
        if rows.height() < lacking {
            self.rest.vstack_mut_owned(rows)?;
            return Ok(self.pipe.take());
        }
        let mut rows = rows;
        rows.rechunk_mut();
        // Only the row group that was begun is put together anew: those that lie in `rows` whole are encoded where they lie.
        let mut first = std::mem::take(&mut self.rest);
        first.vstack_mut_owned(rows.slice(0, lacking))?;
        first.rechunk_mut();
        self.encode(&first)?;
        let mut start = lacking;
        while start + ROW_GROUP <= rows.height() {
            self.encode(&rows.slice(start as i64, ROW_GROUP))?;
            start += ROW_GROUP;
        }
        self.rest = copied(rows.slice(start as i64, rows.height()))?;
        Ok(self.pipe.take())
    }

    /// Encodes what is left and the footer; answers the last bytes and the rows of the file.
    pub(crate) fn finish(mut self) -> PolarsResult<(Vec<u8>, u64)> {
        self.rest.rechunk_mut();
        if self.rest.height() > 0 {
            self.encode(&self.rest.clone())?;
        }
        self.encoder.finish()?;
        Ok((self.pipe.take(), self.rows))
    }

    /// Encodes a row group, its columns by all processors: Polars' writer leaves compressing to the one that writes.
    fn encode(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        for chunk in rows.iter_chunks(CompatLevel::newest(), false) {
            let options = self.options;
            let columns = chunk.columns().par_iter().zip(&self.columns).map(|(array, (kind, encodings))| {
                let leaves = array_to_columns(array, kind.clone(), options, encodings)?;
                leaves.into_iter().map(|pages| compressed(pages, options)).collect()
            });
            let columns: Vec<Vec<Vec<CompressedPage>>> = columns.collect::<PolarsResult<_>>()?;
            let leaves: Vec<Vec<CompressedPage>> = columns.into_iter().flatten().collect();
            self.encoder.write_row_group(chunk.len() as u64, &leaves)?;
        }
        Ok(())
    }
}

fn compressed(
    pages: DynIter<'static, PolarsResult<Page>>,
    options: WriteOptions,
) -> PolarsResult<Vec<CompressedPage>> {
    let pages = pages.map(|page| page.map_err(|error| ParquetError::FeatureNotSupported(error.to_string())));
    let pages = Compressor::new_from_vec(pages, options.compression, Vec::new());
    pages.collect::<Result<_, _>>().map_err(PolarsError::from)
}

impl std::fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableWriter").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// The same rows in buffers of their own: a slice of text columns holds on to all the texts of the frames it was cut
/// from, and so, range after range, to those of the whole table. Arrow IPC copies just what is in use.
fn copied(mut rows: DataFrame) -> PolarsResult<DataFrame> {
    if rows.height() == 0 {
        return Ok(rows.clear());
    }
    let mut encoded = Vec::new();
    IpcWriter::new(&mut encoded).with_parallel(false).finish(&mut rows)?;
    IpcReader::new(Cursor::new(encoded)).finish()
}

/// The end the encoder writes to and the end bytes are taken from.
#[derive(Debug, Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn a_files_bytes_follow_from_its_rows_however_they_come() {
        let numbers: Vec<i64> = (0..100_000).map(|row| row * 7_919 % 1_009).collect();
        let texts: Vec<String> =
            numbers.iter().map(|number| format!("a text of a number {number}")).collect();
        let rows = df!("number" => numbers, "text" => texts).unwrap();
        let written = |cuts: &[usize]| {
            let mut writer = TableWriter::new(rows.schema()).unwrap();
            let (mut bytes, mut start) = (Vec::new(), 0);
            for end in cuts.iter().copied().chain([rows.height()]) {
                bytes.extend(writer.append(rows.slice(start as i64, end - start)).unwrap());
                start = end;
            }
            let (rest, told) = writer.finish().unwrap();
            assert_eq!(told, 100_000);
            bytes.extend(rest);
            bytes
        };
        let at_once = written(&[]);
        let read = ParquetReader::new(Cursor::new(&at_once)).finish().unwrap();
        assert!(read.equals(&rows));
        for cuts in [&[1, 2, 32_767, 32_768][..], &[32_768, 65_536], &[40_000, 40_000, 99_999], &[100_000]] {
            assert!(written(cuts) == at_once, "{cuts:?}");
        }
    }
}
