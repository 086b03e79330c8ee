//! Forms that PostgreSQL has and DataFusion's planner has not, or gets wrong, written as ones that it gets right.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, Expr, ExtractSyntax, Fetch, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, Interval, LimitClause, ObjectName,
    Query, Statement as Sql, TypedString, Value, VisitMut, VisitorMut,
};

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::error::QueryError;

/// Rewrites a statement that was checked.
pub(crate) fn rewrite(mut statement: Statement) -> Result<Statement, QueryError> {
    let Some(inner) = sql_of(&mut statement) else { return Ok(statement) };
    match inner.visit(&mut Rewriter) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(statement),
    }
}

/// What a statement says in SQL's own words, also what it wants explained.
pub(crate) fn sql_of(statement: &mut Statement) -> Option<&mut Sql> {
    match statement {
        Statement::Statement(sql) => Some(sql),
        Statement::Explain(explain) => match explain.statement.as_mut() {
            Statement::Statement(sql) => Some(sql),
            _ => None,
        },
        _ => None,
    }
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        if let Some(Fetch { quantity, .. }) = query.fetch.take() {
            let rows = quantity.unwrap_or_else(|| number("1"));
            let offset = match query.limit_clause.take() {
                Some(LimitClause::LimitOffset { offset, .. }) => offset,
                _ => None,
            };
            query.limit_clause =
                Some(LimitClause::LimitOffset { limit: Some(rows), offset, limit_by: Vec::new() });
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        match expr {
            Expr::AnyOp { left, compare_op, right, .. } => {
                return set_comparison(left, compare_op, right, &BinaryOperator::Eq)
                    .map_or_else(|error| ControlFlow::Break(*error), |found| replace(expr, found));
            }
            Expr::AllOp { left, compare_op, right } => {
                return set_comparison(left, compare_op, right, &BinaryOperator::NotEq)
                    .map_or_else(|error| ControlFlow::Break(*error), |found| replace(expr, found));
            }
            Expr::Function(function) => {
                let called = call(function);
                return replace(expr, called);
            }
            Expr::TypedString(TypedString { data_type: DataType::Timestamp(..), value, .. }) if matches!(&value.value, Value::SingleQuotedString(text) if text.eq_ignore_ascii_case("epoch")) =>
            {
                value.value = Value::SingleQuotedString("1970-01-01 00:00:00".to_owned());
            }
            Expr::Interval(Interval { value, .. }) => {
                if let Expr::Value(value) = value.as_mut()
                    && let Value::SingleQuotedString(text) = &mut value.value
                {
                    *text = text.split_whitespace().map(clock_as_units).collect::<Vec<_>>().join(" ");
                }
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                let arguments = [timestamp, time_zone].map(|argument| argument.as_ref().clone());
                *expr = function(super::at_time_zone::NAME, arguments.into());
            }
            Expr::InSubquery { expr: left, subquery, negated: false } => {
                if let Expr::Tuple(values) = left.as_ref() {
                    let found = row_in(values, subquery);
                    return replace(expr, found);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn replace(expr: &mut Expr, with: Option<Expr>) -> ControlFlow<QueryError> {
    if let Some(with) = with {
        *expr = with;
    }
    ControlFlow::Continue(())
}

fn number(text: &str) -> Expr {
    Expr::Value(Value::Number(text.to_owned(), false).into())
}

/// `= ANY` and `<> ALL` of a subquery are IN and NOT IN.
fn set_comparison(
    left: &Expr,
    operator: &BinaryOperator,
    right: &Expr,
    as_in: &BinaryOperator,
) -> Result<Option<Expr>, Box<QueryError>> {
    let Expr::Subquery(subquery) = right else { return Ok(None) };
    if operator == as_in {
        return Ok(Some(Expr::InSubquery {
            expr: Box::new(left.clone()),
            subquery: subquery.clone(),
            negated: *as_in == BinaryOperator::NotEq,
        }));
    }
    Err(Box::new(QueryError::Refused {
        construct: format!("{operator} ANY and ALL of a subquery"),
        remedy: "compare with (SELECT MIN(x) …) or (SELECT MAX(x) …), or write EXISTS (DataFusion may answer wrongly: \
                 https://github.com/apache/datafusion/issues/25258)"
            .to_owned(),
        state: "0A000",
    }))
}

/// `(a, b) IN (SELECT …)` as EXISTS, which means the same where null and false do.
fn row_in(values: &[Expr], subquery: &Query) -> Option<Expr> {
    let columns: Vec<String> = (1..=values.len()).map(|number| format!("__in_{number}")).collect();
    let equal = values.iter().zip(&columns).map(|(value, column)| format!("({value}) = __in.{column}"));
    let sql = format!(
        "EXISTS (SELECT 1 FROM ({subquery}) AS __in({}) WHERE {})",
        columns.join(", "),
        equal.collect::<Vec<_>>().join(" AND ")
    );
    Parser::new(&PostgreSqlDialect {}).try_with_sql(&sql).ok()?.parse_expr().ok()
}

/// Functions under the names that PostgreSQL has for them.
fn call(function: &Function) -> Option<Expr> {
    let name = match function.name.0.as_slice() {
        [name] => name.as_ident()?.value.to_lowercase(),
        _ => return None,
    };
    let FunctionArguments::List(FunctionArgumentList { args, .. }) = &function.args else { return None };
    let given: Vec<&Expr> = args.iter().filter_map(given).collect();
    if given.len() != args.len() || function.over.is_some() {
        return None;
    }
    match (name.as_str(), given.as_slice()) {
        ("mod", [left, right]) => Some(Expr::Nested(Box::new(Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new((*left).clone()))),
            op: BinaryOperator::Modulo,
            right: Box::new(Expr::Nested(Box::new((*right).clone()))),
        }))),
        ("date", [value]) => Some(Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new((*value).clone()),
            data_type: DataType::Date,
            array: false,
            format: None,
        }),
        // Others' names for parts of a date, which are clear.
        ("year" | "quarter" | "month" | "week" | "day" | "hour" | "minute", [value]) => Some(Expr::Extract {
            field: DateTimeField::Custom(Ident::new(name.to_uppercase())),
            syntax: ExtractSyntax::From,
            expr: Box::new((*value).clone()),
        }),
        ("to_timestamp", [_, _]) => {
            let name = ObjectName::from(vec![Ident::new(super::patterns::READ_TIMESTAMP)]);
            Some(Expr::Function(Function { name, ..function.clone() }))
        }
        _ => None,
    }
}

/// `04:05:06.7` of an interval, in the words that Arrow reads; whatever is no clock stays.
fn clock_as_units(word: &str) -> String {
    let (sign, clock) = match word.strip_prefix('-') {
        Some(clock) => ("-", clock),
        None => ("", word),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let is_number = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit() || c == '.');
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_number) {
        return word.to_owned();
    }
    let units = parts.iter().zip(["hours", "minutes", "seconds"]);
    units.map(|(part, unit)| format!("{sign}{part} {unit}")).collect::<Vec<_>>().join(" ")
}

fn function(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn given(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}
