//! What was deployed, in a table beside the lake's: rows are added and never changed, so it goes forward only.

use std::collections::BTreeMap;

use crate::error::SnowflakeError;
use crate::script::Script;
use crate::session::Session;

/// The newest deployment of each script, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History(BTreeMap<String, Deployed>);

/// One deployment of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The [`checksum`](Script::checksum) of the script that was run.
    pub checksum: String,
    /// Whether every statement of it ran.
    pub succeeded: bool,
}

/// How a deployment of a script ended.
#[derive(Debug, Clone, Copy)]
pub enum Ended<'a> {
    /// Every statement of it ran.
    Deployed,
    /// At the statement of this number, for this reason.
    Failed {
        /// The number of the statement that failed, from 1.
        statement: usize,
        /// What it failed with.
        reason: &'a str,
    },
}

/// The table's schema within a database.
const SCHEMA: &str = "operations";
const TABLE: &str = "deployments";

/// What makes room for the history. Each may run any number of times.
fn preparations(database: &str) -> [String; 3] {
    [
        format!("CREATE DATABASE IF NOT EXISTS {database}"),
        // As the scripts make it: the history is written before they are run.
        format!("CREATE SCHEMA IF NOT EXISTS {database}.{SCHEMA} WITH MANAGED ACCESS"),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.{SCHEMA}.{TABLE} (script VARCHAR NOT NULL, checksum VARCHAR NOT NULL, \
             statements NUMBER(10, 0) NOT NULL, result VARCHAR NOT NULL, failed_statement NUMBER(10, 0), reason VARCHAR, \
             deployed_by VARCHAR NOT NULL, deployed_at TIMESTAMP_NTZ NOT NULL, version VARCHAR NOT NULL)"
        ),
    ]
}

impl History {
    /// Reads it; where there is none yet, nothing was deployed.
    ///
    /// # Errors
    /// Snowflake's, other than that the table is missing.
    pub async fn read(session: &dyn Session, database: &str) -> Result<Self, SnowflakeError> {
        let sql =
            format!("SELECT script, checksum, result FROM {database}.{SCHEMA}.{TABLE} ORDER BY deployed_at");
        let rows = match session.run(&sql).await {
            Ok(rows) => rows.rows,
            Err(error) if error.is_missing_object() => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut history = Self::default();
        for row in rows {
            let [Some(script), Some(checksum), Some(result)] = row.as_slice() else {
                return Err(SnowflakeError::Answer(format!(
                    "a row of {database}.{SCHEMA}.{TABLE} has another shape"
                )));
            };
            let deployed = Deployed { checksum: checksum.clone(), succeeded: result == "deployed" };
            history.0.insert(script.clone(), deployed);
        }
        Ok(history)
    }

    /// The newest deployment of the script of this name; `None` where it was never deployed.
    pub fn of(&self, script: &str) -> Option<&Deployed> {
        self.0.get(script)
    }

    /// The scripts that it knows, in their order.
    pub fn scripts(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether nothing was ever deployed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Deployed)> for History {
    fn from_iter<I: IntoIterator<Item = (String, Deployed)>>(deployments: I) -> Self {
        Self(deployments.into_iter().collect())
    }
}

/// Makes room for the history where there is none.
///
/// # Errors
/// Snowflake's.
pub async fn prepare(session: &dyn Session, database: &str) -> Result<(), SnowflakeError> {
    for sql in preparations(database) {
        session.run(&sql).await?;
    }
    Ok(())
}

/// Writes down how the deployment of `script` ended, and by whom.
///
/// # Errors
/// Snowflake's.
pub async fn record(
    session: &dyn Session,
    database: &str,
    script: &Script,
    ended: Ended<'_>,
) -> Result<(), SnowflakeError> {
    let (result, statement, reason) = match ended {
        Ended::Deployed => ("deployed", "NULL".to_owned(), "NULL".to_owned()),
        Ended::Failed { statement, reason } => ("failed", statement.to_string(), literal(reason)),
    };
    let sql = format!(
        "INSERT INTO {database}.{SCHEMA}.{TABLE} (script, checksum, statements, result, failed_statement, reason, deployed_by, deployed_at, version) \
         SELECT {}, {}, {}, {}, {statement}, {reason}, CURRENT_USER(), SYSDATE(), {}",
        literal(&script.name),
        literal(&script.checksum),
        script.statements.len(),
        literal(result),
        literal(env!("CARGO_PKG_VERSION")),
    );
    session.run(&sql).await.map(drop)
}

/// `text` as SQL has it. Snowflake reads a backslash in a text as the beginning of an escape.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_literal() {
        assert_eq!(literal(r"it's C:\x"), r"'it''s C:\\x'");
    }
}
