//! Counts aggregates over users on this machine: threads over the row groups of a partition, their partials merged.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_schema::DataType;
use millrace_kernels::counts::{Job, Partial};
use millrace_tables::aggregate::Text;

use crate::job_error::JobError;
use crate::partition::{Partition, ReadColumn};

/// How the engine works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineSettings {
    pub(crate) threads: NonZeroUsize,
}

impl Default for EngineSettings {
    /// As many threads as there are processors for this process.
    fn default() -> Self {
        Self { threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN) }
    }
}

/// The job's counts of all users of the file. `rows_read` is told of rows as they are done, from any thread.
pub(crate) fn count(
    users: &Partition,
    job: Job,
    settings: EngineSettings,
    rows_read: &(dyn Fn(u64) + Sync),
) -> Result<Partial, JobError> {
    let columns: BTreeSet<&str> = job.columns()?.collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Partial, JobError> {
        let mut partial = Partial::new(job)?;
        loop {
            let row_group = next.fetch_add(1, Ordering::Relaxed);
            if row_group >= users.row_groups() {
                return Ok(partial);
            }
            for batch in users.read(&columns, vec![row_group])? {
                let batch = batch?;
                partial.add(&batch)?;
                rows_read(batch.num_rows() as u64);
            }
        }
    };
    let threads = settings.threads.get().min(users.row_groups().max(1));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut whole: Option<Partial> = None;
        for worker in workers {
            let part = worker.join().map_err(|_| JobError::Worker { reason: "it panicked".into() })??;
            match &mut whole {
                Some(whole) => whole.merge(part)?,
                None => whole = Some(part),
            }
        }
        Ok(whole.map_or_else(|| Partial::new(job), Ok)?)
    })
}

/// Every column of users_transformed that can be counted.
pub(crate) fn read_columns() -> Vec<ReadColumn> {
    let mut columns: Vec<_> = Text::ALL.iter().map(|text| ReadColumn::repeating(text.column())).collect();
    columns.extend([
        ReadColumn::of("id", DataType::Utf8),
        ReadColumn::of("username", DataType::Utf8),
        ReadColumn::of("age_years", DataType::Int32),
        ReadColumn::of("account_age_days", DataType::Int32),
        ReadColumn::of("birth_date", DataType::Date32),
        ReadColumn::of("registration_date", DataType::Date32),
        ReadColumn::of("data_quality_score", DataType::Float64),
        ReadColumn::of("email_valid", DataType::Boolean),
        ReadColumn::of("phone_valid", DataType::Boolean),
    ]);
    columns
}
