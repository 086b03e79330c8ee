//! Which PostgreSQL type a column is announced with, and in which form its values are sent.

use std::sync::Arc;

use arrow_pg::datatypes::field_into_pg_type;
use datafusion::arrow::datatypes::{DataType, Schema};
use pgwire::api::Type;
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::messages::data::{FieldDescription, RowDescription};

use crate::wire::problem::Problem;

/// The columns of an answer.
pub(super) type Fields = Arc<Vec<FieldInfo>>;

/// As a client asked for them in its Bind: none for text, one for all columns, or one for each.
pub(super) fn fields(schema: &Schema, formats: &[i16]) -> Result<Fields, Problem> {
    let columns = schema.fields().len();
    if formats.len() > 1 && formats.len() != columns {
        return Err(Problem::new(
            "08P01",
            format!("bind message has {} result formats but query has {columns} columns", formats.len()),
        ));
    }
    let of_column = |(at, field): (usize, &Arc<datafusion::arrow::datatypes::Field>)| {
        let kind = field_into_pg_type(field).map_err(|_| {
            let (name, kind) = (field.name(), field.data_type());
            Problem::new("0A000", format!("column {name} is of type {kind}, which PostgreSQL's protocol has none for: CAST it to TEXT"))
        })?;
        // As PostgreSQL announces a bare NULL.
        let kind = if kind == Type::UNKNOWN { Type::TEXT } else { kind };
        let format = formats.get(at).or(formats.first().filter(|_| formats.len() == 1));
        let format = format.map_or(FieldFormat::Text, |format| FieldFormat::from(*format));
        let info = FieldInfo::new(field.name().clone(), None, None, kind.clone(), format);
        Ok(info.with_type_size(size(&kind)).with_type_modifier(modifier(field.data_type())))
    };
    Ok(Arc::new(schema.fields().iter().enumerate().map(of_column).collect::<Result<_, Problem>>()?))
}

pub(super) fn description(fields: &Fields) -> RowDescription {
    RowDescription::new(fields.iter().map(FieldDescription::from).collect())
}

/// pg_type.typlen.
pub(super) fn size(kind: &Type) -> i16 {
    match *kind {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4
        | Type::FLOAT4
        | Type::DATE
        | Type::OID
        | Type::REGCLASS
        | Type::REGTYPE
        | Type::REGNAMESPACE => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        Type::INTERVAL => 16,
        _ => -1,
    }
}

/// pg_attribute.atttypmod: of numbers their precision and scale.
pub(super) fn modifier(kind: &DataType) -> i32 {
    match kind {
        DataType::Decimal128(precision, scale) => {
            ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + 4
        }
        _ => -1,
    }
}
