//! PERCENTILE_CONT to the last digit: DataFusion's own cuts the weight of its interpolation to six digits
//! (<https://github.com/apache/datafusion/issues/25266>).

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::functions_aggregate::percentile_cont::PercentileCont;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature};
use datafusion::physical_expr::expressions::Literal;

/// DataFusion's PERCENTILE_CONT but for what it does with 64-bit floats, which all numbers are cast to.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ExactPercentile(PercentileCont);

impl AggregateUDFImpl for ExactPercentile {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.0.return_type(arguments)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.0.state_fields(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if arguments.expr_fields[0].data_type() != &DataType::Float64 {
            return self.0.accumulator(arguments);
        }
        let share = match arguments.exprs[1].downcast_ref::<Literal>().map(Literal::value) {
            Some(ScalarValue::Float64(Some(share))) if (0.0..=1.0).contains(share) => *share,
            _ => {
                let told = "PERCENTILE_CONT takes a number from 0 to 1";
                return Err(DataFusionError::Plan(told.to_owned()));
            }
        };
        let is_descending = arguments.order_bys.first().is_some_and(|order| order.options.descending);
        Ok(Box::new(Values {
            values: Vec::new(),
            share: if is_descending { 1.0 - share } else { share },
            is_distinct: arguments.is_distinct,
        }))
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        arguments.expr_fields[0].data_type() != &DataType::Float64
            && self.0.groups_accumulator_supported(arguments)
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.0.simplify()
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Values {
    values: Vec<f64>,
    share: f64,
    is_distinct: bool,
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.values.extend(values[0].as_primitive::<Float64Type>().iter().flatten());
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values =
            std::mem::take(&mut self.values).into_iter().map(|value| ScalarValue::Float64(Some(value)));
        let values: Vec<_> = values.collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Float64))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.values.sort_unstable_by(f64::total_cmp);
        if self.is_distinct {
            self.values.dedup();
        }
        let Some(last) = self.values.len().checked_sub(1) else { return Ok(ScalarValue::Float64(None)) };
        let place = self.share * last as f64;
        let (low, high) = (self.values[place.floor() as usize], self.values[place.ceil() as usize]);
        // As PostgreSQL reckons it.
        let value = if low == high { low } else { low + (high - low) * place.fract() };
        Ok(ScalarValue::Float64(Some(value)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<f64>()
    }
}
