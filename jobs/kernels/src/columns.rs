//! The columns of a batch by name and type, however Arrow lays them out.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Int32Array, LargeStringArray, PrimitiveArray, RecordBatch,
    StringArray, StringViewArray,
};
use arrow_schema::DataType;

use crate::kernel_error::KernelError;

/// A column of texts. Engines differ in how they hold them: Spark sends plain ones, Polars has views.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    Plain(&'a StringArray),
    Large(&'a LargeStringArray),
    Views(&'a StringViewArray),
    /// A dictionary: the value of each row, and the values.
    Repeating(&'a Int32Array, &'a StringArray),
    /// The batch lacks the column: absent in every row.
    Absent,
}

impl<'a> Texts<'a> {
    /// The column `name`.
    pub(crate) fn of(rows: &'a RecordBatch, name: &'static str) -> Result<Self, KernelError> {
        let Some(column) = rows.column_by_name(name) else { return Ok(Self::Absent) };
        Self::of_array(column).ok_or_else(|| wrong_type(name, column, "text"))
    }

    /// The texts of an array; `None` where it holds something else.
    pub(crate) fn of_array(column: &'a ArrayRef) -> Option<Self> {
        match column.data_type() {
            DataType::Utf8 => column.as_string_opt().map(Self::Plain),
            DataType::LargeUtf8 => column.as_string_opt().map(Self::Large),
            DataType::Utf8View => column.as_string_view_opt().map(Self::Views),
            _ => {
                let dictionary = column.as_dictionary_opt::<Int32Type>()?;
                Some(Self::Repeating(dictionary.keys(), dictionary.values().as_string_opt()?))
            }
        }
    }

    /// The text of a row.
    ///
    /// # Panics
    /// The column has no such row.
    pub(crate) fn at(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Large(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Views(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Repeating(keys, values) => {
                let value = keys.is_valid(row).then(|| keys.value(row) as usize)?;
                values.is_valid(value).then(|| values.value(value))
            }
            Self::Absent => None,
        }
    }
}

pub(crate) fn wrong_type(column: &'static str, found: &ArrayRef, expected: &'static str) -> KernelError {
    KernelError::ColumnType { column, found: found.data_type().clone(), expected }
}

/// What a column of numbers is called in errors.
pub(crate) trait Named: ArrowPrimitiveType {
    const NAME: &'static str;
}

impl Named for Float64Type {
    const NAME: &'static str = "float64";
}

impl Named for Int32Type {
    const NAME: &'static str = "int32";
}

impl Named for Int64Type {
    const NAME: &'static str = "int64";
}

impl Named for TimestampMicrosecondType {
    const NAME: &'static str = "timestamp in microseconds";
}

/// A column of numbers or instants; `None` where the batch lacks it.
pub(crate) fn numbers<'a, T: Named>(
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<Option<&'a PrimitiveArray<T>>, KernelError> {
    let Some(column) = rows.column_by_name(name) else { return Ok(None) };
    column.as_primitive_opt().map(Some).ok_or_else(|| wrong_type(name, column, T::NAME))
}
