//! data_quality_summary: one row, counted while users_transformed is written.

use millrace_kernels::counts::{Job, Partial};
use polars::prelude::*;

use super::arrow_frame::{batch_of, frame_of};
use super::table_writer::TableWriter;
use crate::job_error::JobError;
use crate::job_settings::RunContext;

/// What has been counted so far.
#[derive(Debug)]
pub(crate) struct Summary(Partial);

impl Summary {
    /// Of no user.
    pub(crate) fn new() -> Result<Self, JobError> {
        Ok(Self(Partial::new(Job::RawTransformation)?))
    }

    /// Counts rows of users_transformed.
    pub(crate) fn add(&mut self, users: &DataFrame) -> Result<(), JobError> {
        let counted = batch_of(users, Job::RawTransformation.columns()?);
        Ok(self.0.add(&counted.map_err(JobError::engine("count users"))?)?)
    }

    /// Takes in what was counted of other users.
    pub(crate) fn merge(&mut self, counts: Partial) -> Result<(), JobError> {
        Ok(self.0.merge(counts)?)
    }

    /// The table as a Parquet file.
    pub(crate) fn file(&self, run: &RunContext) -> Result<Vec<u8>, JobError> {
        let mut bytes = Vec::new();
        for (spec, rows) in self.0.tables(&[], run)? {
            let failed = || JobError::engine(format!("write {}", spec.name));
            let rows = frame_of(&rows).map_err(failed())?;
            let mut writer = TableWriter::new(rows.schema()).map_err(failed())?;
            bytes.extend(writer.append(rows).map_err(failed())?);
            bytes.extend(writer.finish().map_err(failed())?.0);
        }
        Ok(bytes)
    }
}
