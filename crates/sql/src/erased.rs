//! Rows of persons whose erasure is under way: they are there until it has come to their files, and nobody's to read any more.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
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
        let is_scalar = matches!(arguments.args[0], ColumnarValue::Scalar(_));
        let ids = arguments.args[0].to_array(if is_scalar { 1 } else { arguments.number_rows })?;
        let ids = cast(&ids, &DataType::Utf8View)?;
        // A row without an id is nobody's.
        let erased =
            ids.as_string_view().iter().map(|id| Some(id.is_some_and(|id| self.refused.contains(id))));
        let erased: BooleanArray = erased.collect();
        Ok(if is_scalar {
            ColumnarValue::Scalar(ScalarValue::Boolean(Some(erased.value(0))))
        } else {
            ColumnarValue::Array(Arc::new(erased))
        })
    }
}
