//! What is not answered: statements that write, and forms that DataFusion answers otherwise than the standard says.
//!
//! Each of the latter names the engine's own report of it, and is answered again once that is mended.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, JoinConstraint, JoinOperator, LimitClause, ObjectName, OrderBy,
    OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, Statement as Sql,
    TableFactor, Visit, Visitor, WindowType,
};

use crate::error::QueryError;

/// What a statement is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Rows of tables that it names.
    Rows,
    /// Which tables and columns there are.
    Names,
}

const ISSUES: &str = "https://github.com/apache/datafusion/issues";

/// What of a statement can be told before it is planned.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) asked: Asked,
    /// Names of computed columns that an ORDER BY reckons with. DataFusion takes the computed column, PostgreSQL one of the tables
    /// that has the name.
    pub(crate) reckoned_with: Vec<String>,
}

/// Lets pass what reads, and only if it is answered rightly.
pub(crate) fn check(statement: &Statement) -> Result<Checked, QueryError> {
    match statement {
        Statement::Explain(explain) => {
            return match explain.statement.as_ref() {
                Statement::Statement(sql) if matches!(sql.as_ref(), Sql::Query(_)) => {
                    check(&explain.statement)
                }
                _ => Err(writes("EXPLAIN of what is no query")),
            };
        }
        Statement::CopyTo(_) => return Err(writes("COPY")),
        Statement::CreateExternalTable(_) => return Err(writes("CREATE EXTERNAL TABLE")),
        Statement::Reset(_) => return Err(writes("RESET")),
        Statement::Statement(sql) => match sql.as_ref() {
            Sql::Query(_) => {}
            Sql::ExplainTable { .. }
            | Sql::ShowTables { .. }
            | Sql::ShowColumns { .. }
            | Sql::ShowVariable { .. }
            | Sql::ShowFunctions { .. } => {
                return Ok(Checked { asked: Asked::Names, reckoned_with: Vec::new() });
            }
            other => {
                let text = other.to_string();
                let words: Vec<&str> = text.split_whitespace().take(2).collect();
                return Err(writes(words.first().copied().unwrap_or("this")));
            }
        },
    }
    let mut checker = Checked { asked: Asked::Rows, reckoned_with: Vec::new() };
    let Statement::Statement(sql) = statement else { return Ok(checker) };
    match sql.visit(&mut checker) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(checker),
    }
}

fn writes(construct: &str) -> QueryError {
    QueryError::Refused {
        construct: construct.to_owned(),
        remedy: match construct {
            "PREPARE" | "EXECUTE" => "statements are prepared by the driver's own calls alone".to_owned(),
            _ => "only what reads is answered: the lake is written by landing and jobs alone".to_owned(),
        },
        state: if matches!(construct, "PREPARE" | "EXECUTE") { "0A000" } else { "25006" },
    }
}

fn refused(construct: &str, remedy: &str, issue: u32) -> ControlFlow<QueryError> {
    ControlFlow::Break(QueryError::Refused {
        construct: construct.to_owned(),
        remedy: format!("{remedy} (DataFusion would answer wrongly: {ISSUES}/{issue})"),
        state: "0A000",
    })
}

fn not_here(construct: &str, remedy: &str) -> ControlFlow<QueryError> {
    ControlFlow::Break(QueryError::Refused {
        construct: construct.to_owned(),
        remedy: remedy.to_owned(),
        state: "0A000",
    })
}

