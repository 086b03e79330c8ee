//! Avro schemas that are told in several texts, as registries keep them by references.

#![allow(clippy::unwrap_used)]

mod held;

use std::collections::HashMap;
use std::sync::Arc;

use held::{Held, Schemas, decode_with, encoded, event, symbol, text};
use millrace_events::decode_error::DecodeError;
use millrace_events::event::Event;
use millrace_events::frame::Encoding;
use millrace_events::writer_schemas::{SchemaError, WriterSchema};
use serde_json::{Value, json};

const CONTENT_TYPE: Option<&str> = Some("application/avro");

fn ads() -> &'static Event {
    event("ad_events")
}

fn row() -> Vec<Held> {
    let mut row = vec![Held::Absent; ads().fields().len()];
    for name in ["event_id", "user_id", "session_id", "ad_id", "campaign_id"] {
        row[ads().slot(name).unwrap()] = text("x");
    }
    row[ads().slot("action").unwrap()] = symbol("CLICK");
    row[ads().slot("cost_micros").unwrap()] = Held::Int(17);
    row
}

/// The event's own schema.
fn own() -> Value {
    serde_json::from_str(&ads().avro_schema()).unwrap()
}

fn read(schema: &Value, references: &[Value], before: &[u8], after: &[u8]) -> Result<Vec<Held>, DecodeError> {
    let references: Vec<_> = references.iter().map(Value::to_string).collect();
    let writer = WriterSchema::avro_with(&schema.to_string(), &references).unwrap();
    let body = encoded(ads(), &row(), Encoding::Avro, None);
    let framed = [&[0, 0, 0, 0, 7], before, &body, after].concat();
    decode_with(ads(), Arc::new(Schemas(HashMap::from([(7, Arc::new(writer))]))), &framed, CONTENT_TYPE)
}

#[test]
fn a_type_of_a_reference_is_used_by_its_name_at_any_depth() {
    let mut schema = own();
    let fields = schema["fields"].as_array_mut().unwrap();
    let action = fields.iter_mut().find(|field| field["name"] == "action").unwrap();
    let of_action = std::mem::replace(&mut action["type"][1], "millrace.engagement.v1.AdEvent.Action".into());
    // What follows is passed over by shapes of the references, and its first type has no namespace to inherit.
    fields.extend([json!({"name": "where", "type": "Where"}), json!({"name": "shop", "type": "shops.Shop"})]);
    schema["namespace"] = "".into();
    let place = json!({"type": "record", "name": "Where", "fields": [{"name": "at", "type":
        {"type": "array", "items": {"type": "record", "name": "Point", "fields": [{"name": "x", "type": "int"}]}}}]});
    // A union of several types, the first of which holds a type of its own.
    let several = json!([
        {"type": "record", "name": "Holder", "namespace": "h", "fields": [{"name": "held", "type": of_action}]},
        {"type": "fixed", "name": "shops.Id", "size": 2},
    ]);
    let shop = json!({"type": "record", "name": "Shop", "namespace": "shops", "fields": [
        {"name": "id", "type": "Id"}, {"name": "point", "type": ["null", ".Point"]}]});
    // An array of one block with the point 1, the shop's two bytes, no point.
    let after = [2, 2, 0, 9, 9, 0];
    let decoded = read(&schema, &[place, several, shop], &[], &after);
    assert_eq!(decoded, Ok(row()));
}

#[test]
fn a_schema_may_be_a_name_alone() {
    assert_eq!(read(&json!("millrace.engagement.v1.AdEvent"), &[own()], &[], &[]), Ok(row()));
}

#[test]
fn of_a_union_the_branch_is_read_that_is_the_events() {
    let other =
        json!({"type": "record", "name": "Other", "fields": [{"name": "event_id", "type": "string"}]});
    let both = json!(["Other", "millrace.engagement.v1.AdEvent", "null"]);
    assert_eq!(read(&both, &[other.clone(), own()], &[2], &[]), Ok(row()));
    // Its text begins like an event's, and is none.
    for branch in [0, 4, 6] {
        let refusal = read(&both, &[other.clone(), own()], &[branch], &[]).unwrap_err();
        assert_eq!(refusal.kind(), "undecodable", "{branch}");
    }
    // A record alone is the event's whatever its name, in a union as by itself.
    let mut renamed = own();
    renamed["name"] = "Advert".into();
    assert_eq!(read(&json!(["null", renamed]), &[], &[2], &[]), Ok(row()));
    let refusal = read(&json!([other, renamed]), &[], &[2], &[]).unwrap_err();
    let told = "the schema that wrote it is a union of record Other and record millrace.engagement.v1.Advert, of which \
                none is the record AdEvent";
    assert_eq!((refusal.kind(), refusal.to_string().as_str()), ("unfit_schema", told));
}

#[test]
fn a_record_may_hold_itself() {
    let mut schema = own();
    let before = json!({"name": "before", "type": ["null", "millrace.engagement.v1.AdEvent"]});
    schema["fields"].as_array_mut().unwrap().push(before);
    let inner = [encoded(ads(), &row(), Encoding::Avro, None), vec![0]].concat();
    assert_eq!(read(&schema, &[], &[], &[&[2], &inner[..]].concat()), Ok(row()));
}

#[test]
fn a_text_that_is_none_is_told_whichever_it_is() {
    let of = |schema: &str, reference: &str| WriterSchema::avro_with(schema, &[reference.to_owned()]);
    assert!(matches!(of("\"string\"", "{"), Err(SchemaError::NotJson(_))));
    // Two texts in one, which would be one text in the wrong place.
    assert!(matches!(of("\"string\"", r#""int"},{"name":"x","type":"int""#), Err(SchemaError::NotJson(_))));
    assert!(matches!(of("\"Nobodys\"", "\"int\""), Err(SchemaError::Avro(_))));
    assert!(matches!(of("\"string\"", &" ".repeat(2 << 20)), Err(SchemaError::TooLong(_))));
}
