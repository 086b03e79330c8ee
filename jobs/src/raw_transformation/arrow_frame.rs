//! Where rows cross between Polars and Arrow. Texts are read where Polars holds them, and the bytes of those that kernels made come back in one
//! piece a column. Polars checks them once more, so that none of it is `unsafe`.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use millrace_kernels::KernelError;
use millrace_kernels::users_transformed::{RawTexts, TextColumn};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType as PolarsType, Float64Chunked, Int32Chunked, Int64Chunked,
    IntoColumn, ListBuilderTrait, ListStringChunkedBuilder, PlSmallStr, PolarsResult, Series, StringChunked,
    polars_bail, polars_err,
};
use polars_arrow::array::Utf8Array;
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::ArrowDataType;
use polars_arrow::offset::OffsetsBuffer;

use crate::polars_schema::timestamp;

/// The texts of a frame, each column of which is in one piece.
pub(super) struct FrameTexts<'a>(pub(super) &'a DataFrame);

impl RawTexts for FrameTexts<'_> {
    type Column<'a>
        = FrameText<'a>
    where
        Self: 'a;

    fn column(&self, name: &'static str) -> Result<Option<FrameText<'_>>, KernelError> {
        let Ok(column) = self.0.column(name) else { return Ok(None) };
        let texts = column.str().map_err(|error| {
            // Schemas were looked at when the rows were read.
            KernelError::Table(ArrowError::SchemaError(error.to_string()))
        })?;
        Ok(Some(FrameText(texts)))
    }
}

/// One of them.
pub(super) struct FrameText<'a>(&'a StringChunked);

impl TextColumn for FrameText<'_> {
    fn at(&self, row: usize) -> Option<&str> {
        self.0.get(row)
    }
}

/// Columns of a frame as Arrow has them; texts are copied.
pub(super) fn batch_of<'a>(
    rows: &DataFrame,
    names: impl IntoIterator<Item = &'a str>,
) -> PolarsResult<RecordBatch> {
    let columns = names.into_iter().map(|name| Ok((name, array(rows.column(name)?)?, true)));
    let columns = columns.collect::<PolarsResult<Vec<_>>>()?;
    RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| polars_err!(ComputeError: "{error}"))
}

fn array(column: &Column) -> PolarsResult<ArrayRef> {
    Ok(match column.dtype() {
        PolarsType::String => Arc::new(column.str()?.iter().collect::<StringArray>()),
        PolarsType::Boolean => Arc::new(column.bool()?.iter().collect::<BooleanArray>()),
        PolarsType::Float64 => Arc::new(column.f64()?.iter().collect::<Float64Array>()),
        PolarsType::Int32 => Arc::new(column.i32()?.iter().collect::<Int32Array>()),
        PolarsType::Int64 => Arc::new(column.i64()?.iter().collect::<Int64Array>()),
        PolarsType::Datetime(_, _) => {
            let instants = column.datetime()?.physical().iter().collect::<TimestampMicrosecondArray>();
            Arc::new(instants.with_timezone("UTC"))
        }
        other => polars_bail!(SchemaMismatch: "{} is {other}", column.name()),
    })
}

/// Rows of a table as a frame.
pub(super) fn frame_of(rows: &RecordBatch) -> PolarsResult<DataFrame> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let columns = columns.map(|(field, values)| column(field.name().as_str().into(), values));
    DataFrame::new(rows.num_rows(), columns.collect::<PolarsResult<Vec<_>>>()?)
}

fn column(name: PlSmallStr, values: &ArrayRef) -> PolarsResult<Column> {
    Ok(match values.data_type() {
        DataType::Utf8 => texts(name, values.as_string())?.into_column(),
        DataType::List(_) => lists(name, values.as_list()),
        DataType::Boolean => {
            let flags: BooleanChunked = values.as_boolean().iter().collect();
            flags.with_name(name).into_column()
        }
        DataType::Float64 => {
            let numbers: Float64Chunked = values.as_primitive::<Float64Type>().iter().collect();
            numbers.with_name(name).into_column()
        }
        DataType::Int64 => {
            let numbers: Int64Chunked = values.as_primitive::<Int64Type>().iter().collect();
            numbers.with_name(name).into_column()
        }
        DataType::Int32 => {
            let numbers: Int32Chunked = values.as_primitive::<Int32Type>().iter().collect();
            numbers.with_name(name).into_column()
        }
        DataType::Date32 => {
            let days: Int32Chunked = values.as_primitive::<Date32Type>().iter().collect();
            days.with_name(name).into_date().into_column()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let instants = values.as_primitive::<TimestampMicrosecondType>().iter();
            let instants: Int64Chunked = instants.collect();
            instants.with_name(name).into_column().cast(&timestamp())?
        }
        // No table has another; a test holds that of polars_schema.
        other => polars_bail!(SchemaMismatch: "{name} is {other}"),
    })
}

fn texts(name: PlSmallStr, texts: &StringArray) -> PolarsResult<Series> {
    let offsets: Vec<i32> = texts.offsets().to_vec();
    let values = texts.values().to_vec();
    let nulls = texts.nulls().map(|nulls| nulls.iter().collect::<Bitmap>());
    let texts = Utf8Array::<i32>::try_new(
        ArrowDataType::Utf8,
        OffsetsBuffer::try_from(offsets)?,
        values.into(),
        nulls,
    )?;
    Series::try_from((name, Box::new(texts) as polars_arrow::array::ArrayRef))
}

fn lists(name: PlSmallStr, lists: &ListArray) -> Column {
    let mut built = ListStringChunkedBuilder::new(name, lists.len(), lists.values().len());
    let texts = lists.values().as_string::<i32>();
    for ends in lists.offsets().windows(2) {
        built.append_values_iter((ends[0] as usize..ends[1] as usize).map(|at| texts.value(at)));
    }
    built.finish().into_column()
}
