//! SQL over a lake, on DataFusion: the only crate that knows it. Polars is the jobs' engine.
//!
//! [`Engine`] answers statements of PostgreSQL's dialect (docs/sql.md) over the lake as it was when each began.

mod answer;
mod as_of;
mod cancel;
mod cell;
mod dialect;
mod engine;
mod erased;
mod error;
mod lake;
mod open_object;
mod overlap;
mod parsing;
mod place;
mod scan;
mod session;
mod snapshot;
mod statements;
pub mod suggestion;
mod time_travel;
mod views;
pub mod wire;
mod yielding;

pub use answer::{Answer, Batch, Column};
pub use cancel::Cancel;
pub use cell::Cell;
pub use engine::{Engine, Limits, Prepared, Rows, THREADS};
pub use error::QueryError;
pub use lake::{Lake, LakeTable};
pub use place::Place;
pub use session::Session;
pub use snapshot::Access;
pub use statements::Statements;
