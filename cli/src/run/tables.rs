//! What the jobs of a run made.

use millrace_jobs::job_settings::RunContext;
use millrace_jobs::raw_transformation::JobReport;
use millrace_jobs::run_record::TableReport;

use crate::job::Done;

/// What the jobs of a run made.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) run: RunContext,
    pub(crate) jobs: Vec<Done>,
}

impl Tables {
    /// What raw-transformation did; it is the first.
    pub(crate) fn raw(&self) -> Option<&JobReport> {
        self.jobs.iter().find_map(|done| done.raw.as_ref())
    }

    pub(crate) fn reports(&self) -> impl Iterator<Item = &TableReport> {
        self.jobs.iter().flat_map(|done| &done.tables)
    }

    /// Whether all of them are this run's.
    pub(crate) fn published(&self) -> bool {
        self.jobs.iter().all(|done| done.published)
    }
}
