//! dim_user_demographics of a lake: the day's users beside the versions of the table's earlier partitions.

mod latest;

use std::collections::BTreeSet;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use millrace_kernels::dimension::{LatestVersions, TEXTS, changed};

pub use self::latest::read_columns_of_versions;
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::partition::{Partition, ReadColumn};

/// What is read of users_transformed.
pub fn read_columns_of_users() -> Vec<ReadColumn> {
    let mut columns = vec![ReadColumn::of("id", DataType::Utf8)];
    columns.extend(TEXTS.map(ReadColumn::repeating));
    columns.push(ReadColumn::of("data_quality_score", DataType::Float64));
    columns
}

/// Row groups of users that are compared with earlier versions at once: their versions are held in memory, about 50
/// bytes a user.
const ROW_GROUPS_AT_ONCE: usize = 8;

/// Gives the day's rows, in order, to `put`: users of `users` with an id who are not in `earlier` (the table's earlier
/// partitions, in the order of their days) as they are now.
pub fn versions(
    users: &Partition,
    earlier: &[Partition],
    run: &RunContext,
    put: &mut dyn FnMut(RecordBatch) -> Result<(), JobError>,
) -> Result<(), JobError> {
    let columns: BTreeSet<&str> = read_columns_of_users().iter().map(|column| column.name).collect();
    for start in (0..users.row_groups()).step_by(ROW_GROUPS_AT_ONCE) {
        let row_groups = start..users.row_groups().min(start + ROW_GROUPS_AT_ONCE);
        let latest = match earlier {
            [] => LatestVersions::default(),
            _ => latest::of(earlier, id_range(users, row_groups.clone())?.as_ref())?,
        };
        for batch in users.read(&columns, row_groups.collect())? {
            let rows = changed(&batch?, &latest, run)?;
            if rows.num_rows() > 0 {
                put(rows)?;
            }
        }
    }
    Ok(())
}

/// The least and the greatest id of some row groups of users, which are sorted by id; nothing where none has one.
fn id_range(users: &Partition, row_groups: Range<usize>) -> Result<Option<(String, String)>, JobError> {
    let mut range: Option<(String, String)> = None;
    for batch in users.read(&BTreeSet::from(["id"]), row_groups.collect())? {
        let batch = batch?;
        let Some(ids) = batch.column_by_name("id") else { return Ok(None) };
        let ids: &StringArray = ids.as_string();
        // No id sorts first, and a batch is sorted.
        if ids.null_count() == ids.len() {
            continue;
        }
        let (first, last) = (ids.value(ids.null_count()), ids.value(ids.len() - 1));
        match &mut range {
            Some((_, greatest)) => *greatest = last.to_owned(),
            None => range = Some((first.to_owned(), last.to_owned())),
        }
    }
    Ok(range)
}
