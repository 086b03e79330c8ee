//! The latest version of each user of a range of ids, of all earlier partitions.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::{Array, StringArray};
use arrow_schema::DataType;
use millrace_kernels::dimension::{LatestVersions, TEXTS};
use millrace_tables::analytics::DIM_USER_DEMOGRAPHICS;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use crate::job_error::JobError;
use crate::partition::{Partition, ReadColumn};

/// What is read of the table's earlier partitions.
pub fn read_columns_of_versions() -> Vec<ReadColumn> {
    let mut columns = vec![ReadColumn::of("user_id", DataType::Utf8)];
    columns.extend(TEXTS.map(ReadColumn::repeating));
    columns.push(ReadColumn::of("data_quality_score", DataType::Float64));
    columns.push(ReadColumn::of("demographic_score", DataType::Float64));
    columns.push(ReadColumn::repeating("target_segment"));
    columns
}

/// Of `partitions`, in the order of their days: what a later one says holds.
pub(super) fn of(
    partitions: &[Partition],
    ids: Option<&(String, String)>,
) -> Result<LatestVersions, JobError> {
    let mut latest = LatestVersions::default();
    let Some((least, greatest)) = ids else { return Ok(latest) };
    let columns: BTreeSet<&str> = read_columns_of_versions().iter().map(|column| column.name).collect();
    for partition in partitions {
        for batch in partition.read(&columns, row_groups_with(partition, least, greatest))? {
            latest.add(&batch?, |id| (least.as_str()..=greatest.as_str()).contains(&id))?;
        }
    }
    Ok(latest)
}

/// Which row groups of a partition of the table may hold ids of a range, as their statistics tell.
fn row_groups_with(versions: &Partition, least: &str, greatest: &str) -> Vec<usize> {
    let all = || (0..versions.row_groups()).collect();
    let footer = versions.footer();
    let schema = DIM_USER_DEMOGRAPHICS.arrow_schema();
    let Ok(converter) =
        StatisticsConverter::try_new("user_id", &schema, footer.file_metadata().schema_descr())
    else {
        return all();
    };
    let bounds = converter
        .row_group_mins(footer.row_groups())
        .and_then(|mins| Ok((mins, converter.row_group_maxes(footer.row_groups())?)));
    let Ok((mins, maxes)) = bounds else { return all() };
    let (mins, maxes): (&StringArray, &StringArray) = (mins.as_string(), maxes.as_string());
    (0..versions.row_groups())
        .filter(|at| {
            let below = maxes.is_valid(*at) && maxes.value(*at) < least;
            let above = mins.is_valid(*at) && mins.value(*at) > greatest;
            !below && !above
        })
        .collect()
}
