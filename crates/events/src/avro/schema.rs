//! An event's Avro schema, derived from its fields.

use serde::Serialize;

use crate::event::Event;
use crate::field::{Field, Kind};

/// A record of nullable fields, each with the default null; its namespace is the Protobuf package.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'e> {
    r#type: &'static str,
    name: &'e str,
    namespace: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<&'e str>,
    fields: Vec<Member<'e>>,
}

#[derive(Debug, Serialize)]
struct Member<'e> {
    name: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<&'e str>,
    /// Null first, since the default is of a union's first type.
    r#type: [Type<'e>; 2],
    default: (),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Type<'e> {
    Named(&'static str),
    Logical {
        r#type: &'static str,
        #[serde(rename = "logicalType")]
        logical_type: &'static str,
    },
    Enum {
        r#type: &'static str,
        name: &'e str,
        /// The message's full name, since two messages of a package may each have an `Action`.
        namespace: &'e str,
        symbols: Vec<&'e str>,
    },
}

pub(crate) fn of_event(event: &Event) -> Record<'_> {
    let (namespace, name) = event.message().rsplit_once('.').unwrap_or(("", event.message()));
    Record {
        r#type: "record",
        name,
        namespace,
        doc: event.doc(),
        fields: event.fields().iter().map(|field| of_field(event, field)).collect(),
    }
}

fn of_field<'e>(event: &'e Event, field: &'e Field) -> Member<'e> {
    let of_kind = match field.kind {
        Kind::Text => Type::Named("string"),
        Kind::Double => Type::Named("double"),
        Kind::Int32 => Type::Named("int"),
        Kind::Int64 => Type::Named("long"),
        Kind::Instant => Type::Logical { r#type: "long", logical_type: "timestamp-micros" },
        Kind::Enum => Type::Enum {
            r#type: "enum",
            name: &field.enum_name,
            namespace: event.message(),
            symbols: field.symbols.iter().map(|symbol| symbol.name.as_str()).collect(),
        },
    };
    Member {
        name: &field.name,
        doc: field.doc.as_deref(),
        r#type: [Type::Named("null"), of_kind],
        default: (),
    }
}
