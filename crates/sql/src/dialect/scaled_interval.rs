//! `INTERVAL '5 minutes' * 3` and `/ 2`, which DataFusion doesn't have: as PostgreSQL reckons, what is left of a month goes to days of
//! which it has 30, what is left of a day to its seconds.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::datatypes::{
    DataType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    cast,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAYS_A_MONTH: f64 = 30.0;
const SECONDS_A_DAY: f64 = 86_400.0;

/// Plans the two operators, as their types are looked at before any rule is.
#[derive(Debug)]
pub(super) struct Planner;

impl ExprPlanner for Planner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_interval = |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Interval(_)));
        let is_number = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| kind.is_numeric());
        let (interval, number, divides) = match expr.op {
            BinaryOperator::Multiply if is_interval(&expr.left) && is_number(&expr.right) => {
                (expr.left, expr.right, false)
            }
            BinaryOperator::Multiply if is_number(&expr.left) && is_interval(&expr.right) => {
                (expr.right, expr.left, false)
            }
            BinaryOperator::Divide if is_interval(&expr.left) && is_number(&expr.right) => {
                (expr.left, expr.right, true)
            }
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let scaled = ScalarUDF::from(ScaledInterval::of(divides));
        let arguments = vec![cast(interval, INTERVAL), cast(number, DataType::Float64)];
        Ok(PlannerResult::Planned(scaled.call(arguments)))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ScaledInterval {
    divides: bool,
    signature: Signature,
}

impl ScaledInterval {
    fn of(divides: bool) -> Self {
        Self {
            divides,
            signature: Signature::exact(vec![INTERVAL, DataType::Float64], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for ScaledInterval {
    fn name(&self) -> &str {
        if self.divides { "interval_divided" } else { "interval_times" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let divides = self.divides;
        make_scalar_function(move |values| scaled(values, divides), Vec::new())(&arguments.args)
    }
}

fn scaled(values: &[ArrayRef], divides: bool) -> Result<ArrayRef> {
    let intervals = values[0].as_primitive::<IntervalMonthDayNanoType>();
    let numbers = values[1].as_primitive::<Float64Type>();
    let all = intervals.iter().zip(numbers).map(|(interval, number)| {
        let (Some(interval), Some(number)) = (interval, number) else { return Ok(None) };
        if divides && number == 0.0 {
            return Err(DataFusionError::from(ArrowError::DivideByZero));
        }
        let by = |part: f64| if divides { part / number } else { part * number };
        let out_of_range = || DataFusionError::Execution("an interval is out of its type's range".to_owned());
        one(interval, by).map(Some).ok_or_else(out_of_range)
    });
    Ok(Arc::new(all.collect::<Result<IntervalMonthDayNanoArray>>()?))
}

/// None where a part does not fit.
fn one(interval: IntervalMonthDayNano, by: impl Fn(f64) -> f64) -> Option<IntervalMonthDayNano> {
    let (months, days) = (by(f64::from(interval.months)), by(f64::from(interval.days)));
    let days_of_month = to_micros((months - months.trunc()) * DAYS_A_MONTH);
    let mut seconds =
        to_micros((days - days.trunc() + days_of_month - days_of_month.trunc()) * SECONDS_A_DAY);
    let mut whole_days = days.trunc() + days_of_month.trunc();
    if seconds.abs() >= SECONDS_A_DAY {
        let more = (seconds / SECONDS_A_DAY).trunc();
        whole_days += more;
        seconds -= more * SECONDS_A_DAY;
    }
    let micros = (by(interval.nanoseconds as f64 / 1e3) + seconds * 1e6).round_ties_even();
    let fits = |value: f64, limit: f64| (value.is_finite() && value.abs() <= limit).then_some(value);
    Some(IntervalMonthDayNano::new(
        fits(months.trunc(), f64::from(i32::MAX))? as i32,
        fits(whole_days, f64::from(i32::MAX))? as i32,
        (fits(micros, 9.2e15)? as i64).checked_mul(1_000)?,
    ))
}

/// As PostgreSQL rounds what is left.
fn to_micros(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}
