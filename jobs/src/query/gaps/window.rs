//! Window functions and their frames.

use sqlparser::ast::{
    Expr, Function, NamedWindowDefinition, NamedWindowExpr, OrderByExpr, Select, WindowFrameBound,
    WindowFrameUnits, WindowSpec, WindowType,
};

use super::{Gap, arguments, function_name};

pub(super) fn is_window(function: &Function) -> bool {
    function.over.is_some()
}

/// The window of `function`, looked up in the select's WINDOW clause where it is named.
pub(super) fn spec<'a>(function: &'a Function, select: Option<&'a Select>) -> Option<&'a WindowSpec> {
    let mut name = match function.over.as_ref()? {
        WindowType::WindowSpec(spec) => return Some(spec),
        WindowType::NamedWindow(name) => name,
    };
    let named = &select?.named_window;
    // As many steps as there are names: a circle ends too.
    for _ in named {
        let NamedWindowDefinition(_, window) =
            named.iter().find(|NamedWindowDefinition(known, _)| known == name)?;
        match window {
            NamedWindowExpr::WindowSpec(spec) => return Some(spec),
            NamedWindowExpr::NamedWindow(next) => name = next,
        }
    }
    None
}

pub(super) fn check_window(function: &Function, select: Option<&Select>) -> Result<(), Gap> {
    let Some(spec) = spec(function, select) else { return Ok(()) };
    let name = function_name(function).unwrap_or_default();
    if spec.window_name.is_some() {
        return Err(Gap::new("a window that builds on another", "write its PARTITION BY and ORDER BY out"));
    }
    check_orders(&spec.order_by)?;
    let ordered = !spec.order_by.is_empty();
    match name.as_str() {
        "rank" | "dense_rank" => check_rank(&name, spec),
        "last_value" if ordered || spec.window_frame.is_some() => Err(Gap::new(
            "LAST_VALUE",
            "turn the order round: FIRST_VALUE(x) OVER (PARTITION BY p ORDER BY o DESC)",
        )),
        "row_number" | "lag" | "lead" | "first_value" | "last_value" => Ok(()),
        "sum" | "count" | "min" | "max" if ordered && !is_running(spec) => Err(Gap::new(
            format!("{}() OVER (ORDER BY …) without ROWS", name.to_uppercase()),
            "rows with equal order would differ from the standard; add \
             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW, and a column that tells equal rows apart: \
             SUM(n) OVER (ORDER BY day, id NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        )),
        "sum" | "count" | "min" | "max" => Ok(()),
        "ntile" | "percent_rank" | "cume_dist" | "nth_value" => Err(Gap::new(
            name.to_uppercase(),
            "reckon it from ROW_NUMBER() OVER (ORDER BY x) and COUNT(*) OVER () in a CTE",
        )),
        _ if ordered => Err(Gap::new(
            format!("{}() OVER (… ORDER BY …)", name.to_uppercase()),
            "it runs over the whole partition whatever the order; leave ORDER BY out, or for a running average divide \
             a running SUM(x) by a running COUNT(x), each with ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
        )),
        _ => Ok(()),
    }
}

fn check_rank(name: &str, spec: &WindowSpec) -> Result<(), Gap> {
    let name = name.to_uppercase();
    match spec.order_by.as_slice() {
        [order] if order.options.nulls_first == Some(true) => Err(Gap::new(
            format!("{name}() with NULLS FIRST"),
            "nulls are ranked last; filter them out, or rank COALESCE(x, <a value>)",
        )),
        [_] => Ok(()),
        _ => Err(Gap::new(
            format!("{name}() over more or fewer than one ORDER BY column"),
            "rank by one column, or use ROW_NUMBER(), which takes several",
        )),
    }
}

/// Polars sorts a window by its columns in one direction, nulls first.
fn check_orders(orders: &[OrderByExpr]) -> Result<(), Gap> {
    let ascending = |order: &OrderByExpr| order.options.asc.unwrap_or(true);
    if orders.windows(2).any(|pair| ascending(&pair[0]) != ascending(&pair[1])) {
        return Err(Gap::new(
            "ORDER BY in OVER with mixed directions",
            "give all its columns the same ASC or DESC; a number can be negated: ORDER BY -n, id NULLS FIRST",
        ));
    }
    if let Some(order) = orders.iter().skip(1).find(|order| order.options.nulls_first != Some(true)) {
        return Err(Gap::new(
            format!("ORDER BY {} after another column in OVER", order.expr),
            format!("nulls can come last in the first column only; write {} NULLS FIRST", order.expr),
        ));
    }
    let mut names: Vec<_> = orders.iter().map(|order| root(&order.expr)).collect();
    names.sort_unstable();
    if names.contains(&None) || names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Gap::new(
            "ORDER BY in OVER by an expression that begins with no column, or with one that another begins with",
            "compute it under a name in a CTE first: WITH t AS (SELECT *, <expression> AS k FROM …) … OVER (ORDER BY k)",
        ));
    }
    Ok(())
}

/// The column that Polars names an expression by.
fn root(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.as_str()),
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::BinaryOp { left: inner, .. } => root(inner),
        Expr::Function(function) => arguments(function).first().and_then(|first| root(first)),
        _ => None,
    }
}

fn is_running(spec: &WindowSpec) -> bool {
    spec.window_frame.as_ref().is_some_and(|frame| {
        frame.units == WindowFrameUnits::Rows
            && matches!(frame.start_bound, WindowFrameBound::Preceding(None))
            && matches!(frame.end_bound, None | Some(WindowFrameBound::CurrentRow))
    })
}
