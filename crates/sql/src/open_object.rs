//! An object of the lake that is open for a statement, and how DataFusion reads it.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{ParquetFileMetrics, ParquetFileReaderFactory};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::{
    AsyncFileReader, MetadataFetch, ParquetRecordBatchStreamBuilder,
};
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, StreamExt};
use millrace_lake::store::has_files;
use millrace_lake::{Key, ObjectReader, Store};
use tokio::sync::OnceCell;

use crate::error::QueryError;

/// Bytes at a file's end that are read at once: its footer and what it points to are mostly within them.
const FOOTER: usize = 64 * 1024;

/// Bytes between wanted ranges that are read too where each range is a request.
const GAP_OF_REQUESTS: u64 = 256 * 1024;

/// One object, open since its statement began. It stays as it was, or is found to be gone.
#[derive(Debug)]
pub(crate) struct OpenObject {
    store: String,
    key: Key,
    reader: Box<dyn ObjectReader>,
    metadata: OnceCell<Arc<ParquetMetaData>>,
    gap: u64,
}

impl OpenObject {
    pub(crate) async fn open(store: &dyn Store, key: &Key) -> Result<Self, QueryError> {
        let reader = store.open(key).await?;
        let gap = if has_files(store) { 0 } else { GAP_OF_REQUESTS };
        Ok(Self { store: store.address(), key: key.clone(), reader, metadata: OnceCell::new(), gap })
    }

    pub(crate) fn size(&self) -> u64 {
        self.reader.size()
    }

    /// The footer.
    pub(crate) async fn metadata(&self) -> Result<&Arc<ParquetMetaData>, QueryError> {
        let read = async || {
            let reader = ParquetMetaDataReader::new().with_prefetch_hint(Some(FOOTER));
            reader.load_and_finish(self, self.size()).await.map(Arc::new)
        };
        self.metadata.get_or_try_init(read).await.map_err(|error| self.damaged(error))
    }

