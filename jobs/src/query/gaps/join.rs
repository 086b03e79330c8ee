//! Joins whose condition or columns Polars reads otherwise.

use sqlparser::ast::{
    BinaryOperator, Expr, JoinConstraint, JoinOperator, Select, SelectItem, TableWithJoins,
};

use super::Gap;

pub(super) fn check_joins(select: &Select) -> Result<(), Gap> {
    for from in &select.from {
        check_from(from, select)?;
    }
    Ok(())
}

fn check_from(from: &TableWithJoins, select: &Select) -> Result<(), Gap> {
    for join in &from.joins {
        let (constraint, outer) = match &join.join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (constraint, false),
            JoinOperator::FullOuter(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::Semi(constraint)
            | JoinOperator::Anti(constraint)
            | JoinOperator::LeftSemi(constraint)
            | JoinOperator::LeftAnti(constraint)
            | JoinOperator::RightSemi(constraint)
            | JoinOperator::RightAnti(constraint) => (constraint, true),
            _ => continue,
        };
        match constraint {
            JoinConstraint::Natural => {
                return Err(Gap::new("NATURAL JOIN", "name the columns: … JOIN b ON a.id = b.id"));
            }
            // Polars answers the left table's column, which is null where only the right has a row.
            JoinConstraint::Using(_)
                if matches!(
                    join.join_operator,
                    JoinOperator::FullOuter(_) | JoinOperator::Right(_) | JoinOperator::RightOuter(_)
                ) =>
            {
                return Err(Gap::new(
                    "RIGHT and FULL JOIN … USING",
                    "use ON and COALESCE(a.id, b.id) AS id: … FULL JOIN b ON a.id = b.id",
                ));
            }
            JoinConstraint::Using(_)
                if select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_))) =>
            {
                return Err(Gap::new(
                    "SELECT * over JOIN … USING",
                    "name the columns; Polars answers the joined one twice",
                ));
            }
            JoinConstraint::On(condition) => check_condition(condition, outer)?,
            _ => {}
        }
    }
    Ok(())
}

/// An outer join filters its rows by any condition that is no equality; an inner one needs an equality to go by.
fn check_condition(condition: &Expr, outer: bool) -> Result<(), Gap> {
    let parts = conjunction(condition);
    let (equalities, others): (Vec<_>, Vec<_>) =
        parts.into_iter().partition(|part| is_equality_of_columns(part));
    match others.first() {
        Some(other) if outer => Err(Gap::new(
            format!("the condition {other} in ON of an outer, semi or anti join"),
            "filter before the join: … LEFT JOIN (SELECT * FROM b WHERE …) AS b ON a.id = b.id",
        )),
        Some(_) if equalities.is_empty() => Err(Gap::new(
            "a join without an equality of columns",
            "join by one column (… ON a.id = b.id), or CROSS JOIN and put the condition into WHERE",
        )),
        _ => Ok(()),
    }
}

fn conjunction(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut parts = conjunction(left);
            parts.extend(conjunction(right));
            parts
        }
        Expr::Nested(inner) => conjunction(inner),
        other => vec![other],
    }
}

fn is_equality_of_columns(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { left, op: BinaryOperator::Eq, right }
        if !matches!(**left, Expr::Value(_) | Expr::TypedString(_))
            && !matches!(**right, Expr::Value(_) | Expr::TypedString(_)))
}
