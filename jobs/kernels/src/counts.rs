//! What a job counts of users: partial results of any parts of them, merged in any order, from process to process as bytes; and the
//! tables that are made of the whole.

use std::sync::LazyLock;

use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use millrace_tables::aggregate::{self, columns_of};
use millrace_tables::curated::USERS_TRANSFORMED;
use millrace_tables::job_names::{ANALYTICS_AGGREGATION, RAW_TRANSFORMATION, TIME_SERIES_ANALYSIS};
use millrace_tables::job_plan::{Facts, JobPlan};
use millrace_tables::{PlanError, QualityDay, RunContext, TableSpec, analytics, curated, time_series};

use crate::kernel_error::KernelError;

/// A job, for the tables of counts that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// data_quality_summary.
    RawTransformation,
    /// The tables of the layer analytics, but for dim_user_demographics.
    AnalyticsAggregation,
    /// The tables of the layer timeseries.
    TimeSeriesAnalysis,
}

impl Job {
    /// In the order in which they run.
    pub const ALL: [Self; 3] =
        [Self::RawTransformation, Self::AnalyticsAggregation, Self::TimeSeriesAnalysis];

    /// The job's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RawTransformation => RAW_TRANSFORMATION,
            Self::AnalyticsAggregation => ANALYTICS_AGGREGATION,
            Self::TimeSeriesAnalysis => TIME_SERIES_ANALYSIS,
        }
    }

    fn plan(self) -> Result<&'static JobPlan, PlanError> {
        type Plans = [Result<JobPlan, PlanError>; 3];
        static PLANS: LazyLock<Plans> =
            LazyLock::new(|| [curated::plan(), analytics::plan(), time_series::plan()]);
        PLANS[self as usize].as_ref().map_err(Clone::clone)
    }

    /// The columns of users_transformed that are counted.
    ///
    /// # Errors
    /// The job's plan is none; a test holds that it is one.
    pub fn columns(self) -> Result<impl Iterator<Item = &'static str>, KernelError> {
        Ok(columns_of(self.plan()?.aggregates()).into_iter())
    }
}

/// The counts of a job over a part of the users. What is counted are whole numbers and sets: of any split of the users, merged in any order,
/// comes the same.
#[derive(Debug, Clone)]
pub struct Partial {
    job: Job,
    counted: aggregate::Partial,
}

impl Partial {
    /// Of no user.
    ///
    /// # Errors
    /// The job's plan is none; a test holds that it is one.
    pub fn new(job: Job) -> Result<Self, KernelError> {
        Ok(Self { job, counted: aggregate::Partial::new(job.plan()?.aggregates()) })
    }

    /// Of the users of a batch.
    ///
    /// # Errors
    /// See [`Self::add`].
    pub fn of(job: Job, users: &RecordBatch) -> Result<Self, KernelError> {
        let mut partial = Self::new(job)?;
        partial.add(users)?;
        Ok(partial)
    }

    /// Counts further users: rows of users_transformed, of which [`Job::columns`] are looked at. A column that the batch lacks is absent
    /// in every row. Texts that repeat may be dictionaries.
    ///
    /// # Errors
    /// A column is of another type than users_transformed's. Nothing is counted then.
    pub fn add(&mut self, users: &RecordBatch) -> Result<(), KernelError> {
        for column in self.job.columns()? {
            countable(users, column)?;
        }
        self.counted.add(users);
        Ok(())
    }

    /// Takes in what was counted of other users.
    ///
    /// # Errors
    /// It is of another job.
    pub fn merge(&mut self, other: Self) -> Result<(), KernelError> {
        if other.job != self.job {
            return Err(KernelError::OtherJob { ours: self.job.name(), theirs: other.job.name() });
        }
        self.counted.merge(other.counted);
        Ok(())
    }

    /// Counts distinct usernames that were told apart elsewhere, of users who were given without the column.
    pub fn add_distinct_usernames(&mut self, count: u32) {
        self.counted.add_distinct_usernames(count);
    }

    /// As bytes, by which [`Self::from_bytes`] has it again.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.counted.to_bytes()
    }

    /// What [`Self::to_bytes`] wrote for this job.
    ///
    /// # Errors
    /// The bytes are damaged, or of another job or another version of the program.
    pub fn from_bytes(job: Job, bytes: &[u8]) -> Result<Self, KernelError> {
        Ok(Self { job, counted: aggregate::Partial::from_bytes(job.plan()?.aggregates(), bytes)? })
    }

    /// The job's tables of counts, of a day's users that were all merged, in the order in which they are published.
    ///
    /// `quality_days`: of the days up to the run's, in their order, for [`Job::TimeSeriesAnalysis`]; the others pass over them.
    ///
    /// # Errors
    /// A table's rows do not fit its columns; tests hold that they do.
    pub fn tables(
        &self,
        quality_days: &[QualityDay],
        run: &RunContext,
    ) -> Result<Vec<(&'static TableSpec, RecordBatch)>, KernelError> {
        let facts = Facts { users: &self.counted, quality_days, run };
        let tables = self.job.plan()?.tables().iter();
        tables.map(|table| Ok((&table.spec, table.batch(&facts)?))).collect()
    }
}

/// Refuses a column that cannot be counted.
fn countable(users: &RecordBatch, column: &'static str) -> Result<(), KernelError> {
    let Some(found) = users.column_by_name(column) else { return Ok(()) };
    let stated = USERS_TRANSFORMED.columns.iter().find(|(name, _)| *name == column);
    let fits = match (stated.map(|(_, kind)| kind.arrow()), found.data_type()) {
        (Some(DataType::Utf8), DataType::Dictionary(key, value)) => {
            // Of a username or an id no dictionary is read.
            let repeats = aggregate::Text::ALL.iter().any(|text| text.column() == column);
            repeats && **key == DataType::Int32 && **value == DataType::Utf8
        }
        (Some(DataType::List(_)), DataType::List(_)) => true,
        (stated, found) => stated.as_ref() == Some(found),
    };
    if fits {
        return Ok(());
    }
    let expected = "that of users_transformed";
    Err(KernelError::ColumnType { column, found: found.data_type().clone(), expected })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};

    use super::*;

    #[test]
    fn every_job_has_its_plan_and_its_tables() {
        let run = RunContext { as_of: Default::default(), started_at: millrace_events::instant::Micros(0) };
        let tables = Job::ALL.map(|job| {
            let partial = Partial::new(job).expect("a plan");
            partial.tables(&[], &run).expect("tables").len()
        });
        assert_eq!(tables, [1, 8, 6]);
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let ages: ArrayRef = Arc::new(Int64Array::from(vec![7]));
        let users = RecordBatch::try_from_iter([("age_years", ages)]).expect("a batch");
        let error = Partial::of(Job::AnalyticsAggregation, &users).expect_err("a wrong type").to_string();
        assert!(error.contains("age_years") && error.contains("Int64"), "{error}");
        // A column of which nothing is counted may be of any type.
        Partial::of(Job::RawTransformation, &users).expect("counted");
    }

    #[test]
    fn counts_of_two_jobs_are_not_merged() {
        let partial = |job| Partial::new(job).expect("a plan");
        let error =
            partial(Job::RawTransformation).merge(partial(Job::TimeSeriesAnalysis)).expect_err("two jobs");
        assert!(error.to_string().contains("time-series-analysis"), "{error}");
        let bytes = partial(Job::RawTransformation).to_bytes();
        Partial::from_bytes(Job::TimeSeriesAnalysis, &bytes).expect_err("two jobs");
        Partial::from_bytes(Job::RawTransformation, &bytes).expect("one job");
    }
}
