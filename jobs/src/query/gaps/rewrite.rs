//! Rewritings that make Polars answer as the standard does. Each is exact.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, Ident, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    Statement, VisitMut, VisitorMut, WindowSpec, WindowType,
};

use super::columns::{contains, is_aggregate};
use super::window::spec;
use super::{arguments, function_name, parser, syntax};
use crate::query::QueryError;

pub(super) fn rewrite(statement: &mut Statement) -> Result<(), QueryError> {
    // Shapes first: names of unnamed columns and matches in ORDER BY go by the text as it was written.
    for error in [statement.visit(&mut Shape), statement.visit(&mut Values)] {
        if let ControlFlow::Break(error) = error {
            return Err(error);
        }
    }
    Ok(())
}

/// Queries and selects.
struct Shape;

impl VisitorMut for Shape {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        flow(shape_query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<QueryError> {
        name_projections(select);
        write_windows_out(select);
        ControlFlow::Continue(())
    }
}

fn flow(done: Result<(), QueryError>) -> ControlFlow<QueryError> {
    match done {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

fn shape_query(query: &mut Query) -> Result<(), QueryError> {
    if let SetExpr::SetOperation { left, right, .. } = &mut *query.body {
        // Polars takes the outermost operation's kind for every nested one.
        for side in [left, right] {
            if matches!(**side, SetExpr::SetOperation { .. }) {
                **side = SetExpr::Query(Box::new(parse_query(&side.to_string())?));
            }
        }
        // It would sort each side by itself, and by that side's columns.
        if query.order_by.is_some() {
            query.body = parse_query(&format!("SELECT * FROM ({}) AS both_sides", query.body))?.body;
        }
    }
    let Some(order) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::Expressions(orders) = &mut order.kind else { return Ok(()) };
    nulls_last(orders);
    if let SetExpr::Select(select) = &mut *query.body {
        name_projections(select);
        for order in orders {
            order_by_name(order, select);
        }
    }
    Ok(())
}

/// Polars forgets the order of a named window's nulls.
fn write_windows_out(select: &mut Select) {
    struct Names(Select);
    impl VisitorMut for Names {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr
                && let Some(spec) = spec(function, Some(&self.0)).cloned()
            {
                function.over = Some(WindowType::WindowSpec(spec));
            }
            ControlFlow::Continue(())
        }
    }
    if select.named_window.is_empty() {
        return;
    }
    let mut names = Names(select.clone());
    let _ = select.projection.visit(&mut names);
    let _ = select.qualify.visit(&mut names);
    select.named_window.clear();
}

/// `ORDER BY COUNT(*)` is by the selected `COUNT(*)`: Polars would count the rows of the answer.
fn order_by_name(order: &mut OrderByExpr, select: &Select) {
    if !contains(&order.expr, is_aggregate) {
        return;
    }
    let named = select.projection.iter().find_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias }
            if *expr == order.expr || expr.to_string() == order.expr.to_string() =>
        {
            Some(alias.clone())
        }
        _ => None,
    });
    if let Some(alias) = named {
        order.expr = Expr::Identifier(alias);
    }
}

/// An unnamed expression is called by its text: Polars would call it by the first column in it, so that
/// `MIN(x), MAX(x)` had one name.
fn name_projections(select: &mut Select) {
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) || is_special(expr) {
            continue;
        }
        let alias = Ident::with_quote('"', expr.to_string().to_lowercase().replace('"', ""));
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

/// `COLUMNS('…')` stands for many columns.
fn is_special(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(function) if function_name(function).as_deref() == Some("columns"))
}

/// Nulls come last unless the query says otherwise, in either direction: Polars has them first under DESC.
fn nulls_last(orders: &mut [OrderByExpr]) {
    for order in orders {
        order.options.nulls_first.get_or_insert(false);
    }
}

/// In a window Polars has nulls first whatever it is told: a key before the first column says otherwise. Polars names
/// keys by their leftmost part, and needs them to differ, so that there can be only one of these.
fn nulls_of_window_last(orders: &mut Vec<OrderByExpr>) {
    let Some(first) = orders.first() else { return };
    if first.options.nulls_first == Some(true) {
        return;
    }
    // All keys of a window go in one direction.
    let test = if first.options.asc.unwrap_or(true) { "IS NULL" } else { "IS NOT NULL" };
    let mut key = first.clone();
    if let Ok(expr) = parse_expr(&format!("CASE WHEN {} {test} THEN 1 ELSE 0 END", first.expr)) {
        key.expr = expr;
        orders.insert(0, key);
    }
}

/// Expressions.
struct Values;

