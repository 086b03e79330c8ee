//! SQL over the lake's tables, on Polars.
//!
//! What Polars' SQL answers otherwise than the standard is refused before it runs ([`gaps`]), with the form that
//! works. Inside a query every timestamp is UTC without a zone, so that `'2026-01-31'`, `TIMESTAMP '…'` and
//! `CURRENT_DATE`-like literals compare with columns; answers carry UTC again.

mod answer;
mod cell;
mod error;
pub mod gaps;
mod lake_tables;
mod mirror;
mod open_files;
mod overlap;
mod scan;
mod session;
mod statements;
mod views;

pub use answer::{Answer, Batch, Column};
pub use cell::Cell;
pub use error::QueryError;
pub use lake_tables::{DataFile, Lake, LakeTable};
pub use session::Session;
pub use statements::Statements;
pub use views::Wanted;
