//! The parts of a query that no rewriting makes right.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, GroupByExpr, OrderBy, OrderByKind, Query, Select, SetExpr, Statement, TableFactor,
    UnaryOperator, Value, Visit, Visitor,
};

use super::columns::{check_grouping, contains, is_aggregate, projected};
use super::join::check_joins;
use super::window::{check_window, is_window};
use super::{Gap, arguments, function_name};
use crate::query::{Lake, QueryError};

pub(super) fn refuse(statement: &Statement, lake: &Lake) -> Result<(), QueryError> {
    let mut check = Check { lake, selects: Vec::new(), ctes: HashSet::new() };
    match statement.visit(&mut check) {
        ControlFlow::Break(gap) => Err(gap.into()),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Check<'a> {
    lake: &'a Lake,
    /// The selects being visited, innermost last: windows are named and lists guarded in the select around them.
    selects: Vec<Select>,
    ctes: HashSet<String>,
}

impl Visitor for Check<'_> {
    type Break = Gap;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Gap> {
        flow(self.check_query(query))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Gap> {
        let checked = check_select(select);
        self.selects.push(select.clone());
        flow(checked)
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<Gap> {
        self.selects.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Gap> {
        flow(self.check_table(factor))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Gap> {
        flow(match expr {
            Expr::Function(function) => check_window(function, self.selects.last())
                .and_then(|()| check_function(function, self.selects.last())),
            Expr::Position { .. } => Err(position_gap()),
            Expr::Substring { substring_from: Some(from), .. } => check_start(from),
            Expr::Subquery(_) => Err(Gap::new(
                "a subquery as a value",
                "WITH m AS (SELECT MAX(x) AS top FROM t) SELECT … FROM t CROSS JOIN m WHERE t.x = m.top",
            )),
            Expr::Exists { .. } => Err(Gap::new(
                "EXISTS",
                "use SEMI JOIN or ANTI JOIN: SELECT … FROM a SEMI JOIN b ON a.id = b.id, or a.id IN (SELECT id FROM b)",
            )),
            Expr::Tuple(_) => Err(Gap::new("a row of values", "compare column by column: a = 1 AND b = 2")),
            Expr::InList { list, .. }
                if list
                    .iter()
                    .any(|item| matches!(item, Expr::Identifier(_) | Expr::CompoundIdentifier(_))) =>
            {
                Err(Gap::new("IN over columns", "compare one by one: x = a OR x = b"))
            }
            Expr::SimilarTo { .. } => Err(Gap::new("SIMILAR TO", "use REGEXP_LIKE(x, '^(A|B)')")),
            _ => Ok(()),
        })
    }
}

fn flow(checked: Result<(), Gap>) -> ControlFlow<Gap> {
    match checked {
        Ok(()) => ControlFlow::Continue(()),
        Err(gap) => ControlFlow::Break(gap),
    }
}

impl Check<'_> {
    fn check_query(&mut self, query: &Query) -> Result<(), Gap> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = &cte.alias.name.value;
            self.check_name(name, "the CTE")?;
            // Polars looks in the outer query first.
            if !self.ctes.insert(name.clone()) {
                return Err(Gap::new(format!("the name {name} for two CTEs"), "name one of them otherwise"));
            }
        }
        if let (SetExpr::Select(select), Some(order)) = (&*query.body, &query.order_by) {
            check_order(order, select)?;
        }
        Ok(())
    }

    /// Polars looks a name up among the lake's tables first.
    fn check_name(&self, name: &str, what: &str) -> Result<(), Gap> {
        if self.lake.knows(name) {
            return Err(Gap::new(
                format!("{what} {name} has the name of a table of the lake"),
                "choose another name",
            ));
        }
        Ok(())
    }

    fn check_table(&self, factor: &TableFactor) -> Result<(), Gap> {
        match factor {
            TableFactor::Table { args: Some(_), name, .. } => Err(Gap::new(
                format!("the table function {name}"),
                "only the tables of the lake are read; see `millrace tables`",
            )),
            TableFactor::Table { name, alias: Some(alias), .. } if name.to_string() != alias.name.value => {
                self.check_name(&alias.name.value, "the alias")
            }
            TableFactor::Derived { alias: Some(alias), .. } => {
                self.check_name(&alias.name.value, "the alias")
            }
            TableFactor::UNNEST { .. } => Err(Gap::new(
                "UNNEST in FROM",
                "it keeps the rows of empty lists; use \
                 SELECT id, UNNEST(list) AS item FROM t WHERE ARRAY_LENGTH(list) > 0",
            )),
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => Err(Gap::new(
                "PIVOT and UNPIVOT",
                "count by hand: SUM(CASE WHEN gender = 'male' THEN 1 ELSE 0 END) AS male, …",
            )),
            _ => Ok(()),
        }
    }
}

fn check_select(select: &Select) -> Result<(), Gap> {
    check_joins(select)?;
    let grouped = match &select.group_by {
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
        GroupByExpr::All(_) => true,
    };
    let projections = || select.projection.iter().filter_map(projected).map(|(expr, _)| expr);
    let aggregated = grouped || projections().any(|expr| contains(expr, is_aggregate));
    if aggregated && projections().chain(&select.qualify).any(|expr| contains(expr, is_window)) {
        return Err(Gap::new(
            "a window function beside GROUP BY or an aggregate",
            "aggregate in a CTE first: WITH g AS (SELECT country, COUNT(*) AS n FROM users_transformed GROUP BY country) \
             SELECT *, RANK() OVER (ORDER BY n DESC) AS place FROM g",
        ));
    }
    if let Some(condition) = &select.selection {
        if contains(condition, is_aggregate) {
            return Err(Gap::new(
                "an aggregate in WHERE",
                "put it into HAVING, or compute it in a CTE and CROSS JOIN that",
            ));
        }
        if contains(condition, is_window) {
            return Err(Gap::new("a window function in WHERE", "put the condition into QUALIFY"));
        }
    }
    if projections().any(has_in_subquery) {
        return Err(Gap::new(
            "IN (SELECT …) outside WHERE",
            "LEFT JOIN the distinct values, and ask which are there: \
             SELECT a.id, b.country IS NOT NULL AS known FROM a LEFT JOIN (SELECT DISTINCT country FROM b) AS b \
             ON a.country = b.country",
        ));
    }
    check_grouping(select)
}

fn has_in_subquery(expr: &Expr) -> bool {
    struct Search;
    impl Visitor for Search {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::InSubquery { .. } => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Search).is_break()
}

/// Polars resolves names in ORDER BY against the answer's columns first, the standard does so for bare names only.
fn check_order(order: &OrderBy, select: &Select) -> Result<(), Gap> {
    let OrderByKind::Expressions(orders) = &order.kind else { return Ok(()) };
    let projections: Vec<_> = select.projection.iter().filter_map(projected).collect();
    for order in orders {
        let text = order.expr.to_string();
        let selected = projections.iter().any(|(expr, _)| expr.to_string() == text);
        if contains(&order.expr, is_aggregate) && !selected {
            return Err(Gap::new(
                format!("ORDER BY {text}, which is not selected"),
                format!("select it under a name and order by that: SELECT …, {text} AS n … ORDER BY n"),
            ));
        }
        if matches!(order.expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
            continue;
        }
        let shadowed = projections.iter().find_map(|(expr, alias)| {
            let alias = (*alias)?;
            (reads(expr, alias) && expr.to_string() != alias && reads(&order.expr, alias)).then_some(alias)
        });
        if let Some(alias) = shadowed {
            return Err(Gap::new(
                format!("ORDER BY {text}, where {alias} is a column and another expression's name"),
                "give the selected expression a name of its own",
            ));
        }
    }
    Ok(())
}

/// Whether `expr` reads the unqualified column `name`.
fn reads(expr: &Expr, name: &str) -> bool {
    struct Search<'a>(&'a str);
    impl Visitor for Search<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(ident) if ident.value == self.0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Search(name)).is_break()
}

