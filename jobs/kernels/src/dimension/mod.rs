//! dim_user_demographics: a slowly changing dimension of type 2. A day's rows are the users who are new or whose attributes changed;
//! nobody is removed, and what earlier days say is never rewritten.

mod attributes;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BooleanArray, Date32Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{DataType, Schema, SchemaRef};
use foldhash::fast::FixedState;
use millrace_tables::analytics::DIM_USER_DEMOGRAPHICS;
use millrace_tables::{RunContext, ages};
use xxhash_rust::xxh3::xxh3_128;

pub use self::attributes::TEXTS;
use self::attributes::{Attributes, repeating};
use crate::kernel_error::KernelError;

/// The attributes of users' latest versions: 128 bits of hash over them by as many of the id, about 50 bytes a user. Two of a billion
/// ids share theirs with a chance below 10^-20.
#[derive(Debug, Default)]
pub struct LatestVersions(HashMap<u128, u128, FixedState>);

impl LatestVersions {
    /// Takes in rows of the table of which `of_interest` says so of their id. What is added later holds: batches come in the order of
    /// their days.
    ///
    /// # Errors
    /// A column is of another type than the table's; texts may be dictionaries.
    pub fn add(
        &mut self,
        versions: &RecordBatch,
        of_interest: impl Fn(&str) -> bool,
    ) -> Result<(), KernelError> {
        let versions = Attributes::of_versions(versions)?;
        let (ids, fingerprints) = (versions.ids(), versions.fingerprints()?);
        for (row, fingerprint) in fingerprints.into_iter().enumerate() {
            if let Some(id) = ids.at(row).filter(|id| of_interest(id)) {
                self.0.insert(xxh3_128(id.as_bytes()), fingerprint);
            }
        }
        Ok(())
    }

    /// Whether nobody has a version.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, id: &str) -> Option<u128> {
        self.0.get(&xxh3_128(id.as_bytes())).copied()
    }
}

/// Of a batch of users those with an id who are new or have changed since `latest`, as the table's rows of the day, in the order of the
/// batch: sorted users give sorted versions.
///
/// Texts that repeat are dictionaries in it, as [`file_schema`] says; [`plain`] unfolds them.
///
/// # Errors
/// A column is of another type than users_transformed's; texts may be dictionaries.
pub fn changed(
    users: &RecordBatch,
    latest: &LatestVersions,
    run: &RunContext,
) -> Result<RecordBatch, KernelError> {
    let attributes = Attributes::of_users(users)?;
    let ids = attributes.ids();
    let fingerprints = if latest.is_empty() { Vec::new() } else { attributes.fingerprints()? };
    let is_new = |row: usize| {
        ids.at(row).is_some_and(|id| latest.is_empty() || latest.get(id) != Some(fingerprints[row]))
    };
    let mask: BooleanArray = (0..users.num_rows()).map(|row| Some(is_new(row))).collect();
    let rows = mask.true_count();
    let kept = |column: ArrayRef| -> Result<ArrayRef, KernelError> {
        if rows == mask.len() { Ok(column) } else { Ok(arrow_select::filter::filter(&column, &mask)?) }
    };
    let instant = || -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_value(run.started_at.get(), rows).with_timezone("UTC"))
    };
    let mut columns = attributes.as_given().map(kept).collect::<Result<Vec<_>, _>>()?;
    columns.push(Arc::new(Date32Array::from_value(ages::days(run.as_of), rows)));
    for column in attributes.computed() {
        columns.push(kept(column)?);
    }
    columns.extend([instant(), instant(), Arc::new(BooleanArray::from(vec![true; rows]))]);
    Ok(RecordBatch::try_new(file_schema(), columns)?)
}

/// The table's schema as it is encoded: texts that repeat stay dictionaries, which are plain texts in the file.
pub fn file_schema() -> SchemaRef {
    let schema = DIM_USER_DEMOGRAPHICS.arrow_schema();
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 if field.name() != "user_id" => field.as_ref().clone().with_data_type(repeating()),
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Rows of [`changed`] with plain texts, for engines that take no dictionaries.
///
/// # Errors
/// `versions` are other rows.
pub fn plain(versions: &RecordBatch) -> Result<RecordBatch, KernelError> {
    let columns = versions.columns().iter().map(|column| match column.as_dictionary_opt::<Int32Type>() {
        Some(texts) => arrow_select::take::take(texts.values(), texts.keys(), None),
        None => Ok(Arc::clone(column)),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(DIM_USER_DEMOGRAPHICS.arrow_schema(), columns)?)
}
