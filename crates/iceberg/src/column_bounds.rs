//! What a Parquet file's footer tells of its columns: sizes, counts, and the bounds by which readers pass over files.
//!
//! Bounds are values of people's rows, kept in a file of their own that erasure would have to find: columns that hold personal data get none.
//! Source: the Iceberg table specification, "Column metrics" and "Binary single-value serialization".

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use millrace_lake::Key;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;

use crate::failure::IcebergError;
use crate::manifest::DataFile;
use crate::partitioning::{self, PartitionField};
use crate::table_metadata::TableMetadata;
use crate::table_schema::{FieldType, Primitive, TableSchema, field_type, reads_as};
use crate::warehouse::Warehouse;

/// Characters of a text that bounds keep: what other writers keep by default.
const TEXT_LENGTH: usize = 16;
/// A footer's last bytes: its length, and `PAR1`.
const TAIL: u64 = 8;
const MICROS_A_DAY: i64 = 86_400_000_000;

/// The Parquet file at `key` as a data file of the partition `day` of a table with `metadata`. Of its bytes only the footer is read.
/// `personal` names the columns that get no bounds.
///
/// # Errors
/// The file is no whole Parquet file, has a column that the table doesn't have or has otherwise, or rows of another day.
pub async fn measure(
    warehouse: &Warehouse,
    key: &Key,
    metadata: &TableMetadata,
    day: NaiveDate,
    personal: &BTreeSet<String>,
) -> Result<DataFile, IcebergError> {
    let (footer, bytes) = footer(warehouse, key).await?;
    let schema = metadata.schema()?;
    check_columns(key, &footer, schema)?;
    let partition = metadata.spec(metadata.default_spec_id)?.day_field(key.as_str())?;
    let mut file = DataFile {
        location: warehouse.location(key),
        format: "PARQUET".to_owned(),
        day: Some(partitioning::days(day)),
        records: footer.file_metadata().num_rows().max(0),
        bytes: bytes as i64,
        column_sizes: BTreeMap::new(),
        value_counts: BTreeMap::new(),
        null_counts: BTreeMap::new(),
        nan_counts: BTreeMap::new(),
        lower_bounds: BTreeMap::new(),
        upper_bounds: BTreeMap::new(),
        key_metadata: None,
        split_offsets: Some(split_offsets(&footer)),
        sort_order_id: Some(metadata.default_sort_order_id),
    };
    for (at, column) in footer.file_metadata().schema_descr().columns().iter().enumerate() {
        let Some(field) = column.path().parts().first().and_then(|name| schema.field(name)) else { continue };
        let chunks = || footer.row_groups().iter().map(|group| group.column(at));
        let size = chunks().map(|chunk| chunk.compressed_size().max(0)).sum();
        match &field.field_type {
            FieldType::List(list) => {
                file.column_sizes.insert(list.element_id, size);
            }
            FieldType::Primitive(primitive) => {
                file.column_sizes.insert(field.id, size);
                file.value_counts.insert(field.id, chunks().map(|chunk| chunk.num_values().max(0)).sum());
                let nulls = chunks().map(|chunk| chunk.statistics().and_then(Statistics::null_count_opt));
                if let Some(nulls) = nulls.sum::<Option<u64>>() {
                    file.null_counts.insert(field.id, nulls as i64);
                }
                let Some(bounds) =
                    bounds(*primitive, chunks().map(|chunk| (chunk.statistics(), chunk.num_values())))
                else {
                    continue;
                };
                if field.id == partition.source_id {
                    check_day(key, partition, day, &bounds)?;
                }
                if !personal.contains(&field.name) {
                    let (lower, upper) = bounds.stored();
                    file.lower_bounds.extend(lower.map(|lower| (field.id, lower)));
                    file.upper_bounds.extend(upper.map(|upper| (field.id, upper)));
                }
            }
            FieldType::Other(_) => {}
        }
    }
    Ok(file)
}

async fn footer(warehouse: &Warehouse, key: &Key) -> Result<(ParquetMetaData, u64), IcebergError> {
    let damaged = |reason: &str| IcebergError::damaged(key.as_str(), reason);
    let object = warehouse.store().open(key).await?;
    let size = object.size();
    let tail_at = size.checked_sub(TAIL).ok_or_else(|| damaged("it is too short for a Parquet file"))?;
    let tail = object.read(tail_at..size).await?;
    let Some((length, b"PAR1")) = tail.split_first_chunk::<4>() else {
        return Err(damaged("it doesn't end as a Parquet file does"));
    };
    let length = u64::from(u32::from_le_bytes(*length));
    let begin = tail_at.checked_sub(length).ok_or_else(|| damaged("its footer is longer than the file"))?;
    let bytes = object.read(begin..tail_at).await?;
    let footer = ParquetMetaDataReader::decode_metadata(&bytes);
    Ok((footer.map_err(|error| damaged(&error.to_string()))?, size))
}

