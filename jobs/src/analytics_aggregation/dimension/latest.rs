//! The latest version of each user of a range of ids, of all earlier partitions.

use std::collections::{BTreeSet, HashMap};

use arrow_array::cast::AsArray;
use arrow_array::{Array, StringArray};
use foldhash::fast::FixedState;
use millrace_tables::analytics::DIM_USER_DEMOGRAPHICS;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use xxhash_rust::xxh3::xxh3_128;

use super::attributes::{Attributes, read_columns_of_versions};
use crate::job_error::JobError;
use crate::partition::Partition;

/// Fingerprints of attributes by a hash of the id: two of a billion ids share theirs with a chance below 10^-20.
#[derive(Debug, Default)]
pub(super) struct LatestVersions(HashMap<u128, u128, FixedState>);

impl LatestVersions {
    /// Of `partitions`, in the order of their days: what a later one says holds.
    pub(super) fn of(partitions: &[Partition], ids: Option<&(String, String)>) -> Result<Self, JobError> {
        let mut latest = Self::default();
        let Some((least, greatest)) = ids else { return Ok(latest) };
        let columns: BTreeSet<&str> = read_columns_of_versions().iter().map(|column| column.name).collect();
        for partition in partitions {
            for batch in partition.read(&columns, row_groups_with(partition, least, greatest))? {
                let versions = Attributes::of_versions(&batch?);
                let (ids, fingerprints) = (versions.ids(), versions.fingerprints());
                for row in (0..ids.len()).filter(|row| ids.is_valid(*row)) {
                    let id = ids.value(row);
                    if (least.as_str()..=greatest.as_str()).contains(&id) {
                        latest.0.insert(xxh3_128(id.as_bytes()), fingerprints[row]);
                    }
                }
            }
        }
        Ok(latest)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, id: &str) -> Option<u128> {
        self.0.get(&xxh3_128(id.as_bytes())).copied()
    }
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
