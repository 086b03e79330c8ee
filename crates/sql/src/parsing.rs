//! A text of SQL as one statement.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as Sql;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{TokenWithSpan, Tokenizer};

use crate::dialect::{Versions, draw_in, sql_of};
use crate::error::QueryError;

/// One statement.
pub(crate) fn parse(sql: &str) -> Result<Statement, QueryError> {
    let of_parser = |error| match error {
        datafusion::error::DataFusionError::SQL(error, _) => QueryError::of_parser(&error, sql),
        error => QueryError::of_engine(error, sql),
    };
    let (tokens, versions) = tokens(sql)?;
    let mut parser =
        DFParserBuilder::new(tokens).with_dialect(&PostgreSqlDialect {}).build().map_err(of_parser)?;
    let mut statements = parser.parse_statements().map_err(of_parser)?;
    versions.settle(statements.iter_mut().filter_map(sql_of), sql)?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        (None, _) => Err(refused("an empty statement", "write a query")),
        (Some(_), false) => Err(refused("several statements", "give them one at a time")),
    }
}

/// Statements in the words of PostgreSQL alone, as its clients send them.
pub(crate) fn statements(sql: &str) -> Result<Vec<Sql>, QueryError> {
    let (tokens, versions) = tokens(sql)?;
    let mut parser = Parser::new(&PostgreSqlDialect {}).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| QueryError::of_parser(&error, sql))?;
    versions.settle(&mut statements, sql)?;
    Ok(statements)
}

fn tokens(sql: &str) -> Result<(Vec<TokenWithSpan>, Versions), QueryError> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| QueryError::of_parser(&ParserError::from(error), sql))?;
    draw_in(tokens, sql)
}

fn refused(construct: &str, remedy: &str) -> QueryError {
    QueryError::Refused { construct: construct.to_owned(), remedy: remedy.to_owned(), state: "42601" }
}
