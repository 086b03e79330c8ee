//! Why a kernel refuses what it was given.

use arrow_schema::{ArrowError, DataType};
use millrace_events::failure::{Class, Classified};
use millrace_tables::PlanError;
use millrace_tables::aggregate::PartialError;

/// Why a kernel failed. It was given rows that are no rows of its table, so the same again fails again.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// A column of the source position is not there.
    #[error("the rows lack the column {column}, without which they have no source position")]
    MissingPosition {
        /// The column's name.
        column: &'static str,
    },
    /// Rows have a null in a column of the source position.
    #[error("{rows} rows have no {column}; a landed row always has one")]
    NullPosition {
        /// The column's name.
        column: &'static str,
        /// How many rows.
        rows: usize,
    },
    /// A column has another type than the kernels read.
    #[error("column {column} has type {found}, {expected} is needed")]
    ColumnType {
        /// The column's name.
        column: &'static str,
        /// The type it has.
        found: DataType,
        /// What is read, as people call it.
        expected: &'static str,
    },
    /// A batch has more rows than there are numbers for them.
    #[error("{rows} rows are too many at once: give at most 4294967295")]
    TooManyRows {
        /// How many rows.
        rows: usize,
    },
    /// Bytes are no counts of the job.
    #[error(transparent)]
    Counts(#[from] PartialError),
    /// Counts of two jobs cannot be one.
    #[error("counts of {theirs} were to be merged into those of {ours}")]
    OtherJob {
        /// The job whose counts took them in.
        ours: &'static str,
        /// The job of the others.
        theirs: &'static str,
    },
    /// A table asks for what is not counted.
    #[error("the job's tables cannot be counted; this is a bug")]
    Plan(#[from] PlanError),
    /// What was computed does not fit the table.
    #[error("the rows do not fit their table; this is a bug")]
    Table(#[from] ArrowError),
}

impl Classified for KernelError {
    fn class(&self) -> Class {
        Class::Stop
    }
}