impl VisitorMut for Values {
    type Break = QueryError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        match mended(expr) {
            Some(text) => flow(parse_expr(&text).map(|better| *expr = better)),
            None => ControlFlow::Continue(()),
        }
    }
}

/// What to write in place of `expr`.
fn mended(expr: &mut Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => mended_function(function),
        // 8 and 32 bits, which overflow in arithmetic.
        Expr::Extract { field, .. } => {
            let fraction = ["EPOCH", "SECOND", "MILLISECOND", "MILLISECONDS", "MICROSECOND", "MICROSECONDS"];
            let field = field.to_string().to_uppercase();
            (!fraction.contains(&field.as_str())).then(|| format!("CAST({expr} AS BIGINT)"))
        }
        // Polars' remainder has the sign of the divisor, its integer division rounds down.
        Expr::BinaryOp { left, op: BinaryOperator::Modulo, right } => Some(remainder(left, right)),
        Expr::BinaryOp { left, op: BinaryOperator::DuckIntegerDivide, right } => {
            Some(format!("(SIGN({left}) * SIGN({right}) * (ABS({left}) // ABS({right})))"))
        }
        // Null is neither true nor false, and so is what Polars answers.
        Expr::IsTrue(inner) => Some(format!("COALESCE({inner}, FALSE)")),
        Expr::IsNotTrue(inner) => Some(format!("(NOT COALESCE({inner}, FALSE))")),
        Expr::IsFalse(inner) => Some(format!("(NOT COALESCE({inner}, TRUE))")),
        Expr::IsNotFalse(inner) => Some(format!("COALESCE({inner}, TRUE)")),
        Expr::IsUnknown(inner) => Some(format!("({inner} IS NULL)")),
        Expr::IsNotUnknown(inner) => Some(format!("({inner} IS NOT NULL)")),
        _ => None,
    }
}

fn mended_function(function: &mut Function) -> Option<String> {
    let name = function_name(function)?;
    if let Some(WindowType::WindowSpec(spec)) = &mut function.over
        && !matches!(name.as_str(), "rank" | "dense_rank")
    {
        nulls_of_window_last(&mut spec.order_by);
    }
    let arguments = arguments(function);
    match (name.as_str(), arguments.as_slice()) {
        ("rank" | "dense_rank", []) => {
            let Some(WindowType::WindowSpec(spec)) = &function.over else { return None };
            Some(rank(&name, function, spec))
        }
        // Unsigned in Polars: 3 - COUNT(*) would wrap around to four thousand million.
        (
            "count" | "row_number" | "length" | "char_length" | "character_length" | "octet_length"
            | "array_length",
            _,
        ) => Some(format!("CAST({function} AS BIGINT)")),
        ("date_part", [_, _]) => Some(format!("CAST({function} AS DOUBLE)")),
        ("mod", [left, right]) => Some(remainder(left, right)),
        // Polars rounds halves to even.
        ("round", [value]) => Some(format!("(SIGN({value}) * FLOOR(ABS({value}) + 0.5))")),
        ("round", [value, Expr::Value(digits)]) => {
            let digits: i32 = digits.to_string().parse().ok().filter(|digits| (0..16).contains(digits))?;
            let scale = 10_i64.pow(digits.unsigned_abs());
            Some(format!("(SIGN({value}) * FLOOR(ABS({value}) * {scale}.0 + 0.5) / {scale}.0)"))
        }
        _ => None,
    }
}

fn remainder(left: &Expr, right: &Expr) -> String {
    format!("(SIGN({left}) * (ABS({left}) % ABS({right})))")
}

/// Polars leaves nulls without a rank; they share the one after the last.
fn rank(name: &str, function: &Function, spec: &WindowSpec) -> String {
    let [order] = spec.order_by.as_slice() else { return function.to_string() };
    let partition = match spec.partition_by.as_slice() {
        [] => String::new(),
        keys => {
            format!("PARTITION BY {}", keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
    };
    let distinct = if name == "dense_rank" { "DISTINCT " } else { "" };
    let by = &order.expr;
    format!(
        "COALESCE(CAST({function} AS BIGINT), CAST(COUNT({distinct}{by}) OVER ({partition}) AS BIGINT) + 1)"
    )
}

fn parse_expr(text: &str) -> Result<Expr, QueryError> {
    parser(text).and_then(|mut parser| parser.parse_expr()).map_err(syntax)
}

fn parse_query(text: &str) -> Result<Query, QueryError> {
    parser(text).and_then(|mut parser| parser.parse_query()).map(|query| *query).map_err(syntax)
}