fn split_offsets(footer: &ParquetMetaData) -> Vec<i64> {
    let begin = |group: &parquet::file::metadata::RowGroupMetaData| {
        let first = group.columns().first()?;
        Some(first.dictionary_page_offset().unwrap_or_else(|| first.data_page_offset()))
    };
    footer.row_groups().iter().filter_map(begin).collect()
}

/// Every column of the file is one of the table's, of a type that reads as the table's.
fn check_columns(key: &Key, footer: &ParquetMetaData, schema: &TableSchema) -> Result<(), IcebergError> {
    let file = footer.file_metadata();
    let found = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
        .map_err(|error| IcebergError::damaged(key.as_str(), error))?;
    for column in found.fields() {
        let refused = |reason: String| IcebergError::Column {
            place: key.to_string(),
            column: column.name().clone(),
            reason,
        };
        let field = schema.field(column.name());
        let field = field
            .ok_or_else(|| refused("the table doesn't have it; add it to the table first".to_owned()))?;
        let has = field_type(column.data_type());
        if !has.is_some_and(|has| reads_as(&has, &field.field_type)) {
            let wanted = serde_json::to_string(&field.field_type).unwrap_or_default();
            let reason = format!("it is {} in the file and {wanted} in the table", column.data_type());
            return Err(refused(reason));
        }
    }
    Ok(())
}

fn check_day(key: &Key, field: &PartitionField, day: NaiveDate, bounds: &Bounds) -> Result<(), IcebergError> {
    let (lower, upper) = match bounds {
        Bounds::Int(lower, upper) => (*lower, *upper),
        Bounds::Long(lower, upper) => {
            let day = |micros: i64| i32::try_from(micros.div_euclid(MICROS_A_DAY)).unwrap_or(i32::MAX);
            (day(*lower), day(*upper))
        }
        _ => return Ok(()),
    };
    let wanted = partitioning::days(day);
    if (lower, upper) == (wanted, wanted) {
        return Ok(());
    }
    let shown = |days: i32| NaiveDate::default() + chrono::Duration::days(i64::from(days));
    let shown =
        |days: i32| if days.unsigned_abs() < 40_000_000 { shown(days).to_string() } else { days.to_string() };
    Err(IcebergError::DataFile {
        file: key.to_string(),
        partition: partitioning::folder(field, day),
        reason: format!(
            "its rows are of {} to {}; give each day's file with its day",
            shown(lower),
            shown(upper)
        ),
    })
}

/// The lowest and highest value of a column.
#[derive(Debug, Clone, PartialEq)]
enum Bounds {
    Boolean(bool, bool),
    Int(i32, i32),
    Long(i64, i64),
    Double(f64, f64),
    Text(Vec<u8>, Vec<u8>),
}

/// Over all row groups; `None` where one that has values doesn't tell.
fn bounds<'f>(of: Primitive, chunks: impl Iterator<Item = (Option<&'f Statistics>, i64)>) -> Option<Bounds> {
    let mut all: Option<Bounds> = None;
    for (statistics, values) in chunks {
        let nulls = statistics.and_then(Statistics::null_count_opt);
        if nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(values)) {
            continue;
        }
        let one = of_group(of, statistics?)?;
        all = Some(match all {
            None => one,
            Some(before) => before.widened(one)?,
        });
    }
    all
}

fn of_group(of: Primitive, statistics: &Statistics) -> Option<Bounds> {
    Some(match (of, statistics) {
        (Primitive::Boolean, Statistics::Boolean(found)) => {
            Bounds::Boolean(*found.min_opt()?, *found.max_opt()?)
        }
        (Primitive::Int | Primitive::Date, Statistics::Int32(found)) => {
            Bounds::Int(*found.min_opt()?, *found.max_opt()?)
        }
        (Primitive::Long, Statistics::Int32(found)) => {
            Bounds::Long(i64::from(*found.min_opt()?), i64::from(*found.max_opt()?))
        }
        (Primitive::Long | Primitive::Timestamptz, Statistics::Int64(found)) => {
            Bounds::Long(*found.min_opt()?, *found.max_opt()?)
        }
        (Primitive::Double, Statistics::Double(found)) => {
            let (lower, upper) = (*found.min_opt()?, *found.max_opt()?);
            if lower.is_nan() || upper.is_nan() {
                return None;
            }
            Bounds::Double(lower, upper)
        }
        // A deprecated order of bytes is not the one that readers compare by.
        (Primitive::String, Statistics::ByteArray(found)) if !statistics.is_min_max_deprecated() => {
            Bounds::Text(found.min_opt()?.data().to_vec(), found.max_opt()?.data().to_vec())
        }
        _ => return None,
    })
}

