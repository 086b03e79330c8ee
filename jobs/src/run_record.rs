//! What a job leaves behind about its run: the last thing it writes, from which freshness and lineage are read.

use chrono::NaiveDate;
use millrace_events::instant::Micros;
use serde::{Deserialize, Serialize};

/// `_runs/<job>/<as_of>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The job's name, `raw-transformation` and so on.
    pub job: String,
    /// The logical day.
    pub as_of: NaiveDate,
    /// When the run started, in microseconds UTC. Of two runs for one day the one with the later start wins.
    pub started_at: Micros,
    /// How long the run took until its tables were to be published.
    pub seconds: f64,
    /// The program's version.
    pub version: String,
    /// What the tables were made of.
    pub inputs: Inputs,
    /// Rows in, out and dropped.
    pub rows: RowCounts,
    /// The tables that were published, in the order in which they were made.
    pub tables: Vec<TableReport>,
}

/// The objects from which the result follows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// All of them, those included whose rows a job's state of an earlier run stood for.
    pub objects: Vec<String>,
    /// The size of all `objects`.
    pub bytes: u64,
    /// How many of `objects` this run read, and their bytes.
    #[serde(default)]
    pub objects_read: u64,
    /// The size of the objects that this run read.
    #[serde(default)]
    pub bytes_read: u64,
    /// Rows that this run read from the job's state in place of the other objects.
    #[serde(default)]
    pub rows_of_state: u64,
    /// Columns of the schema that objects read lack, as (column, objects without it): read as null.
    pub columns_missing: Vec<(String, u64)>,
    /// Columns that objects read have beyond the schema, as (column, objects with it): ignored.
    pub columns_extra: Vec<(String, u64)>,
}

/// Rows in, out and dropped: `raw_rows_by_position = users + duplicates + after_as_of`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows of the objects read, a source position counted as often as objects hold it.
    pub rows_in: u64,
    /// Distinct source positions.
    pub raw_rows_by_position: u64,
    /// Rows of users_transformed that came out; of the other jobs, that were read.
    pub users: u64,
    /// Rows dropped because their id has a newer one.
    pub duplicates: u64,
    /// Rows stamped after the end of `as_of`.
    pub after_as_of: u64,
    /// Of `rows_in`, those about persons who were erased: they count nowhere else.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub erased: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One table as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReport {
    /// The table's name, without its layer.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// Its size in the lake.
    pub bytes: u64,
    /// Its object in the lake.
    pub key: String,
    /// Changes when a column's name, type or place does.
    pub schema_fingerprint: String,
    /// The snapshot of its Iceberg table that this run committed, where the lake has Iceberg tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iceberg_snapshot: Option<i64>,
}
