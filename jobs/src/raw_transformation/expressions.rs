//! Plain Rust rules as Polars expressions.

use polars::prelude::*;

/// `rule` over the present texts of `column`; absent stays absent.
pub(super) fn text<R, O>(column: Expr, rule: R) -> Expr
where
    R: for<'a> Fn(&'a str) -> Option<O> + Send + Sync + 'static,
    O: AsRef<str>,
{
    column.map(
        move |column| {
            let values = column.str()?;
            let out = values.iter().map(|value| value.and_then(&rule));
            Ok(StringChunked::from_iter_options(values.name().clone(), out).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::String)),
    )
}

/// [`text`] for rules that answer a part of what they are given.
pub(super) fn part_of_text(column: Expr, rule: fn(&str) -> Option<&str>) -> Expr {
    column.map(
        move |column| {
            let values = column.str()?;
            let out: StringChunked = values.iter().map(|value| value.and_then(rule)).collect();
            Ok(out.with_name(values.name().clone()).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::String)),
    )
}

/// One text of several, row by row.
pub(super) fn texts<const N: usize, R, O>(columns: [&'static str; N], rule: R) -> Expr
where
    R: for<'a> Fn([Option<&'a str>; N]) -> Option<O> + Send + Sync + 'static,
    O: AsRef<str>,
{
    map_multiple(
        move |columns| {
            let columns = columns.iter().map(Column::str).collect::<PolarsResult<Vec<_>>>()?;
            let rows = columns.first().map_or(0, |column| column.len());
            let out = (0..rows).map(|row| rule(std::array::from_fn(|at| columns[at].get(row))));
            Ok(StringChunked::from_iter_options(columns[0].name().clone(), out).into_column())
        },
        columns.map(col),
        |_, fields| Ok(Field::new(fields[0].name().clone(), DataType::String)),
    )
}

/// A truth about a text; absent counts as `false`.
pub(super) fn holds(column: &'static str, rule: fn(&str) -> bool) -> Expr {
    col(column).map(
        move |column| {
            let values = column.str()?;
            let out: BooleanChunked = values.iter().map(|value| Some(value.is_some_and(rule))).collect();
            Ok(out.with_name(values.name().clone()).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
    )
}

/// A number's word; the rule names the absent too.
pub(super) fn word(column: Expr, rule: impl Fn(Option<i32>) -> &'static str + Send + Sync + 'static) -> Expr {
    column.map(
        move |column| {
            let values = column.to_physical_repr();
            let out: StringChunked = values.i32()?.iter().map(|value| Some(rule(value))).collect();
            Ok(out.with_name(column.name().clone()).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::String)),
    )
}

/// An integer computed from an i32 or a date.
pub(super) fn integer(column: Expr, rule: impl Fn(i32) -> Option<i32> + Send + Sync + 'static) -> Expr {
    column.map(
        move |column| {
            let values = column.to_physical_repr();
            let out: Int32Chunked = values.i32()?.iter().map(|value| value.and_then(&rule)).collect();
            Ok(out.with_name(column.name().clone()).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Int32)),
    )
}

/// The UTC date of an instant.
pub(super) fn date(column: &'static str, day_of: fn(i64) -> i32) -> Expr {
    col(column).map(
        move |column| {
            let values = column.to_physical_repr();
            let days: Int32Chunked = values.i64()?.iter().map(|value| value.map(day_of)).collect();
            Ok(days.with_name(column.name().clone()).into_date().into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Date)),
    )
}

/// A finite number; NaN and the infinities are absent.
pub(super) fn finite(column: &'static str) -> Expr {
    col(column).map(
        |column| {
            let values = column.f64()?;
            let out: Float64Chunked = values.iter().map(|value| value.filter(|v| v.is_finite())).collect();
            Ok(out.with_name(values.name().clone()).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Float64)),
    )
}