    /// The columns as the file has them.
    pub(crate) async fn schema(&self) -> Result<SchemaRef, QueryError> {
        let file = self.metadata().await?.file_metadata();
        let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata());
        schema.map(Arc::new).map_err(|error| self.damaged(error))
    }

    /// Fails where a column is of another type than the table's: the engine would cast it.
    pub(crate) async fn check(&self, stated: &SchemaRef) -> Result<(), QueryError> {
        for found in self.schema().await?.fields() {
            let stated = stated.field_with_name(found.name()).ok();
            if let Some(stated) = stated.filter(|stated| !is_read_as(found.data_type(), stated.data_type())) {
                return Err(QueryError::OtherType {
                    path: self.path(),
                    column: found.name().clone(),
                    found: crate::answer::type_name(found.data_type()),
                    stated: crate::answer::type_name(stated.data_type()),
                });
            }
        }
        Ok(())
    }

    /// Why it cannot be read to its end; none where it can. Reads all of it: for those who have failed.
    pub(crate) async fn damage(self: &Arc<Self>) -> Option<QueryError> {
        let metrics = ParquetFileMetrics::new(0, self.key.as_str(), &ExecutionPlanMetricsSet::new());
        let reader = Reader { object: Arc::clone(self), metrics };
        let decode = async || {
            let mut batches = ParquetRecordBatchStreamBuilder::new(reader).await?.build()?;
            while let Some(batch) = batches.next().await {
                batch?;
            }
            Ok(())
        };
        // What a damage looks like to the decoder is not known beforehand.
        match AssertUnwindSafe(decode()).catch_unwind().await {
            Ok(decoded) => decoded.err().map(|error| self.damaged(error)),
            Err(_panic) => Some(self.damaged(ParquetError::General("the decoder gave up on it".to_owned()))),
        }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.store.trim_end_matches('/'), self.key)
    }

    fn damaged(&self, error: ParquetError) -> QueryError {
        match error {
            // The store's own words, a removed object among them.
            ParquetError::External(error) => match error.downcast::<millrace_lake::StoreError>() {
                Ok(error) => QueryError::Store(*error),
                Err(error) => QueryError::BadFile { path: self.path(), reason: error.to_string() },
            },
            error => QueryError::BadFile { path: self.path(), reason: error.to_string() },
        }
    }

    async fn read(&self, range: Range<u64>) -> ParquetResult<bytes::Bytes> {
        if range.end > self.size() || range.start > range.end {
            return Err(ParquetError::EOF(format!("bytes {range:?} of {}", self.size())));
        }
        self.reader.read(range).await.map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Whether values of `found` are those of `stated`, but for how Arrow holds texts.
fn is_read_as(found: &DataType, stated: &DataType) -> bool {
    use DataType::{Dictionary, LargeList, LargeUtf8, List, Null, Struct, Timestamp, Utf8, Utf8View};
    match (found, stated) {
        (Null, _) => true,
        (Dictionary(_, found), _) => is_read_as(found, stated),
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => true,
        (List(found) | LargeList(found), List(stated) | LargeList(stated)) => {
            is_read_as(found.data_type(), stated.data_type())
        }
        (Struct(found), Struct(stated)) => found.iter().all(|field| {
            let stated = stated.iter().find(|stated| stated.name() == field.name());
            stated.is_none_or(|stated| is_read_as(field.data_type(), stated.data_type()))
        }),
        // Of every unit and with or without a zone they are instants in UTC.
        (Timestamp(..), Timestamp(..)) => true,
        _ => found == stated,
    }
}

impl MetadataFetch for &OpenObject {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<bytes::Bytes>> {
        self.read(range).boxed()
    }
}

/// Gives DataFusion the objects that came with the files of a scan.
#[derive(Debug)]
pub(crate) struct OpenObjects;

impl ParquetFileReaderFactory for OpenObjects {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> DataFusionResult<Box<dyn AsyncFileReader + Send>> {
        let object = file.extension::<Arc<OpenObject>>().cloned();
        let object = object.ok_or_else(|| {
            DataFusionError::Internal(format!("{} was not opened for this statement", file.path()))
        })?;
        let metrics = ParquetFileMetrics::new(partition, object.key.as_str(), metrics);
        Ok(Box::new(Reader { object, metrics }))
    }
}

struct Reader {
    object: Arc<OpenObject>,
    metrics: ParquetFileMetrics,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<bytes::Bytes>> {
        self.metrics.bytes_scanned.add((range.end - range.start) as usize);
        self.object.read(range).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<bytes::Bytes>>> {
        async move {
            let wanted = joined(&ranges, self.object.gap);
            self.metrics
                .bytes_scanned
                .add(wanted.iter().map(|range| range.end - range.start).sum::<u64>() as usize);
            let read = try_join_all(wanted.iter().map(|range| self.object.read(range.clone()))).await?;
            let parts: Vec<_> = wanted.into_iter().zip(read).collect();
            let cut = |range: &Range<u64>| {
                let at = parts.partition_point(|(part, _)| part.end < range.end);
                let (part, bytes) = &parts[at];
                bytes.slice((range.start - part.start) as usize..(range.end - part.start) as usize)
            };
            Ok(ranges.iter().map(cut).collect())
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let object = Arc::clone(&self.object);
        async move {
            let metadata = object.metadata().await;
            metadata.cloned().map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }
}

/// The ranges in order, those together that lie no more than `gap` bytes apart.
fn joined(ranges: &[Range<u64>], gap: u64) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(gap) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_are_close_are_read_at_once() {
        assert_eq!(joined(&[90..95, 0..10, 5..20, 30..40], 10), [0..40, 90..95]);
        assert_eq!(joined(&[30..40, 0..10, 10..20], 0), [0..20, 30..40]);
        assert!(joined(&[], 10).is_empty());
    }
}
