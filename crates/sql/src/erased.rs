//! Rows of persons whose erasure is under way: they are there until it has come to their files, and nobody's to read any more.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, ident,
};
use millrace_lake::erasure::refused_ids::RefusedIds;

/// Whether a row, by the column of its person's id, is to be seen.
pub(crate) fn is_kept(column: &str, refused: &Arc<RefusedIds>) -> Expr {
    let function =
        IsErased { refused: Arc::clone(refused), signature: Signature::any(1, Volatility::Immutable) };
    let call = ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![ident(column)]);
    Expr::Not(Box::new(Expr::ScalarFunction(call)))
}

#[derive(Debug)]
struct IsErased {
    refused: Arc<RefusedIds>,
    signature: Signature,
}

impl PartialEq for IsErased {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.refused, &other.refused)
    }
}

impl Eq for IsErased {}

impl Hash for IsErased {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.refused).hash(state);
    }
}

impl ScalarUDFImpl for IsErased {
    fn name(&self) -> &str {
        "is_being_erased"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_erased = |values: &[ArrayRef]| {
            let ids = cast(&values[0], &DataType::Utf8View)?;
            // A row without an id is nobody's.
            let erased =
                ids.as_string_view().iter().map(|id| Some(id.is_some_and(|id| self.refused.contains(id))));
            Ok(Arc::new(erased.collect::<BooleanArray>()) as ArrayRef)
        };
        make_scalar_function(is_erased, Vec::new())(&arguments.args)
    }
}