impl Bounds {
    fn widened(self, by: Self) -> Option<Self> {
        Some(match (self, by) {
            (Self::Boolean(a, b), Self::Boolean(c, d)) => Self::Boolean(a && c, b || d),
            (Self::Int(a, b), Self::Int(c, d)) => Self::Int(a.min(c), b.max(d)),
            (Self::Long(a, b), Self::Long(c, d)) => Self::Long(a.min(c), b.max(d)),
            (Self::Double(a, b), Self::Double(c, d)) => Self::Double(a.min(c), b.max(d)),
            (Self::Text(a, b), Self::Text(c, d)) => Self::Text(a.min(c), b.max(d)),
            _ => return None,
        })
    }

    /// As manifests keep them; a text that can't be told in short has none.
    fn stored(&self) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        match self {
            Self::Boolean(lower, upper) => (Some(vec![u8::from(*lower)]), Some(vec![u8::from(*upper)])),
            Self::Int(lower, upper) => {
                (Some(lower.to_le_bytes().to_vec()), Some(upper.to_le_bytes().to_vec()))
            }
            Self::Long(lower, upper) => {
                (Some(lower.to_le_bytes().to_vec()), Some(upper.to_le_bytes().to_vec()))
            }
            Self::Double(lower, upper) => {
                (Some(lower.to_le_bytes().to_vec()), Some(upper.to_le_bytes().to_vec()))
            }
            Self::Text(lower, upper) => (shortened_down(lower), shortened_up(upper)),
        }
    }
}

/// The beginning of a text: not above it.
fn shortened_down(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    Some(text.chars().take(TEXT_LENGTH).collect::<String>().into_bytes())
}

/// The beginning of a text, made a little larger where it was cut.
fn shortened_up(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut kept: Vec<char> = text.chars().take(TEXT_LENGTH + 1).collect();
    if kept.len() <= TEXT_LENGTH {
        return Some(text.as_bytes().to_vec());
    }
    kept.truncate(TEXT_LENGTH);
    while let Some(last) = kept.pop() {
        // What follows the last character before the surrogates is the first behind them.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            kept.push(next);
            return Some(kept.into_iter().collect::<String>().into_bytes());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_at_the_end_of_all_characters_has_no_upper_bound() {
        let last = "\u{10ffff}".repeat(17);
        assert_eq!(shortened_up(last.as_bytes()), None);
        assert_eq!(shortened_up(format!("a{last}").as_bytes()), Some(b"b".to_vec()));
        assert_eq!(shortened_up("\u{d7ff}".repeat(17).as_bytes()).unwrap().len(), 48);
        assert_eq!((shortened_up(b"\xff"), shortened_down(b"\xff")), (None, None));
    }

    #[test]
    fn a_group_without_statistics_leaves_the_column_without_bounds() {
        let known = Statistics::int32(Some(1), Some(5), None, Some(0), false);
        let empty = Statistics::int32(None, None, None, Some(4), false);
        let both = |with: Option<&'static str>| {
            let mut chunks = vec![(Some(&known), 3), (Some(&empty), 4)];
            chunks.extend(with.map(|_| (None, 2)));
            bounds(Primitive::Int, chunks.into_iter())
        };
        assert_eq!(both(None), Some(Bounds::Int(1, 5)));
        assert_eq!(both(Some("unknown")), None);
    }

    proptest! {
        #[test]
        fn bounds_of_texts_hold_and_are_short(text in "\\PC{0,40}") {
            let (lower, upper) = (shortened_down(text.as_bytes()), shortened_up(text.as_bytes()));
            let lower = String::from_utf8(lower.unwrap()).unwrap();
            prop_assert!(lower <= text && lower.chars().count() <= TEXT_LENGTH);
            if let Some(upper) = upper {
                let upper = String::from_utf8(upper).unwrap();
                prop_assert!(upper >= text && upper.chars().count() <= TEXT_LENGTH);
            }
        }
    }
}
