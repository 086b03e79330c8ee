//! A date and an interval make a timestamp, as in PostgreSQL. DataFusion makes a date of them, and leaves hours out unseen.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, cast};

/// Casts the date.
#[derive(Debug)]
pub(super) struct AsTimestamp;

impl FunctionRewrite for AsTimestamp {
    fn name(&self) -> &str {
        "date_and_interval"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right }) = expr
        else {
            return Ok(Transformed::no(expr));
        };
        let instant = |expr: Expr| cast(expr, DataType::Timestamp(TimeUnit::Microsecond, None));
        let (left, right) = match (left.get_type(schema), right.get_type(schema)) {
            (Ok(DataType::Date32), Ok(DataType::Interval(_))) => (Box::new(instant(*left)), right),
            (Ok(DataType::Interval(_)), Ok(DataType::Date32)) if op == Operator::Plus => {
                (left, Box::new(instant(*right)))
            }
            _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
        };
        Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
    }
}
