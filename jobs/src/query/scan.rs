//! A table of the lake as a lazy frame.

use polars::prelude::{
    CastColumnsPolicy, DataFrame, DataType, DslBuilder, Expr, ExtraColumnsPolicy, HiveOptions, IntoLazy,
    LazyFrame, MissingColumnsPolicy, ParquetOptions, PlSmallStr, PolarsResult, Schema, SchemaRef, TimeUnit,
    UnifiedScanArgs, UnionArgs, UniqueKeepStrategy, by_name, col, concat,
};

use super::open_files::OpenFiles;
use super::overlap::overlaps;
use super::{DataFile, LakeTable};
use millrace_lake::layout::Layer;
use millrace_tables::table_catalogue::SOURCE_POSITION;

/// The table's rows; of a raw table each source position once.
pub(super) fn scan_table(table: &LakeTable, open: &OpenFiles) -> PolarsResult<LazyFrame> {
    let rows = if table.files.is_empty() {
        DataFrame::empty_with_schema(&table.schema).lazy()
    } else if table.layer == Layer::Raw {
        scan_raw(&table.files, open, &table.schema)?
    } else {
        scan_files(table.files.iter(), open, &table.schema)?
    };
    Ok(rows.with_columns(widened(&table.schema)))
}

fn scan_raw(files: &[DataFile], open: &OpenFiles, schema: &SchemaRef) -> PolarsResult<LazyFrame> {
    let found = overlaps(files);
    let mut parts = Vec::with_capacity(found.groups.len() + 1);
    if !found.disjoint.is_empty() {
        parts.push(scan_files(found.disjoint.into_iter(), open, schema)?);
    }
    for group in found.groups {
        let position = by_name(SOURCE_POSITION, true, false);
        // The first in order of names: which of two equal records is kept must not change from query to query.
        let rows = scan_files(group.into_iter(), open, schema)?;
        parts.push(rows.unique_stable(Some(position), UniqueKeepStrategy::First));
    }
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    concat(parts, UnionArgs::default())
}

/// Scans by the stated schema: a missing column is null, an extra one is ignored, a wrong type fails.
fn scan_files<'a>(
    files: impl Iterator<Item = &'a DataFile> + Clone,
    open: &OpenFiles,
    schema: &SchemaRef,
) -> PolarsResult<LazyFrame> {
    let options = ParquetOptions { schema: Some(schema.clone()), ..ParquetOptions::default() };
    let arguments = UnifiedScanArgs {
        // A path with `*` or `[` in it is a path.
        glob: false,
        // The folder's processing_date and date are columns in the files already.
        hive_options: HiveOptions::new_disabled(),
        missing_columns_policy: MissingColumnsPolicy::Insert,
        extra_columns_policy: ExtraColumnsPolicy::Ignore,
        cast_columns_policy: CastColumnsPolicy::ERROR_ON_MISMATCH,
        ..UnifiedScanArgs::default()
    };
    Ok(DslBuilder::scan_parquet(open.sources(files)?, options, arguments)?.build().into())
}

/// The types queries reckon in: timestamps without a zone, because Polars' SQL has no literal with one and refuses to
/// compare the kinds; integers of 64 bits, because its sums and products of 32 bits wrap around unseen.
fn widened(schema: &Schema) -> Vec<Expr> {
    let cast = schema.iter().filter_map(|(name, dtype)| match dtype {
        DataType::Datetime(_, Some(_)) => {
            Some(col(name.clone()).cast(DataType::Datetime(TimeUnit::Microseconds, None)))
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 => Some(col(name.clone()).cast(DataType::Int64)),
        _ => None,
    });
    cast.collect()
}

/// Every timestamp of an answer carries UTC again.
pub(super) fn with_zone(frame: LazyFrame, schema: &Schema) -> LazyFrame {
    let naive = schema.iter().filter_map(|(name, dtype)| match dtype {
        DataType::Datetime(unit, None) => Some((name.clone(), *unit)),
        _ => None,
    });
    let zoned: Vec<Expr> = naive
        .map(|(name, unit): (PlSmallStr, TimeUnit)| {
            col(name).cast(DataType::Datetime(unit, Some(polars::prelude::TimeZone::UTC)))
        })
        .collect();
    if zoned.is_empty() { frame } else { frame.with_columns(zoned) }
}
