//! The rows of the next state, encoded while the run goes through them.

use polars::prelude::*;

use crate::job_error::JobError;
use crate::raw_transformation::pass_output::PassOutput;
use crate::raw_transformation::raw_columns;
use crate::raw_transformation::table_writer::TableWriter;

/// Sends the rows it is given to the output as one Parquet file; does nothing where no state is to be kept.
#[derive(Debug)]
pub(in crate::raw_transformation) struct KeptRows(Option<TableWriter>);

impl KeptRows {
    pub(in crate::raw_transformation) fn new(keep: bool) -> Result<Self, JobError> {
        let writer = keep.then(|| TableWriter::internal(&raw_columns::read())).transpose();
        Ok(Self(writer.map_err(failed())?))
    }

    /// Keeps `rows`, of [`raw_columns::read`].
    pub(in crate::raw_transformation) fn add(
        &mut self,
        rows: DataFrame,
        output: &PassOutput,
    ) -> Result<(), JobError> {
        let Some(writer) = &mut self.0 else { return Ok(()) };
        output.state(writer.append(rows).map_err(failed())?)
    }

    /// Ends the file; answers its rows.
    pub(in crate::raw_transformation) fn finish(self, output: &PassOutput) -> Result<u64, JobError> {
        let Some(writer) = self.0 else { return Ok(0) };
        let (bytes, rows) = writer.finish().map_err(failed())?;
        output.state(bytes)?;
        Ok(rows)
    }
}

fn failed() -> impl FnOnce(PolarsError) -> JobError {
    JobError::engine("encode the job's state")
}
