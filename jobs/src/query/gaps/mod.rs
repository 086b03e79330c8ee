//! What Polars' SQL answers otherwise than the standard: mended where a rewriting is exact, refused otherwise, with
//! the form that works. The queries of `tests/queries` show each of these against DuckDB's answers.

mod columns;
mod join;
mod names;
mod refuse;
mod rewrite;
mod window;

use sqlparser::ast::{Expr, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};

use super::{Lake, QueryError};

/// A part of a query that would be answered wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    construct: String,
    remedy: String,
}

impl Gap {
    fn new(construct: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { construct: construct.into(), remedy: remedy.into() }
    }
}

impl From<Gap> for QueryError {
    fn from(gap: Gap) -> Self {
        Self::Refused { construct: gap.construct, remedy: gap.remedy }
    }
}

/// Reads one statement, and answers the one to execute in its place.
///
/// Fails on a text that is no single reading statement, and on what Polars would answer wrongly.
pub fn check(sql: &str, lake: &Lake) -> Result<String, QueryError> {
    let mut statements = parser(sql).and_then(|mut parser| parser.parse_statements()).map_err(syntax)?;
    let mut statement = match statements.pop() {
        Some(statement) if statements.is_empty() => statement,
        Some(_) => {
            return Err(Gap::new("several statements at once", "ask them one by one").into());
        }
        None => return Err(QueryError::Syntax { reason: "there is no statement in it".to_owned() }),
    };
    match &mut statement {
        Statement::Query(_) | Statement::ShowTables { .. } => {}
        Statement::Explain { statement, .. } if matches!(**statement, Statement::Query(_)) => {}
        _ => {
            return Err(
                Gap::new("only queries are answered here", "the lake is written by its jobs alone").into()
            );
        }
    }
    refuse::refuse(&statement, lake)?;
    names::check(&statement, lake)?;
    rewrite::rewrite(&mut statement)?;
    Ok(statement.to_string())
}

/// As Polars parses, so that both read the same.
fn parser(sql: &str) -> Result<Parser<'_>, ParserError> {
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    Parser::new(&GenericDialect).with_options(options).try_with_sql(sql)
}

fn syntax(error: ParserError) -> QueryError {
    let reason = match error {
        ParserError::TokenizerError(reason) | ParserError::ParserError(reason) => reason,
        ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
    };
    QueryError::Syntax { reason }
}

/// The name of a function as Polars looks it up; none for a qualified one.
fn function_name(function: &sqlparser::ast::Function) -> Option<String> {
    match function.name.0.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.to_lowercase()),
        _ => None,
    }
}

/// A function's arguments, where all are plain expressions.
fn arguments(function: &sqlparser::ast::Function) -> Vec<&Expr> {
    use sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let plain = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    plain.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lake() -> Lake {
        let folder = tempfile::tempdir().unwrap();
        Lake::list(folder.path()).unwrap()
    }

    fn refusal(sql: &str) -> String {
        match check(sql, &lake()) {
            Err(error) => error.to_string(),
            Ok(statement) => panic!("{sql} is answered, as {statement}"),
        }
    }

    #[test]
    fn only_single_queries_pass() {
        for sql in [
            "DELETE FROM users_transformed",
            "DROP TABLE users_transformed",
            "TRUNCATE TABLE users_transformed",
            "CREATE TABLE x AS SELECT 1",
            "EXPLAIN DELETE FROM users_transformed",
        ] {
            assert!(refusal(sql).starts_with("only queries"), "{sql}");
        }
        assert!(refusal("SELECT 1; SELECT 2").starts_with("several statements"));
        assert!(refusal(" ; ").contains("no statement"));
        assert!(refusal("SELEC 1").starts_with("the query could not be parsed"));
    }

    #[test]
    fn a_window_beside_group_by_is_shown_its_cte() {
        let message = refusal(
            "SELECT country, RANK() OVER (ORDER BY COUNT(*)) FROM users_transformed GROUP BY country",
        );
        assert!(message.contains("WITH g AS (SELECT"), "{message}");
    }

    #[test]
    fn plain_queries_keep_their_words() {
        let sql = "SELECT id, country FROM users_transformed WHERE country = 'Denmark' LIMIT 3";
        assert_eq!(check(sql, &lake()).unwrap(), sql);
    }
}
