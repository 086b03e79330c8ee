//! PERCENTILE_CONT and MEDIAN to the last digit (<https://github.com/apache/datafusion/issues/25266>), in the memory of the different values.

use std::hash::Hash;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::functions_aggregate::median::Median;
use datafusion::functions_aggregate::percentile_cont::PercentileCont;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature};
use datafusion::physical_expr::expressions::Literal;

use super::counted_values;

/// An aggregate of DataFusion's, but for what it does with 64-bit floats, which whole numbers are cast to: they are counted.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Counted<Inner>(Inner);

/// Which share of the values lies below the asked one.
pub(super) trait Share: AggregateUDFImpl {
    fn share(arguments: &AccumulatorArgs) -> Result<f64>;
}

/// Its own cuts the weight of an interpolation to six digits.
impl Share for PercentileCont {
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
}

/// Its own keeps each row's value, which do not fit beside others.
impl Share for Median {
    fn share(_arguments: &AccumulatorArgs) -> Result<f64> {
        Ok(0.5)
    }
}

impl<Inner: Share + Eq + Hash> AggregateUDFImpl for Counted<Inner> {
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
        if arguments.input_fields[0].data_type() != &DataType::Float64 {
            return self.0.state_fields(arguments);
        }
        Ok(counted_values::state_fields(arguments.name))
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if arguments.expr_fields[0].data_type() != &DataType::Float64 {
            return self.0.accumulator(arguments);
        }
        Ok(counted_values::of_one(Inner::share(&arguments)?, arguments.is_distinct))
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.0.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        if arguments.expr_fields[0].data_type() != &DataType::Float64 {
            return self.0.create_groups_accumulator(arguments);
        }
        Ok(counted_values::of_groups(Inner::share(&arguments)?))
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.0.simplify()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.0.supports_within_group_clause()
    }
}
