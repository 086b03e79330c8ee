//! `x AT TIME ZONE 'Europe/Berlin'` as PostgreSQL has it: of an instant the clock's time there, of a clock's time the instant. DataFusion
//! answers an instant either way, whose days begin elsewhere than those of the clock.

use std::sync::Arc;

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// What the rewriter writes for the operator.
pub(super) const NAME: &str = "at_time_zone";

/// Of microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct AtTimeZone {
    signature: Signature,
}

impl Default for AtTimeZone {
    fn default() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

/// Without a zone.
const CLOCK: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Whether `kind` is the time that a clock shows; a date and a text count as instants, as UTC is everybody's zone here.
fn is_clock(kind: &DataType) -> Result<bool> {
    match kind {
        DataType::Timestamp(_, None) => Ok(true),
        DataType::Timestamp(_, Some(_))
        | DataType::Date32
        | DataType::Date64
        | DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View => Ok(false),
        _ => plan_err!("AT TIME ZONE is of timestamps"),
    }
}

impl ScalarUDFImpl for AtTimeZone {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(if is_clock(&arguments[0])? { instant() } else { CLOCK })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = match &arguments.args[1] {
            ColumnarValue::Scalar(
                ScalarValue::Utf8(Some(zone))
                | ScalarValue::LargeUtf8(Some(zone))
                | ScalarValue::Utf8View(Some(zone)),
            ) => zone_of(zone)?,
            _ => return plan_err!("AT TIME ZONE takes the name of one zone, such as 'Europe/Berlin'"),
        };
        let is_scalar = matches!(arguments.args[0], ColumnarValue::Scalar(_));
        let values = arguments.args[0].to_array(if is_scalar { 1 } else { arguments.number_rows })?;
        let moved = moved(&values, zone)?;
        Ok(if is_scalar {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&moved, 0)?)
        } else {
            ColumnarValue::Array(moved)
        })
    }
}

/// By name alone: PostgreSQL takes `+01:00` for west of Greenwich, and everybody else for east.
fn zone_of(name: &str) -> Result<Tz> {
    match name.parse() {
        Ok(zone) if name.starts_with(|first: char| first.is_ascii_alphabetic()) => Ok(zone),
        _ => plan_err!("there is no such time zone: name one as 'Europe/Berlin' or 'UTC'"),
    }
}

fn moved(values: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    if is_clock(values.data_type())? {
        let clocks = cast(values, &CLOCK)?;
        let clocks = clocks.as_primitive::<TimestampMicrosecondType>();
        let instants: TimestampMicrosecondArray =
            clocks.iter().map(|clock| instant_of(clock?, zone)).collect();
        return Ok(Arc::new(instants.with_timezone("UTC")));
    }
    let instants = cast(values, &instant())?;
    let instants = instants.as_primitive::<TimestampMicrosecondType>();
    let clocks: TimestampMicrosecondArray = instants.iter().map(|instant| clock_of(instant?, zone)).collect();
    Ok(Arc::new(clocks))
}

fn clock_of(micros: i64, zone: Tz) -> Option<i64> {
    let clock = DateTime::from_timestamp_micros(micros)?.with_timezone(&zone).naive_local();
    Some(clock.and_utc().timestamp_micros())
}

/// A time that a clock shows twice is the later one, one that it leaves out goes on from before: PostgreSQL takes both for standard time.
fn instant_of(micros: i64, zone: Tz) -> Option<i64> {
    let clock = DateTime::from_timestamp_micros(micros)?.naive_utc();
    let of = |clock: &NaiveDateTime| match zone.from_local_datetime(clock) {
        LocalResult::Single(instant) => Some(instant),
        LocalResult::Ambiguous(one, other) => Some(one.max(other)),
        LocalResult::None => None,
    };
    let day = TimeDelta::days(1);
    let instant = of(&clock).or_else(|| Some(of(&clock.checked_sub_signed(day)?)? + day))?;
    Some(instant.timestamp_micros())
}
