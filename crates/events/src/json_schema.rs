//! An event's JSON Schema, derived from its fields: what our JSON is, not all that is read.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::Event;
use crate::field::{Field, Kind};

#[derive(Debug, Serialize)]
pub(crate) struct Object<'e> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    title: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'e str>,
    r#type: &'static str,
    properties: BTreeMap<&'e str, Property<'e>>,
}

#[derive(Debug, Serialize)]
struct Property<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'e str>,
    r#type: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    /// The symbols and null.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    symbols: Vec<Option<&'e str>>,
}

pub(crate) fn of_event(event: &Event) -> Object<'_> {
    Object {
        schema: "http://json-schema.org/draft-07/schema#",
        title: event.message(),
        description: event.doc(),
        r#type: "object",
        properties: event.fields().iter().map(|field| (field.name.as_str(), of_field(field))).collect(),
    }
}

fn of_field(field: &Field) -> Property<'_> {
    let r#type: &[_] = match field.kind {
        Kind::Text | Kind::Enum => &["string", "null"],
        Kind::Double => &["number", "null"],
        Kind::Int32 | Kind::Int64 => &["integer", "null"],
        // Milliseconds where RFC 3339 has no year for the instant.
        Kind::Instant => &["string", "integer", "null"],
    };
    let mut symbols: Vec<_> = field.symbols.iter().map(|symbol| Some(symbol.name.as_str())).collect();
    if !symbols.is_empty() {
        symbols.push(None);
    }
    let format = (field.kind == Kind::Instant).then_some("date-time");
    Property { description: field.doc.as_deref(), r#type, format, symbols }
}
