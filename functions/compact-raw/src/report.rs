//! What an invocation answers.

use chrono::NaiveDate;
use millrace_lake::compaction::CompactionReport;
use serde::Serialize;

/// The answer: the state machine looks at `done`, people at the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The newest day that was looked at.
    pub as_of: NaiveDate,
    /// `false`: time came to its end before the work did, and the same event again goes on.
    pub done: bool,
    /// Raw objects of closed hours that are still to be merged.
    pub small_objects: u64,
    /// What was done with each table that has objects.
    pub tables: Vec<TableReport>,
}

/// What was done with a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// The folder below raw.
    pub table: String,
    /// Objects of the closed hours when the work began.
    pub objects_before: u64,
    /// Objects of them at the end.
    pub objects_after: u64,
    /// Objects written.
    pub written: u64,
    /// Rows in the objects written.
    pub rows: u64,
    /// Objects removed, those that an earlier compaction left among them.
    pub removed: u64,
    /// Objects that stay as they are; the log tells why of each.
    pub left_alone: u64,
}

impl TableReport {
    pub(crate) fn of(table: &str, report: &CompactionReport) -> Self {
        Self {
            table: table.to_owned(),
            objects_before: report.before.objects,
            objects_after: report.after.objects,
            written: report.written,
            rows: report.rows,
            removed: report.removed + report.leftovers,
            left_alone: report.left_alone.len() as u64,
        }
    }
}
