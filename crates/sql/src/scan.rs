//! A table's objects as DataFusion scans them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::arrow::array::{ArrayRef, BooleanArray, Date32Array, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::{StreamExt, TryStreamExt, stream};
use millrace_lake::layout::Layer;
use millrace_lake::{ObjectMeta, Store};

use crate::error::QueryError;
use crate::lake::{LakeTable, OPENED_AT_ONCE};
use crate::open_object::{OpenObject, OpenObjects};

/// A column that tells objects apart by the order of their names: of equal records the same one is kept each time.
pub(crate) const RANK: &str = "_rank";

/// Rows of objects, each as often as it is in them.
#[derive(Debug)]
pub(crate) struct Objects {
    store: Arc<dyn Store>,
    layer: Layer,
    files: Vec<ObjectMeta>,
    /// Of each file.
    days: Vec<Option<NaiveDate>>,
    schema: TableSchema,
    kind: TableType,
}

impl Objects {
    /// Those of a table.
    pub(crate) fn of(table: &LakeTable, store: &Arc<dyn Store>) -> Self {
        Self::some(table, table.files.clone(), store, Vec::new())
    }

    /// The `files` of a table alone, with their [`RANK`].
    pub(crate) fn ranked(table: &LakeTable, files: Vec<ObjectMeta>, store: &Arc<dyn Store>) -> Self {
        Self::some(table, files, store, vec![Arc::new(Field::new(RANK, DataType::Int32, false))])
    }

    /// The `files` of a table alone.
    pub(crate) fn only(table: &LakeTable, files: Vec<ObjectMeta>, store: &Arc<dyn Store>) -> Self {
        Self::some(table, files, store, Vec::new())
    }

    fn some(
        table: &LakeTable,
        mut files: Vec<ObjectMeta>,
        store: &Arc<dyn Store>,
        of_files: Vec<Arc<Field>>,
    ) -> Self {
        files.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let schema = TableSchema::builder(read_as(&table.schema)).with_table_partition_cols(of_files).build();
        let days = files.iter().map(|file| table.day_of(file)).collect();
        Self { store: Arc::clone(store), layer: table.layer, files, days, schema, kind: TableType::Base }
    }

    /// The same, told as a view.
    pub(crate) fn into_view(self) -> Self {
        Self { kind: TableType::View, ..self }
    }

    /// The files that may hold rows which pass the filters, by the days in their places. Each with its rank.
    fn pruned(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<(usize, &ObjectMeta)>> {
        let all = self.files.iter().enumerate();
        let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(all.collect()) };
        let schema = Arc::clone(self.schema.table_schema());
        let filter = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
        // What it cannot say anything about is read.
        let Ok(predicate) = PruningPredicateBuilder::new().with_file_schema(schema).try_build(filter) else {
            return Ok(all.collect());
        };
        let kept = predicate.prune(&Days { objects: self })?;
        Ok(all.zip(kept).filter_map(|(file, kept)| kept.then_some(file)).collect())
    }

    async fn opened(&self, rank: usize, file: &ObjectMeta) -> Result<PartitionedFile> {
        let open = async {
            let object = OpenObject::open(self.store.as_ref(), &file.key).await?;
            object.check(self.schema.file_schema()).await?;
            Ok::<_, QueryError>(object)
        };
        let object = open.await.map_err(external)?;
        let metadata = object.metadata().await.map_err(external)?;
        let statistics =
            DFParquetMetadata::statistics_from_parquet_metadata(metadata, self.schema.file_schema())?;
        let values = match self.schema.table_partition_cols().is_empty() {
            true => Vec::new(),
            false => vec![ScalarValue::Int32(Some(rank as i32))],
        };
        let described = PartitionedFile::new(file.key.as_str(), object.size())
            .with_partition_values(values)
            .with_statistics(Arc::new(statistics));
        Ok(described.with_extension(Arc::new(object)))
    }
}

/// The objects that a plan reads.
pub(crate) fn objects_of(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<OpenObject>> {
    let scan = plan.downcast_ref::<DataSourceExec>().map(|scan| scan.data_source());
    let groups = scan.and_then(|scan| scan.downcast_ref::<FileScanConfig>()).map(|scan| &scan.file_groups);
    let files = groups.into_iter().flatten().flat_map(|group| group.files());
    let own = files.filter_map(|file| file.extension::<Arc<OpenObject>>().cloned());
    own.chain(plan.children().into_iter().flat_map(objects_of)).collect()
}

/// As an error of the engine's.
pub(crate) fn external(error: QueryError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The types in which columns are read: texts as views, which are quicker to group and to compare.
pub(crate) fn read_as(schema: &SchemaRef) -> SchemaRef {
    let fields: Fields = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => {
                Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View).with_nullable(true))
            }
            _ => Arc::new(field.as_ref().clone().with_nullable(true)),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

#[async_trait]
impl TableProvider for Objects {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        self.kind
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // They pick files, row groups and pages; the rows are filtered above.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.pruned(state, filters)?;
        let opening: Vec<_> = files.into_iter().map(|(rank, file)| self.opened(rank, file)).collect();
        let files: Vec<PartitionedFile> =
            stream::iter(opening).buffered(OPENED_AT_ONCE).try_collect().await?;
        if files.is_empty() {
            let schema = self.schema();
            let schema =
                projection.map_or(Ok(Arc::clone(&schema)), |kept| schema.project(kept).map(Arc::new))?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(OpenObjects));
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let (groups, statistics) =
            datafusion_datasource::compute_all_files_statistics(groups, self.schema(), true, false)?;
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

/// What an object's place says of its rows: the day of a partition is in each of them, those of a raw object are of one hour.
struct Days<'a> {
    objects: &'a Objects,
}

impl Days<'_> {
    fn bounds(&self, column: &Column, newest: bool) -> Option<ArrayRef> {
        match (self.objects.layer, column.name.as_str()) {
            (Layer::Raw, "_timestamp") => {
                let files = self.objects.files.iter().zip(&self.objects.days);
                let instants = files.map(|(file, day)| hour_of(file, *day, newest));
                Some(Arc::new(instants.collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
            }
            (Layer::Raw, _) => None,
            (_, "processing_date") => {
                let days = self.objects.days.iter().map(|day| day.map(|day| day.to_epoch_days()));
                Some(Arc::new(days.collect::<Date32Array>()))
            }
            _ => None,
        }
    }
}

/// The first or the last microsecond of a raw object's hour.
fn hour_of(file: &ObjectMeta, day: Option<NaiveDate>, last: bool) -> Option<i64> {
    let hour = file.key.as_str().split('/').find_map(|part| part.strip_prefix("hour="))?;
    let first = day?.and_hms_opt(hour.parse().ok()?, 0, 0)?.and_utc().timestamp_micros();
    Some(if last { first + 3_600_000_000 - 1 } else { first })
}

impl PruningStatistics for Days<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, false)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, true)
    }

    fn num_containers(&self) -> usize {
        self.objects.files.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(
        &self,
        _column: &Column,
        _values: &std::collections::HashSet<ScalarValue>,
    ) -> Option<BooleanArray> {
        None
    }
}
