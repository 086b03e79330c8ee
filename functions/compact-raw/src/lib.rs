//! Compacts the closed hours of the lake's raw tables: the last step of the day's state machine, which goes on with it until it is done.
//!
//! It knows no engine and no catalogue: raw objects are read and written by crates/lake alone.

#![warn(missing_docs)]

mod function;
mod report;
mod settings;

pub use function::{Function, FunctionError, Request};
pub use report::{Report, TableReport};
