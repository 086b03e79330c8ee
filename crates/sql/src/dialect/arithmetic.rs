//! Arithmetic of integers that fails where a result does not fit its type, and casts of fractions that round.
//!
//! DataFusion's operators wrap around unseen, and its casts cut. PostgreSQL's do neither.

use std::sync::Arc;

use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, TryCast, Volatility,
};
use datafusion::optimizer::analyzer::AnalyzerRule;

use super::rounding::Rounded;
use super::timestamp_text::TimestampText;

/// Puts checked functions in the place of operators and rounding ones under casts. It runs last, when all types are known.
#[derive(Debug)]
pub(super) struct Exact;

impl AnalyzerRule for Exact {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(rewrite_plan).map(|plan| plan.data)
    }

    fn name(&self) -> &str {
        "exact_arithmetic"
    }
}

fn rewrite_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        let source = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?;
        schema.merge(&source);
    }
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|expr| rewrite(expr, &schema))?;
        Ok(if rewritten.transformed { rewritten.update_data(|expr| name.restore(expr)) } else { rewritten })
    })?;
    if rewritten.transformed { rewritten.map_data(LogicalPlan::recompute_schema) } else { Ok(rewritten) }
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let function = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let of_integers = left.get_type(schema)?.is_integer() && right.get_type(schema)?.is_integer();
            match Checked::of(*op).filter(|_| of_integers) {
                Some(checked) => call(checked, vec![left.as_ref().clone(), right.as_ref().clone()]),
                None => return Ok(Transformed::no(expr)),
            }
        }
        // The literal of the least integer is written as the negative of one that no integer type holds.
        Expr::Negative(of) if !matches!(of.as_ref(), Expr::Literal(..)) => {
            let kind = of.get_type(schema)?;
            if !kind.is_signed_integer() {
                return Ok(Transformed::no(expr));
            }
            let zero = Expr::Literal(ScalarValue::new_zero(&kind)?, None);
            call(Checked::new("minus"), vec![zero, of.as_ref().clone()])
        }
        Expr::Cast(Cast { expr: of, field }) if is_time_as_text(&of.get_type(schema)?, field.data_type()) => {
            let text = call(TimestampText::default(), vec![of.as_ref().clone()]);
            Expr::Cast(Cast { expr: Box::new(text), field: Arc::clone(field) })
        }
        // A literal is a decimal to PostgreSQL, and rounds as those do.
        Expr::Cast(Cast { expr: of, field }) if literal(of).is_some() && field.data_type().is_integer() => {
            let rounded = literal(of).map(f64::round);
            Expr::Cast(Cast {
                expr: Box::new(Expr::Literal(ScalarValue::Float64(rounded), None)),
                field: Arc::clone(field),
            })
        }
        Expr::Cast(Cast { expr: of, field }) if rounds(&of.get_type(schema)?, field.data_type()) => {
            let rounded = call(Rounded::default(), vec![of.as_ref().clone()]);
            Expr::Cast(Cast { expr: Box::new(rounded), field: Arc::clone(field) })
        }
        Expr::TryCast(TryCast { expr: of, field }) if rounds(&of.get_type(schema)?, field.data_type()) => {
            let rounded = call(Rounded::default(), vec![of.as_ref().clone()]);
            Expr::TryCast(TryCast { expr: Box::new(rounded), field: Arc::clone(field) })
        }
        _ => return Ok(Transformed::no(expr)),
    };
    Ok(Transformed::new(function, true, TreeNodeRecursion::Continue))
}

fn rounds(from: &DataType, to: &DataType) -> bool {
    let fractional = matches!(
        from,
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(_, 1..) | DataType::Decimal256(_, 1..)
    );
    fractional && to.is_integer()
}

fn literal(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(ScalarValue::Float64(value), _) => *value,
        Expr::Negative(of) => literal(of).map(std::ops::Neg::neg),
        _ => None,
    }
}

fn is_time_as_text(from: &DataType, to: &DataType) -> bool {
    matches!(from, DataType::Timestamp(..))
        && matches!(to, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

fn call(function: impl ScalarUDFImpl + 'static, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), arguments))
}

/// An operator on two integers of one type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Checked {
    name: &'static str,
    signature: Signature,
}

impl Checked {
    fn new(name: &'static str) -> Self {
        Self { name, signature: Signature::any(2, Volatility::Immutable) }
    }

    fn of(operator: Operator) -> Option<Self> {
        match operator {
            Operator::Plus => Some(Self::new("plus")),
            Operator::Minus => Some(Self::new("minus")),
            Operator::Multiply => Some(Self::new("times")),
            _ => None,
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = arguments.args.as_slice() else {
            return Err(DataFusionError::Internal(format!("{} takes two arguments", self.name)));
        };
        let operate = match self.name {
            "plus" => numeric::add,
            "minus" => numeric::sub,
            _ => numeric::mul,
        };
        datafusion::physical_expr_common::datum::apply(left, right, operate)
    }
}
