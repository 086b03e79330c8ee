//! From raw rows to users_transformed: the kernels over Polars' frames.

use millrace_kernels::counts::{Job, Partial};
use millrace_kernels::{clean, users_transformed};
use millrace_tables::curated::USERS_TRANSFORMED;
use polars::prelude::*;
use rayon::prelude::*;

use super::arrow_frame::{FrameTexts, batch_of, frame_of};
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::polars_schema::polars_schema;

/// Rows that one processor transforms at once: its columns stay within the processor's cache.
const AT_ONCE: usize = 8192;

/// What is no text of what kernels read of raw rows.
const NUMBERS: [&str; 6] = ["latitude", "longitude", "dob", "registered_at", "_partition", "_offset"];

/// The raw rows as they compete: an id of blanks is no id.
pub fn with_ids(raw: LazyFrame) -> LazyFrame {
    raw.with_column(col("user_id").map(
        |column| {
            let ids = column.str()?;
            let out: StringChunked = ids.iter().map(|id| id.and_then(clean::id)).collect();
            Ok(out.with_name(ids.name().clone()).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::String)),
    ))
}

/// Rows of users_transformed as the table's file takes them, and what was counted of them.
pub(super) struct Users {
    pub(super) rows: DataFrame,
    pub(super) counts: Partial,
}

/// Each raw row as the table's row, in their order, by all processors.
pub(super) fn transformed(mut raw: DataFrame, run: &RunContext) -> Result<Users, JobError> {
    let failed = || JobError::engine("transform users");
    // A text of a column in one piece is found at once.
    raw.rechunk_mut();
    let starts: Vec<usize> = (0..raw.height().max(1)).step_by(AT_ONCE).collect();
    let parts = starts.into_par_iter().map(|start| {
        let raw = raw.slice(start as i64, AT_ONCE);
        let numbers = batch_of(&raw, NUMBERS).map_err(failed())?;
        let users = users_transformed::transform_texts(&FrameTexts(&raw), &numbers, run)?;
        let counts = Partial::of(Job::RawTransformation, &users)?;
        Ok((frame_of(&users).map_err(failed())?, counts))
    });
    let parts: Vec<(DataFrame, Partial)> = parts.collect::<Result<_, JobError>>()?;
    let mut users = Users {
        rows: DataFrame::empty_with_schema(&users_transformed_schema()),
        counts: Partial::new(Job::RawTransformation)?,
    };
    for (rows, counts) in parts {
        users.rows.vstack_mut_owned(rows).map_err(failed())?;
        users.counts.merge(counts)?;
    }
    Ok(users)
}

/// users_transformed: names, types and order of its columns.
pub fn users_transformed_schema() -> SchemaRef {
    polars_schema(&USERS_TRANSFORMED.arrow_schema())
}
