//! Values that clients send beside a statement.

use bytes::{Buf, Bytes};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ParamValues;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use crate::wire::problem::Problem;

/// Days from 1970-01-01, where Arrow begins, to 2000-01-01, where PostgreSQL does.
const DAYS: i32 = 10_957;
const MICROSECONDS: i64 = DAYS as i64 * 86_400_000_000;

/// The types of a statement's parameters: as the client says, else as the plan has them, else text.
pub(super) fn types(stated: &[u32], planned: &[Option<DataType>]) -> Vec<Type> {
    let count = stated.len().max(planned.len());
    let of = |at: usize| {
        let stated = stated.get(at).filter(|oid| **oid != 0 && **oid != Type::UNKNOWN.oid());
        let stated = stated.and_then(|oid| Type::from_oid(*oid));
        let planned =
            || planned.get(at)?.as_ref().and_then(|kind| arrow_pg::datatypes::into_pg_type(kind).ok());
        stated.or_else(planned).filter(|kind| *kind != Type::UNKNOWN).unwrap_or(Type::TEXT)
    };
    (0..count).map(of).collect()
}

/// The values of a Bind.
pub(super) fn values(
    types: &[Type],
    planned: &[Option<DataType>],
    formats: &[i16],
    values: &[Option<Bytes>],
) -> Result<Option<ParamValues>, Problem> {
    if values.len() != types.len() {
        let message = format!(
            "bind message supplies {} parameters, but the statement has {}",
            values.len(),
            types.len()
        );
        return Err(Problem::new("08P01", message));
    }
    if formats.len() > 1 && formats.len() != values.len() {
        let message =
            format!("bind message has {} parameter formats but {} parameters", formats.len(), values.len());
        return Err(Problem::new("08P01", message));
    }
    if values.is_empty() {
        return Ok(None);
    }
    let mut scalars = Vec::with_capacity(values.len());
    for (at, (kind, value)) in types.iter().zip(values).enumerate() {
        let format = formats.get(at).or(formats.first()).copied().unwrap_or(0);
        let target = arrow_type(kind, planned.get(at).and_then(Option::as_ref));
        let scalar = match value {
            None => ScalarValue::try_from(&target).ok(),
            Some(value) if format == 1 => binary(kind, value).and_then(|scalar| scalar.cast_to(&target).ok()),
            Some(value) => text(value, &target),
        };
        // Neither the value nor what the cast says of it: both may be personal.
        let number = at + 1;
        let unfit =
            || Problem::new("22P02", format!("parameter ${number} cannot be read as {}", kind.name()));
        scalars.push(scalar.ok_or_else(unfit)?);
    }
    Ok(Some(ParamValues::from(scalars)))
}

/// What a parameter is in the plan. Of times and numbers there are several forms: the plan's own is taken.
fn arrow_type(kind: &Type, planned: Option<&DataType>) -> DataType {
    if let Some(planned) = planned
        && arrow_pg::datatypes::into_pg_type(planned).is_ok_and(|of_plan| of_plan == *kind)
    {
        return planned.clone();
    }
    match *kind {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 | Type::OID => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::NUMERIC => DataType::Decimal128(38, 10),
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Microsecond),
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::BYTEA => DataType::Binary,
        _ => DataType::Utf8,
    }
}

fn text(value: &[u8], target: &DataType) -> Option<ScalarValue> {
    let text = std::str::from_utf8(value).ok()?;
    let scalar = match target {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            return ScalarValue::from(text).cast_to(target).ok();
        }
        DataType::Boolean => ScalarValue::Boolean(Some(match text.trim().to_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => true,
            "f" | "false" | "n" | "no" | "off" | "0" => false,
            _ => return None,
        })),
        DataType::Binary => {
            let digits =
                text.strip_prefix("\\x").filter(|digits| digits.is_ascii() && digits.len() % 2 == 0)?;
            let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
            ScalarValue::Binary(Some((0..digits.len()).step_by(2).map(byte).collect::<Option<_>>()?))
        }
        // pgjdbc sends a date with the offset of its zone.
        DataType::Date32 => ScalarValue::from(text.split_whitespace().next()?).cast_to(target).ok()?,
        _ => ScalarValue::from(text.trim()).cast_to(target).ok()?,
    };
    // Arrow reads what it can't as null.
    (!scalar.is_null()).then_some(scalar)
}

