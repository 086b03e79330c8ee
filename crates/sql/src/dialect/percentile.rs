//! PERCENTILE_CONT to the last digit: DataFusion's own cuts the weight of its interpolation to six digits
//! (<https://github.com/apache/datafusion/issues/25266>).

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::functions_aggregate::percentile_cont::PercentileCont;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature};
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
        let share = share(&arguments)?;
        Ok(Box::new(Values { values: Vec::new(), share, is_distinct: arguments.is_distinct }))
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.0.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        if arguments.expr_fields[0].data_type() != &DataType::Float64 {
            return self.0.create_groups_accumulator(arguments);
        }
        let share = share(&arguments)?;
        Ok(Box::new(Groups { values: self.0.create_groups_accumulator(arguments)?, share }))
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.0.simplify()
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }
}

/// Which share of the values lies below the asked one.
fn share(arguments: &AccumulatorArgs) -> Result<f64> {
    let share = match arguments.exprs[1].downcast_ref::<Literal>().map(Literal::value) {
        Some(ScalarValue::Float64(Some(share))) if (0.0..=1.0).contains(share) => *share,
        _ => {
            let told = "PERCENTILE_CONT takes a number from 0 to 1";
            return Err(DataFusionError::Plan(told.to_owned()));
        }
    };
    let is_descending = arguments.order_bys.first().is_some_and(|order| order.options.descending);
    Ok(if is_descending { 1.0 - share } else { share })
}

/// None where there is no value. Changes the order of the values.
fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    let place = share * values.len().checked_sub(1)? as f64;
    let (_, low, above) = values.select_nth_unstable_by(place.floor() as usize, f64::total_cmp);
    let low = *low;
    let high = match place.fract() > 0.0 {
        true => above.iter().copied().min_by(f64::total_cmp).unwrap_or(low),
        false => low,
    };
    // As PostgreSQL reckons it.
    Some(if low == high { low } else { low + (high - low) * place.fract() })
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
        let values = Float64Array::from(std::mem::take(&mut self.values));
        let item = Arc::new(Field::new_list_field(DataType::Float64, true));
        let list = ListArray::new(item, OffsetBuffer::from_lengths([values.len()]), Arc::new(values), None);
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.is_distinct {
            self.values.sort_unstable_by(f64::total_cmp);
            self.values.dedup();
        }
        Ok(ScalarValue::Float64(percentile(&mut self.values, self.share)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<f64>()
    }
}

/// DataFusion's gathering of many groups' values, from which ours are taken.
struct Groups {
    values: Box<dyn GroupsAccumulator>,
    share: f64,
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.values.update_batch(values, groups, filter, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let lists = self.values.state(emit)?[0].as_list::<i32>().clone();
        let (_, ends, values, _) = lists.into_parts();
        let numbers = values.as_primitive::<Float64Type>().clone();
        // Nobody else has them then, and they need not be copied.
        drop(values);
        let mut numbers: Vec<f64> = numbers.into_parts().1.into();
        let of_group =
            |ends: &[i32]| percentile(&mut numbers[ends[0] as usize..ends[1] as usize], self.share);
        Ok(Arc::new(ends.windows(2).map(of_group).collect::<Float64Array>()))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.values.state(emit)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.values.merge_batch(states, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        // It takes the values alone, and is given the share too.
        self.values.convert_to_state(&values[..1], filter)
    }

    fn size(&self) -> usize {
        self.values.size()
    }
}
