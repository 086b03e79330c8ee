//! What rows hold, owned, so that tests can build, compare and print it.

// Each test file uses its own part of this; in a helper as in a test, what cannot be had ends the test.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;

use millrace_events::decode::{Decoder, Value};
use millrace_events::decode_error::DecodeError;
use millrace_events::event::Event;
use millrace_events::event_catalogue::by_table;
use millrace_events::field::Kind;
use millrace_events::frame::{Encoding, SchemaId};
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::row::{Datum, Row, RowBuffer};
use millrace_events::writer_schemas::{WriterSchema, WriterSchemas};
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Held {
    Absent,
    Text(String),
    Int(i64),
    Double(f64),
    Instant(i64),
    Symbol(String),
}

impl Held {
    pub(crate) fn of(datum: Datum<'_>) -> Self {
        match datum {
            Datum::Absent => Self::Absent,
            Datum::Text(text) => Self::Text(text.to_owned()),
            Datum::Int(number) => Self::Int(number),
            Datum::Double(number) => Self::Double(number),
            Datum::Instant(micros) => Self::Instant(micros),
            Datum::Symbol(name) => Self::Symbol(name.to_owned()),
        }
    }

    pub(crate) fn datum(&self) -> Datum<'_> {
        match self {
            Self::Absent => Datum::Absent,
            Self::Text(text) => Datum::Text(text),
            Self::Int(number) => Datum::Int(*number),
            Self::Double(number) => Datum::Double(*number),
            Self::Instant(micros) => Datum::Instant(*micros),
            Self::Symbol(name) => Datum::Symbol(name),
        }
    }
}

pub(crate) fn text(text: &str) -> Held {
    Held::Text(text.to_owned())
}

pub(crate) fn symbol(name: &str) -> Held {
    Held::Symbol(name.to_owned())
}

pub(crate) fn event(table: &str) -> &'static Event {
    by_table(table).unwrap()
}

pub(crate) fn held(event: &Event, row: &Row<'_>) -> Vec<Held> {
    (0..event.fields().len()).map(|slot| Held::of(row.get(event, slot))).collect()
}

/// The fields that are there, by name.
pub(crate) fn present(event: &Event, row: &[Held]) -> Vec<(String, Held)> {
    let named = event.fields().iter().map(|field| field.name.clone()).zip(row.iter().cloned());
    named.filter(|(_, held)| *held != Held::Absent).collect()
}

pub(crate) fn fill(event: &Event, fields: &[Held], row: &mut RowBuffer) {
    row.clear();
    for (slot, field) in fields.iter().enumerate() {
        row.set(event, slot, field.datum());
    }
}

pub(crate) fn encoded(event: &Event, fields: &[Held], encoding: Encoding, id: Option<SchemaId>) -> Vec<u8> {
    let mut row = RowBuffer::new(event);
    fill(event, fields, &mut row);
    let mut out = Vec::new();
    event.encode(&row.row(event).unwrap(), encoding, id, &mut out);
    out
}

/// The schemas of a test, by id.
#[derive(Debug, Default)]
pub(crate) struct Schemas(pub(crate) HashMap<u32, Arc<WriterSchema>>);

impl WriterSchemas for Schemas {
    fn get(&self, id: SchemaId) -> Option<Arc<WriterSchema>> {
        self.0.get(&id.0).cloned()
    }
}

/// Of an Avro schema with the id 7.
pub(crate) fn avro(schema: &str) -> Arc<dyn WriterSchemas> {
    let schema = Arc::new(WriterSchema::avro(schema).unwrap());
    Arc::new(Schemas(HashMap::from([(7, schema)])))
}

pub(crate) fn decode_with(
    event: &Event,
    schemas: Arc<dyn WriterSchemas>,
    bytes: &[u8],
    content_type: Option<&str>,
) -> Result<Vec<Held>, DecodeError> {
    let mut decoder = Decoder::new(event, schemas);
    let value = Value { bytes: Some(bytes), content_type, source: None };
    decoder.decode(&value).map(|row| held(event, &row))
}

pub(crate) fn decode(event: &Event, bytes: &[u8], encoding: Encoding) -> Result<Vec<Held>, DecodeError> {
    decode_with(event, RepositorySchemas::shared(), bytes, Some(encoding.content_type()))
}

/// A row of the event with any values, which keeps its rules where `keeps_rules`. Instants are those that RFC 3339 has.
pub(crate) fn any_row(event: &'static Event, keeps_rules: bool) -> impl Strategy<Value = Vec<Held>> {
    let fields = event.fields().iter().map(|field| {
        let values = match field.kind {
            Kind::Text => {
                let texts = prop_oneof!["\\PC{1,12}", any::<String>(), "[\\x00-\\x7f]{1,9}"];
                texts.prop_filter("blank", |text| !text.trim().is_empty()).prop_map(Held::Text).boxed()
            }
            Kind::Double => {
                let finite = any::<f64>().prop_filter("finite", |number| number.is_finite());
                finite.prop_map(Held::Double).boxed()
            }
            Kind::Int32 if field.name == "error_code" => (400..600_i64).prop_map(Held::Int).boxed(),
            Kind::Int32 if field.name == "product_id" => (1..10_001_i64).prop_map(Held::Int).boxed(),
            Kind::Int32 => any::<i32>().prop_map(|number| Held::Int(i64::from(number))).boxed(),
            Kind::Int64 => any::<i64>().prop_map(Held::Int).boxed(),
            Kind::Instant => {
                (-62_167_219_200_000_000..253_402_300_800_000_000_i64).prop_map(Held::Instant).boxed()
            }
            Kind::Enum => {
                let names: Vec<_> = field.symbols.iter().map(|symbol| symbol.name.clone()).collect();
                prop::sample::select(names).prop_map(Held::Symbol).boxed()
            }
        };
        let is_id = field.name.ends_with("_id") && field.kind == Kind::Text;
        let absent = if is_id && keeps_rules { 0 } else { 1 };
        (Just(absent), any::<u8>(), values)
            .prop_map(|(absent, draw, value)| if absent == 1 && draw < 64 { Held::Absent } else { value })
            .boxed()
    });
    fields.collect::<Vec<_>>().prop_map(move |mut row| {
        let at = |name: &str| event.slot(name);
        if let (true, Some(code), Some(status)) = (keeps_rules, at("error_code"), at("status"))
            && row[status] != symbol("ERROR")
        {
            row[code] = Held::Absent;
        }
        if let (true, Some(product), Some(kind)) = (keeps_rules, at("product_id"), at("event_type"))
            && ![symbol("VIEW_PRODUCT"), symbol("ADD_TO_CART")].contains(&row[kind])
        {
            row[product] = Held::Absent;
        }
        row
    })
}
