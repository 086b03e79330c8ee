//! The port to Snowflake: one statement in, its rows out.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::SnowflakeError;

/// Runs statements one after another, as one user with one role.
///
/// A statement that fails for a passing reason may have run: whoever sends one must bear that it runs twice.
#[async_trait]
pub trait Session: Debug + Send + Sync {
    /// Runs one statement and waits for its whole answer. A failure that may pass was retried already.
    async fn run(&self, sql: &str) -> Result<Rows, SnowflakeError>;
}

/// An answer as Snowflake writes it: each value its text, dates and instants as numbers (see [`crate::answer`]).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Empty where there is no row: the connector tells columns by rows alone.
    pub columns: Vec<ResultColumn>,
    /// A row's values in the order of the columns; `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Its size alone: rows may be of persons.
impl Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("columns", &self.columns.len()).field("rows", &self.rows.len()).finish()
    }
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    /// In upper case: the connector tells no other.
    pub name: String,
    /// Snowflake's name of the type in lower case: `fixed`, `real`, `text`, `date`, `timestamp_ntz`, ….
    pub kind: String,
    /// Digits behind the point, of a `fixed`.
    pub scale: i64,
}

impl Rows {
    /// The place of a column, whatever its case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }
}
