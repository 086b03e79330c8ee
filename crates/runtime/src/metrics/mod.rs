//! What the programs count and measure: one table of metrics, told to CloudWatch as lines of JSON or to Prometheus as text.
//!
//! A log event and its metrics are one call: a struct named by what happened, in the crate where it happens, whose `tell` writes
//! both. Labels are a topic's or a table's name; no label and no value is of a person or a row.

mod definition;
pub mod emf;
mod meter;
pub mod prometheus;
mod server;

pub use definition::{
    ALL, BATCH_AGE, BYTES_IN, BYTES_OUT, COLD_STARTS, FRESHNESS, Kind, LAG, Label, Metric, OBJECT_SIZE,
    OBJECTS_COMPACTED, OBJECTS_LEFT_ALONE, OBJECTS_WRITTEN, RECORDS_DEAD, RECORDS_ERASED, RECORDS_IN,
    RECORDS_OUT, RETRIES, SMALL_OBJECTS, Unit,
};
pub use meter::{Distribution, Meter, Reading, Snapshot, Value};
pub use server::{MetricsServer, ServeError};
