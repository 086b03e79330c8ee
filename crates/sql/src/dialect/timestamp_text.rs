//! A timestamp's text as PostgreSQL's casts write it: `2026-01-31 10:11:12.5+00`. DataFusion's is `2026-01-31T10:11:12.5Z`.

use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::array::{ArrayRef, AsArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// With the zone, which is always UTC, where the timestamp has one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TimestampText {
    signature: Signature,
}

impl Default for TimestampText {
    fn default() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TimestampText {
    fn name(&self) -> &str {
        "timestamp_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(|values| text(&values[0]), Vec::new())(&arguments.args)
    }
}

fn text(values: &ArrayRef) -> Result<ArrayRef> {
    let zone = match values.data_type() {
        DataType::Timestamp(_, Some(_)) => "+00",
        _ => "",
    };
    let micros = cast(values, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let texts = micros.as_primitive::<TimestampMicrosecondType>().iter().map(|instant| {
        let text = DateTime::from_timestamp_micros(instant?)?.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
        let text = text.trim_end_matches('0').trim_end_matches('.');
        Some(format!("{text}{zone}"))
    });
    Ok(Arc::new(texts.collect::<StringViewArray>()))
}
