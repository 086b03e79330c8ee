//! A text of SQL as one statement.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use crate::error::QueryError;

/// One statement.
pub(crate) fn parse(sql: &str) -> Result<Statement, QueryError> {
    let of_parser = |error| match error {
        datafusion::error::DataFusionError::SQL(error, _) => QueryError::of_parser(&error, sql),
        error => QueryError::of_engine(error, sql),
    };
    let mut parser =
        DFParserBuilder::new(sql).with_dialect(&PostgreSqlDialect {}).build().map_err(of_parser)?;
    let mut statements = parser.parse_statements().map_err(of_parser)?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        (None, _) => Err(refused("an empty statement", "write a query")),
        (Some(_), false) => Err(refused("several statements", "give them one at a time")),
    }
}

fn refused(construct: &str, remedy: &str) -> QueryError {
    QueryError::Refused { construct: construct.to_owned(), remedy: remedy.to_owned(), state: "42601" }
}
