//! Small tables as they are stated and built: columns with types, rows of values, ranks, rounding.

mod file;
mod rank;
pub mod rounding;
mod spec;

pub use file::TableFile;
pub use rank::rank;
pub(crate) use spec::followed_by;
pub use spec::{Column, ColumnType, Row, TableSpec, Value};