impl Visitor for Checked {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<QueryError> {
        if !query.locks.is_empty() {
            return not_here("FOR UPDATE and FOR SHARE", "leave it out: rows of a lake are not locked");
        }
        if query.fetch.as_ref().is_some_and(|fetch| fetch.with_ties || fetch.percent) {
            return not_here(
                "FETCH … WITH TIES and PERCENT",
                "filter by RANK() OVER (ORDER BY …) in a subquery",
            );
        }
        if matches!(&query.limit_clause, Some(LimitClause::LimitOffset { limit_by, .. }) if !limit_by.is_empty())
        {
            return not_here(
                "LIMIT … BY",
                "filter by ROW_NUMBER() OVER (PARTITION BY …) in a subquery, or by QUALIFY",
            );
        }
        let ignored = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if ignored {
            return not_here(
                "FOR XML or JSON, SETTINGS, FORMAT and |>",
                "leave it out; --format says how an answer is written",
            );
        }
        self.note_order(query);
        check_sets(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<QueryError> {
        if select.into.is_some() {
            return ControlFlow::Break(writes("SELECT … INTO"));
        }
        if select.top.is_some() || select.prewhere.is_some() || !select.connect_by.is_empty() {
            return not_here("TOP, PREWHERE and CONNECT BY", "write LIMIT, WHERE, or WITH RECURSIVE");
        }
        for join in select.from.iter().flat_map(|table| &table.joins) {
            if let JoinOperator::FullOuter(on) | JoinOperator::Right(on) | JoinOperator::RightOuter(on) =
                &join.join_operator
                && matches!(on, JoinConstraint::Using(_) | JoinConstraint::Natural)
            {
                return refused(
                    "RIGHT and FULL JOIN with USING or NATURAL",
                    "join ON a.x = b.x and select COALESCE(a.x, b.x) AS x",
                    22_881,
                );
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<QueryError> {
        let (sample, version) = match table {
            TableFactor::Table { sample, version, .. } => (sample.is_some(), version.is_some()),
            TableFactor::Derived { sample, .. } => (sample.is_some(), false),
            _ => (false, false),
        };
        if sample {
            return refused("TABLESAMPLE", "filter by random() < 0.01", 13_563);
        }
        if version {
            return not_here(
                "the table AS OF a time or version",
                "write t TIMESTAMP AS OF '2026-02-01 10:00:00' or t VERSION AS OF 1234567890",
            );
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<QueryError> {
        let first = relation.0.first().map(|part| part.to_string().to_lowercase());
        let is_of_names = first.is_some_and(|name| {
            matches!(name.trim_matches('"'), "information_schema" | "pg_catalog") || name.starts_with("pg_")
        });
        if is_of_names {
            self.asked = Asked::Names;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<QueryError> {
        if let Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) = expr
            && matches!(right.as_ref(), Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. })
        {
            return not_here(
                "IS DISTINCT FROM with AND or OR behind it",
                "write (a IS DISTINCT FROM b) AND …: the parser would take what follows for a part of it",
            );
        }
        if let Expr::SimilarTo { .. } = expr {
            return not_here("SIMILAR TO", "write LIKE, or x ~ '^…$' with a regular expression");
        }
        let Expr::Function(Function { over: Some(WindowType::WindowSpec(window)), .. }) = expr else {
            return ControlFlow::Continue(());
        };
        let adds =
            !window.partition_by.is_empty() || !window.order_by.is_empty() || window.window_frame.is_some();
        if window.window_name.is_some() && adds {
            return not_here(
                "OVER (window …), which adds to a named window",
                "write the whole window in OVER (PARTITION BY … ORDER BY …); DataFusion would leave the named one out",
            );
        }
        ControlFlow::Continue(())
    }
}

fn check_sets(body: &SetExpr) -> ControlFlow<QueryError> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else {
        return ControlFlow::Continue(());
    };
    let is_all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    if is_all && matches!(op, SetOperator::Except | SetOperator::Intersect | SetOperator::Minus) {
        return refused(
            "EXCEPT ALL and INTERSECT ALL",
            "number equal rows by ROW_NUMBER() OVER (PARTITION BY every column) on both sides, and leave ALL out",
            if *op == SetOperator::Intersect { 12_955 } else { 12_956 },
        );
    }
    check_sets(left)?;
    check_sets(right)
}

impl Checked {
    fn note_order(&mut self, query: &Query) {
        let SetExpr::Select(select) = query.body.as_ref() else { return };
        let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &query.order_by else { return };
        let computed = select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if !is_column(expr, &alias.value) => Some(&alias.value),
            _ => None,
        });
        let computed: Vec<&String> = computed.collect();
        for key in keys.iter().filter(|key| !matches!(key.expr, Expr::Identifier(_))) {
            let mut names = Names(Vec::new());
            let _ = key.expr.visit(&mut names);
            self.reckoned_with.extend(names.0.into_iter().filter(|name| computed.contains(&name)));
        }
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Identifier(column) => column.value == name,
        Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|column| column.value == name),
        _ => false,
    }
}

/// The columns that an expression names without a table.
struct Names(Vec<String>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Identifier(column) = expr {
            self.0.push(column.value.clone());
        }
        ControlFlow::Continue(())
    }
}

/// What can be told by the plan alone.
pub(crate) fn check_plan(plan: &LogicalPlan, checked: &Checked) -> Result<(), QueryError> {
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let schema = scan.source.schema();
            let ambiguous = checked.reckoned_with.iter().find(|name| schema.column_with_name(name).is_some());
            if let Some(name) = ambiguous {
                found = Some(QueryError::Refused {
                    construct: format!("{name} in ORDER BY is both a column of {} and one that is computed here", scan.table_name.table()),
                    remedy: "give the computed one another name, or write the whole expression in ORDER BY".to_owned(),
                    state: "42702",
                });
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        if matches!(node, LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_)) {
            found = Some(writes("this statement"));
            return Ok(TreeNodeRecursion::Stop);
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let PlanExpr::InSubquery(within) = expr
                    && within.negated
                    && !within.subquery.outer_ref_columns.is_empty()
                {
                    found = Some(QueryError::Refused {
                        construct: "NOT IN (SELECT …) that names a column of the query around it".to_owned(),
                        remedy: format!(
                            "write NOT EXISTS (SELECT … WHERE a.x = b.x), which says what nulls mean (DataFusion would answer wrongly: {ISSUES}/25347)"
                        ),
                        state: "0A000",
                    });
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    match (found, walked) {
        (Some(error), _) => Err(error),
        (None, Ok(_)) => Ok(()),
        (None, Err(error)) => Err(QueryError::of_engine(error, "")),
    }
}
