//! Which columns an expression reads outside its aggregates: they must be keys of the GROUP BY.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Function, GroupByExpr, Select, SelectItem, Visit, Visitor};

use super::{Gap, function_name};

/// The functions that make one row of many.
const AGGREGATES: [&str; 31] = [
    "array_agg",
    "avg",
    "bit_and_agg",
    "corr",
    "count",
    "covar",
    "covar_pop",
    "covar_samp",
    "first",
    "group_concat",
    "last",
    "listagg",
    "max",
    "mean",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "stddev",
    "stddev_samp",
    "stdev",
    "stdev_samp",
    "string_agg",
    "sum",
    "total",
    "var",
    "var_samp",
    "variance",
    "any_value",
    "bool_and",
    "bool_or",
];

pub(super) fn is_aggregate(function: &Function) -> bool {
    function.over.is_none() && function_name(function).is_some_and(|name| AGGREGATES.contains(&name.as_str()))
}

/// Whether `expr` has an aggregate of its own query, or a window function.
pub(super) fn contains(expr: &Expr, found: fn(&Function) -> bool) -> bool {
    struct Search {
        found: fn(&Function) -> bool,
        subqueries: usize,
    }
    impl Visitor for Search {
        type Break = ();
        fn pre_visit_query(&mut self, _: &sqlparser::ast::Query) -> ControlFlow<()> {
            self.subqueries += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &sqlparser::ast::Query) -> ControlFlow<()> {
            self.subqueries -= 1;
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if self.subqueries == 0 && (self.found)(function) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Search { found, subqueries: 0 }).is_break()
}

/// The expression of a projection and its alias.
pub(super) fn projected(item: &SelectItem) -> Option<(&Expr, Option<&str>)> {
    match item {
        SelectItem::UnnamedExpr(expr) => Some((expr, None)),
        SelectItem::ExprWithAlias { expr, alias } => Some((expr, Some(&alias.value))),
        _ => None,
    }
}

/// The last part of a column's name, so that `u.country` is the key `country`.
fn column_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.as_str()),
        Expr::Nested(inner) => column_name(inner),
        _ => None,
    }
}

/// Every projection of a grouping query must be a key, an aggregate, or made of these: Polars makes a list of the rest.
pub(super) fn check_grouping(select: &Select) -> Result<(), Gap> {
    let projections: Vec<_> = select.projection.iter().filter_map(projected).collect();
    let keys: &[Expr] = match &select.group_by {
        GroupByExpr::Expressions(keys, _) => keys,
        GroupByExpr::All(_) => return Ok(()),
    };
    if let Some(sets) =
        keys.iter().find(|key| matches!(key, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_)))
    {
        return Err(Gap::new(
            sets.to_string(),
            "group once for each level, and join the answers with UNION ALL",
        ));
    }
    let grouped = !keys.is_empty();
    if !grouped && select.having.is_some() {
        return Err(Gap::new(
            "HAVING without GROUP BY",
            "put the aggregate into a CTE and its condition into WHERE",
        ));
    }
    if !grouped && !projections.iter().any(|(expr, _)| contains(expr, is_aggregate)) {
        return Ok(());
    }
    let key_names: Vec<_> = keys.iter().filter_map(column_name).collect();
    let key_texts: Vec<_> = keys.iter().map(ToString::to_string).collect();
    for (position, (expr, alias)) in projections.iter().enumerate() {
        let is_key = key_texts.contains(&expr.to_string())
            || alias.is_some_and(|alias| key_names.contains(&alias))
            || key_texts.contains(&(position + 1).to_string());
        if is_key {
            continue;
        }
        if let Some(column) = column_outside_aggregates(expr, &key_names) {
            return Err(Gap::new(
                format!("{column} is neither a GROUP BY key nor inside an aggregate"),
                if grouped {
                    format!(
                        "group by it too, take MAX({column}), or compute the whole expression in a CTE first: \
                         WITH t AS (SELECT …, <expression> AS k FROM …) SELECT k, COUNT(*) AS n FROM t GROUP BY k"
                    )
                } else {
                    format!("group by it (… GROUP BY {column}), or take MAX({column})")
                },
            ));
        }
    }
    if let Some(having) = &select.having {
        // Polars evaluates a key inside HAVING as the list of its group's values.
        if let Some(column) = column_outside_aggregates(having, &aliases_of_aggregates(&projections)) {
            return Err(Gap::new(
                format!("HAVING reads {column} outside an aggregate"),
                format!("put the condition on {column} into WHERE"),
            ));
        }
    }
    Ok(())
}

fn aliases_of_aggregates<'a>(projections: &[(&'a Expr, Option<&'a str>)]) -> Vec<&'a str> {
    let aggregates = projections.iter().filter(|(expr, _)| contains(expr, is_aggregate));
    aggregates.filter_map(|(_, alias)| *alias).collect()
}

fn column_outside_aggregates(expr: &Expr, allowed: &[&str]) -> Option<String> {
    struct Search<'a> {
        allowed: &'a [&'a str],
        aggregates: usize,
        subqueries: usize,
    }
    impl Visitor for Search<'_> {
        type Break = String;
        fn pre_visit_query(&mut self, _: &sqlparser::ast::Query) -> ControlFlow<String> {
            self.subqueries += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &sqlparser::ast::Query) -> ControlFlow<String> {
            self.subqueries -= 1;
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
            match expr {
                Expr::Function(function) if is_aggregate(function) => self.aggregates += 1,
                Expr::Identifier(_) | Expr::CompoundIdentifier(_)
                    if self.aggregates == 0
                        && self.subqueries == 0
                        && !column_name(expr).is_some_and(|name| self.allowed.contains(&name)) =>
                {
                    return ControlFlow::Break(expr.to_string());
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
        fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
            if matches!(expr, Expr::Function(function) if is_aggregate(function)) {
                self.aggregates -= 1;
            }
            ControlFlow::Continue(())
        }
    }
    match expr.visit(&mut Search { allowed, aggregates: 0, subqueries: 0 }) {
        ControlFlow::Break(column) => Some(column),
        ControlFlow::Continue(()) => None,
    }
}
