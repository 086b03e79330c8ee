//! What a run says of itself, while it works and at its end.

use crate::run_record::{Inputs, TableReport};

/// How far the job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Rows read, of all that are read.
    Read {
        /// Rows read so far.
        rows: u64,
        /// Rows to read in all, those of the state included.
        of: u64,
    },
    /// Rows deduplicated and transformed, of those that compete.
    Transformed {
        /// Rows done so far.
        rows: u64,
        /// Rows that compete: each source position once, and none after the day.
        of: u64,
    },
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// Rows of the raw objects that were read, a source position counted as often as objects hold it.
    pub rows_in: u64,
    /// Distinct source positions in the objects listed: `users + duplicates + after_as_of`.
    pub raw_rows_by_position: u64,
    /// Rows of users_transformed, one for each id.
    pub users: u64,
    /// Rows dropped because their id has a newer one.
    pub duplicates: u64,
    /// Rows stamped after the end of `as_of`.
    pub after_as_of: u64,
    /// Rows that were read about persons who were erased from the lake: they count nowhere else but in `rows_in`.
    pub erased: u64,
    /// The tables, in the order in which they were made.
    pub tables: Vec<TableReport>,
    /// What the tables were made of.
    pub inputs: Inputs,
    /// False where a run that started later had published this day already: then no table was written.
    pub published: bool,
    /// How long the run took, its earlier tries included.
    pub seconds: f64,
}