fn binary(kind: &Type, value: &Bytes) -> Option<ScalarValue> {
    let mut value = value.clone();
    let scalar = match *kind {
        Type::BOOL => ScalarValue::Boolean(Some(value.try_get_u8().ok()? != 0)),
        Type::INT2 => ScalarValue::Int16(Some(value.try_get_i16().ok()?)),
        Type::INT4 => ScalarValue::Int32(Some(value.try_get_i32().ok()?)),
        Type::INT8 => ScalarValue::Int64(Some(value.try_get_i64().ok()?)),
        Type::OID => ScalarValue::Int64(Some(i64::from(value.try_get_u32().ok()?))),
        Type::FLOAT4 => ScalarValue::Float32(Some(value.try_get_f32().ok()?)),
        Type::FLOAT8 => ScalarValue::Float64(Some(value.try_get_f64().ok()?)),
        Type::DATE => ScalarValue::Date32(Some(value.try_get_i32().ok()?.checked_add(DAYS)?)),
        Type::TIME => ScalarValue::Time64Microsecond(Some(value.try_get_i64().ok()?)),
        Type::TIMESTAMP => ScalarValue::TimestampMicrosecond(
            Some(value.try_get_i64().ok()?.checked_add(MICROSECONDS)?),
            None,
        ),
        Type::TIMESTAMPTZ => ScalarValue::TimestampMicrosecond(
            Some(value.try_get_i64().ok()?.checked_add(MICROSECONDS)?),
            Some("UTC".into()),
        ),
        Type::NUMERIC => ScalarValue::from(numeric(&mut value)?),
        Type::UUID => {
            let digits: String =
                value.split_to_checked(16)?.iter().map(|byte| format!("{byte:02x}")).collect();
            let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
            ScalarValue::from(parts.join("-"))
        }
        Type::BYTEA => ScalarValue::Binary(Some(std::mem::take(&mut value).to_vec())),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::CHAR | Type::UNKNOWN => {
            ScalarValue::from(std::str::from_utf8(&std::mem::take(&mut value)).ok()?)
        }
        _ => return None,
    };
    value.is_empty().then_some(scalar)
}

trait SplitChecked {
    fn split_to_checked(&mut self, length: usize) -> Option<Bytes>;
}

impl SplitChecked for Bytes {
    fn split_to_checked(&mut self, length: usize) -> Option<Bytes> {
        (self.len() >= length).then(|| self.split_to(length))
    }
}

/// Digits of base 10,000 as decimal text. NaN and infinities are none.
fn numeric(value: &mut Bytes) -> Option<String> {
    let (count, weight) = (value.try_get_i16().ok()?, value.try_get_i16().ok()?);
    let (sign, scale) = (value.try_get_u16().ok()?, value.try_get_i16().ok()?);
    // More than a decimal of 38 digits has is none that could be answered.
    if !(0..=20).contains(&count) || !(-20..=20).contains(&weight) || !(0..=80).contains(&scale) {
        return None;
    }
    let negative = match sign {
        0 => "",
        0x4000 => "-",
        _ => return None,
    };
    let mut digits = Vec::new();
    for _ in 0..count {
        digits.push(value.try_get_u16().ok().filter(|digit| *digit < 10_000)?);
    }
    let at = |place: i16| -> u16 {
        usize::try_from(weight - place).ok().and_then(|index| digits.get(index)).copied().unwrap_or(0)
    };
    let whole: String = (0..=weight.max(0)).rev().map(|place| format!("{:04}", at(place))).collect();
    let places = scale.unsigned_abs().div_ceil(4).cast_signed();
    let fraction: String = (1..=places).map(|place| format!("{:04}", at(-place))).collect();
    let fraction = &fraction[..usize::from(scale.unsigned_abs()).min(fraction.len())];
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() {
        format!("{negative}{whole}")
    } else {
        format!("{negative}{whole}.{fraction}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: Type, format: i16, value: &'static [u8]) -> Result<ScalarValue, Problem> {
        let values = values(&[kind], &[None], &[format], &[Some(Bytes::from_static(value))])?;
        let Some(ParamValues::List(list)) = values else { panic!("a list") };
        Ok(list[0].value.clone())
    }

    #[test]
    fn values_are_read_from_text_and_binary() {
        assert_eq!(one(Type::INT4, 0, b" 42 ").unwrap(), ScalarValue::Int32(Some(42)));
        assert_eq!(one(Type::INT4, 1, &[0, 0, 1, 0]).unwrap(), ScalarValue::Int32(Some(256)));
        assert_eq!(one(Type::DATE, 1, &[0, 0, 0, 0]).unwrap(), ScalarValue::Date32(Some(DAYS)));
        assert_eq!(one(Type::DATE, 0, b"2000-01-01").unwrap(), ScalarValue::Date32(Some(DAYS)));
        assert_eq!(one(Type::BOOL, 0, b"t").unwrap(), ScalarValue::Boolean(Some(true)));
        // 12345.678 is 1|2345|6780 from 10,000^1 on.
        let number = [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c];
        assert_eq!(numeric(&mut Bytes::copy_from_slice(&number)).unwrap(), "12345.678");
        let small = [0, 1, 0xff, 0xff, 0x40, 0, 0, 2, 0x13, 0x88];
        assert_eq!(numeric(&mut Bytes::copy_from_slice(&small)).unwrap(), "-0.50");
    }

    #[test]
    fn an_unfit_value_is_not_quoted() {
        for (kind, format, value) in [
            (Type::INT4, 0, &b"Ann"[..]),
            (Type::INT4, 1, b"Ann"),
            (Type::DATE, 0, b"Ann"),
            (Type::TEXT, 1, &[0xff]),
        ] {
            let error = one(kind, format, value).unwrap_err();
            assert!(!format!("{error:?}").contains("Ann"), "{error:?}");
        }
    }
}