fn check_function(function: &Function, select: Option<&Select>) -> Result<(), Gap> {
    let Some(name) = function_name(function) else { return Ok(()) };
    let arguments = arguments(function);
    match (name.as_str(), arguments.as_slice()) {
        ("strpos" | "instr", _) => Err(position_gap()),
        ("log", [_, _]) => {
            Err(Gap::new("LOG of two arguments", "its order of arguments differs; use LN(x) / LN(base)"))
        }
        ("substr" | "substring", [_, from, ..]) => check_start(from),
        ("unnest", [list]) if !guarded(list, select) => Err(Gap::new(
            "UNNEST without a guard against empty lists",
            format!("it would keep their rows, as nulls; add WHERE ARRAY_LENGTH({list}) > 0"),
        )),
        ("date", [value]) if !matches!(value, Expr::Value(_)) => {
            Err(Gap::new("DATE() of a column", format!("use CAST({value} AS DATE)")))
        }
        ("date_diff" | "datediff", _) => Err(Gap::new(
            "DATE_DIFF",
            "subtract: CAST(a AS DATE) - CAST(b AS DATE) is a duration, shown in days",
        )),
        ("date_trunc", [_, value]) => Err(Gap::new(
            "DATE_TRUNC",
            format!("write the period as text: STRFTIME({value}, '%Y-%m') for months, '%Y-%m-%d' for days"),
        )),
        ("year" | "month" | "day" | "hour" | "quarter", [value]) => Err(Gap::new(
            format!("{}()", name.to_uppercase()),
            format!("use EXTRACT({} FROM {value})", name.to_uppercase()),
        )),
        ("now" | "current_date" | "current_timestamp" | "today", _) => Err(Gap::new(
            format!("{}: nothing here reads the clock", name.to_uppercase()),
            "write the day: DATE '2026-01-31', or TIMESTAMP '2026-01-31 10:00:00'",
        )),
        _ => Ok(()),
    }
}

fn position_gap() -> Gap {
    Gap::new("STRPOS and POSITION, which count bytes", "use SPLIT_PART(x, '@', 1), LIKE, or REGEXP_LIKE")
}

fn check_start(from: &Expr) -> Result<(), Gap> {
    let zero = |value: &Value| matches!(value, Value::Number(number, _) if number == "0");
    let bad = match from {
        Expr::UnaryOp { op: UnaryOperator::Minus, .. } => true,
        Expr::Value(value) => zero(&value.value),
        _ => false,
    };
    if bad {
        return Err(Gap::new(
            format!("SUBSTR from {from}"),
            "characters are counted from 1; for the last n use RIGHT(x, n)",
        ));
    }
    Ok(())
}

/// Whether the select's WHERE asks for the length of `list`.
fn guarded(list: &Expr, select: Option<&Select>) -> bool {
    let condition = select.and_then(|select| select.selection.as_ref());
    condition.is_some_and(|condition| {
        condition.to_string().to_lowercase().contains(&format!("array_length({list}) > 0").to_lowercase())
    })
}
