//! A number's nearest integer, as PostgreSQL's casts have it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};
use datafusion::common::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// Of two that are as near, floats take the even one, decimals that away from zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Rounded {
    signature: Signature,
}

impl Default for Rounded {
    fn default() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Rounded {
    fn name(&self) -> &str {
        "rounded"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(|values| Ok(rounded(&values[0])), Vec::new())(&arguments.args)
    }
}

fn rounded(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float64 => {
            Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even))
        }
        DataType::Float32 => {
            Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::round_ties_even))
        }
        DataType::Decimal128(_, scale @ 1..) => {
            let one = 10_i128.pow(*scale as u32);
            let nearest = |value: i128| (value / one + (value % one * 2) / one) * one;
            let rounded = values.as_primitive::<Decimal128Type>().unary::<_, Decimal128Type>(nearest);
            Arc::new(rounded.with_data_type(values.data_type().clone()))
        }
        // Others are cut, as the engine does.
        _ => Arc::clone(values),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Decimal128Array, Float64Array};

    use super::*;

    #[test]
    fn floats_round_to_even_and_decimals_away_from_zero() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.5, 1.5, 2.5, -2.5, 2.4, -2.6]));
        let expected: ArrayRef = Arc::new(Float64Array::from(vec![0.0, 2.0, 2.0, -2.0, 2.0, -3.0]));
        assert_eq!(&rounded(&floats), &expected);
        let decimals = |values: Vec<i128>| -> ArrayRef {
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(10, 2).unwrap())
        };
        let expected = decimals(vec![100, 300, -300, 200, -200, 0]);
        assert_eq!(&rounded(&decimals(vec![50, 250, -250, 249, -249, 49])), &expected);
    }
}
