//! Schemas from their texts, where one is told in several.

use apache_avro::schema::Schema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::writer_schemas::SchemaError;

/// Several texts, each of which may use the names that those before it define, at whatever depth: as Avro's own parser takes
/// one after another.
pub(crate) fn in_order(texts: &[&str]) -> Result<Vec<Schema>, SchemaError> {
    let of_avro = |error| SchemaError::Avro(Box::new(error));
    if let [text] = texts {
        return Ok(vec![Schema::parse_str(text).map_err(of_avro)?]);
    }
    // The types of one record's fields do just that. It has no namespace, so that none of them inherits one.
    let field = |(at, text): (usize, &&'_ str)| -> Result<Field, SchemaError> {
        let schema = serde_json::from_str(text).map_err(SchemaError::NotJson)?;
        Ok(Field { name: format!("part{at}"), r#type: schema })
    };
    let fields = texts.iter().enumerate().map(field).collect::<Result<_, _>>()?;
    let whole = Whole { r#type: "record", name: "millrace_references", fields };
    let whole = serde_json::to_string(&whole).map_err(SchemaError::NotJson)?;
    Ok(match Schema::parse_str(&whole).map_err(of_avro)? {
        Schema::Record(record) => record.fields.into_iter().map(|field| field.schema).collect(),
        other => vec![other],
    })
}

#[derive(Serialize)]
struct Whole {
    r#type: &'static str,
    name: &'static str,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct Field {
    name: String,
    /// As it is written: a text of its own, whole.
    r#type: Box<RawValue>,
}
