//! dim_user_demographics: a slowly changing dimension of type 2. A day's partition holds the users who are new or
//! whose attributes changed; nobody is removed, and what earlier partitions say is never rewritten.

mod attributes;
mod latest;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use millrace_tables::ages;
use millrace_tables::analytics::DIM_USER_DEMOGRAPHICS;

pub use attributes::{read_columns_of_users, read_columns_of_versions};

use self::attributes::Attributes;
use self::latest::LatestVersions;
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::partition::Partition;

/// The table's schema as it is encoded: texts that repeat stay dictionaries, which are plain texts in the file.
pub fn file_schema() -> SchemaRef {
    let schema = DIM_USER_DEMOGRAPHICS.arrow_schema();
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 if field.name() != "user_id" => {
            let repeating = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            field.as_ref().clone().with_data_type(repeating)
        }
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
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
            _ => LatestVersions::of(earlier, id_range(users, row_groups.clone())?.as_ref())?,
        };
        for batch in users.read(&columns, row_groups.collect())? {
            let rows = changed(&batch?, &latest, run)
                .map_err(|source| JobError::Table { table: DIM_USER_DEMOGRAPHICS.name, source })?;
            if rows.num_rows() > 0 {
                put(rows)?;
            }
        }
    }
    Ok(())
}

/// The rows of a batch of users that are new versions, as the table has them.
fn changed(
    users: &RecordBatch,
    latest: &LatestVersions,
    run: &RunContext,
) -> Result<RecordBatch, ArrowError> {
    let attributes = Attributes::of_users(users)?;
    let ids = attributes.ids();
    let fingerprints = if latest.is_empty() { Vec::new() } else { attributes.fingerprints() };
    let is_new = |row: usize| {
        ids.is_valid(row) && (latest.is_empty() || latest.get(ids.value(row)) != Some(fingerprints[row]))
    };
    let mask: BooleanArray = (0..users.num_rows()).map(|row| Some(is_new(row))).collect();
    let rows = mask.true_count();
    let kept = |column: &ArrayRef| -> Result<ArrayRef, ArrowError> {
        if rows == mask.len() { Ok(Arc::clone(column)) } else { arrow_select::filter::filter(column, &mask) }
    };
    let instant =
        || Arc::new(TimestampMicrosecondArray::from_value(run.started_at.get(), rows).with_timezone("UTC"));
    let of = |name: &str| kept(attributes.column(name));
    let columns: Vec<ArrayRef> = vec![
        of("id")?,
        of("age_group")?,
        of("generation")?,
        of("gender")?,
        of("country")?,
        of("city")?,
        of("email_provider_type")?,
        of("account_tenure_category")?,
        of("data_quality_score")?,
        Arc::new(Date32Array::from_value(ages::days(run.as_of), rows)),
        of("demographic_score")?,
        of("target_segment")?,
        instant(),
        instant(),
        Arc::new(BooleanArray::from(vec![true; rows])),
    ];
    RecordBatch::try_new(file_schema(), columns)
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
