//! SUM of integers that fails where the total does not fit its type. Totals on the way there may be larger.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

/// What totals are kept in.
const TOTAL: DataType = DataType::Decimal128(38, 0);

/// DataFusion's SUM but for integers.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct CheckedSum(Sum);

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.0.return_type(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match (arguments.return_field.data_type(), arguments.is_distinct) {
            (DataType::Int64, true) => Ok(Box::new(DistinctTotal::default())),
            (DataType::Int64, false) => Ok(Box::new(Total::default())),
            _ => self.0.accumulator(arguments),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        match (arguments.return_type(), arguments.is_distinct) {
            (DataType::Int64, false) => {
                Ok(vec![Arc::new(Field::new(format_state_name(arguments.name, "sum"), TOTAL, true))])
            }
            _ => self.0.state_fields(arguments),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.0.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match arguments.return_field.data_type() {
            DataType::Int64 => Ok(Box::new(Totals::new())),
            _ => self.0.create_groups_accumulator(arguments),
        }
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match (arguments.return_field.data_type(), arguments.is_distinct) {
            (DataType::Int64, false) => Ok(Box::new(Total::default())),
            _ => self.0.create_sliding_accumulator(arguments),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.0.set_monotonicity(kind)
    }
}

fn fitting(total: i128) -> Result<i64> {
    let told = "a SUM is out of its type's range; CAST its argument to DECIMAL or DOUBLE first";
    i64::try_from(total).map_err(|_| DataFusionError::Execution(told.to_owned()))
}

/// The total of one group or window.
#[derive(Debug, Default)]
struct Total {
    total: i128,
    values: u64,
}

fn total(values: &Int64Array) -> i128 {
    match values.null_count() {
        0 => values.values().iter().map(|value| i128::from(*value)).sum(),
        _ => values.iter().flatten().map(i128::from).sum(),
    }
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<Int64Type>();
        self.total += total(values);
        self.values += (values.len() - values.null_count()) as u64;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<Int64Type>();
        self.total -= total(values);
        self.values -= (values.len() - values.null_count()) as u64;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = (self.values > 0).then_some(self.total);
        Ok(ScalarValue::Int64(total.map(fitting).transpose()?))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Decimal128((self.values > 0).then_some(self.total), 38, 0)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for total in states[0].as_primitive::<Decimal128Type>().iter().flatten() {
            self.total += total;
            self.values += 1;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The total of the different values.
#[derive(Debug, Default)]
struct DistinctTotal(HashSet<i64>);

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.extend(values[0].as_primitive::<Int64Type>().iter().flatten());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = (!self.0.is_empty()).then(|| self.0.iter().map(|value| i128::from(*value)).sum());
        Ok(ScalarValue::Int64(total.map(fitting).transpose()?))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<_> = self.0.iter().map(|value| ScalarValue::Int64(Some(*value))).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Int64))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.0.extend(values.as_primitive::<Int64Type>().iter().flatten());
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.capacity() * size_of::<i64>()
    }
}

/// The totals of many groups.
struct Totals(Box<dyn GroupsAccumulator>);

impl Totals {
    fn new() -> Self {
        let add = |total: &mut i128, value: i128| *total += value;
        Self(Box::new(PrimitiveGroupsAccumulator::<Decimal128Type, _>::new(&TOTAL, add)))
    }
}

fn widened(values: &ArrayRef) -> ArrayRef {
    let values = values.as_primitive::<Int64Type>();
    let wide: Decimal128Array = values.unary(i128::from);
    Arc::new(wide.with_data_type(TOTAL))
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.0.update_batch(&[widened(&values[0])], groups, filter, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let totals = self.0.evaluate(emit)?;
        let totals = totals.as_primitive::<Decimal128Type>();
        Ok(Arc::new(totals.try_unary::<_, Int64Type, _>(fitting)?))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.merge_batch(values, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let states = self.0.convert_to_state(&[widened(&values[0])], filter)?;
        states.iter().map(|state| Ok(cast(state, &TOTAL)?)).collect()
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
