//! What a decoder is given of arbitrary bytes, for the fuzz targets and for the test that replays their corpus.

#![allow(dead_code)]

use std::sync::{Arc, LazyLock};

use millrace_events::decode::{Decoder, Value};
use millrace_events::event_catalogue::events;
use millrace_events::frame::{Encoding, SchemaId};
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::schema_references::{Place, References};
use millrace_events::writer_schemas::{WriterSchema, WriterSchemas};

/// A writer's schema with every type in it that can be passed over.
const WIDE: &str = r#"{"type":"record","name":"Wide","fields":[
    {"name":"list","type":{"type":"record","name":"List","fields":[
        {"name":"nothing","type":"null"},{"name":"next","type":["null","List"]},
        {"name":"both","type":{"type":"array","items":"List"}}]}},
    {"name":"nothings","type":{"type":"array","items":"null"}},
    {"name":"empties","type":{"type":"array","items":{"type":"record","name":"Empty","fields":[
        {"name":"a","type":"null"},{"name":"b","type":{"type":"fixed","name":"Zero","size":0}}]}}},
    {"name":"map","type":{"type":"map","values":{"type":"array","items":["null","bytes","double","float","boolean"]}}},
    {"name":"itself","type":["null",{"type":"record","name":"Itself","fields":[
        {"name":"left","type":"Itself"},{"name":"right","type":"Itself"}]}]},
    {"name":"fixed","type":{"type":"fixed","name":"Sixteen","size":16}},
    {"name":"email","type":["string","null","int"]},
    {"name":"status","type":{"type":"enum","name":"S","symbols":["ERROR","OTHER"]}}]}"#;

/// The repository's schemas, and [`WIDE`] with the id 7.
#[derive(Debug)]
struct Known(Arc<RepositorySchemas>, Option<Arc<WriterSchema>>);

impl WriterSchemas for Known {
    fn get(&self, id: SchemaId) -> Option<Arc<WriterSchema>> {
        if id == SchemaId(7) { self.1.clone() } else { self.0.get(id) }
    }
}

/// Decodes the bytes as every event; answers how many took them.
pub(crate) fn decode(bytes: &[u8], content_type: Option<&str>) -> usize {
    static KNOWN: LazyLock<Arc<Known>> = LazyLock::new(|| {
        Arc::new(Known(RepositorySchemas::shared(), WriterSchema::avro(WIDE).ok().map(Arc::new)))
    });
    let value = Value { bytes: Some(bytes), content_type, source: None };
    let _ = value.schema_needed();
    events()
        .iter()
        .filter(|event| match Decoder::new(event, KNOWN.clone()).decode(&value) {
            Ok(_) => true,
            Err(refusal) => {
                // A message names places, and is no copy of the value.
                assert!(refusal.to_string().len() < 1_000);
                false
            }
        })
        .count()
}

/// A bare message.
pub(crate) fn protobuf(bytes: &[u8]) {
    decode(bytes, Some("application/x-protobuf"));
}

/// Behind a schema id: that of each event, and one of the widest schema.
pub(crate) fn avro(bytes: &[u8]) {
    let ids = events().iter().map(|event| event.schema_id(Encoding::Avro)).chain([SchemaId(7)]);
    for id in ids {
        let framed = [&[0], &id.0.to_be_bytes()[..], bytes].concat();
        decode(&framed, Some("application/avro"));
    }
}

pub(crate) fn json(bytes: &[u8]) {
    decode(bytes, Some("application/json"));
}

/// As a record without headers.
pub(crate) fn frame(bytes: &[u8]) {
    decode(bytes, None);
}

/// As texts of Avro schemas, a line each, of which the last refers to those before it; and as a registry's references, two
/// bytes each: a schema and one that it refers to.
pub(crate) fn references(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut texts: Vec<_> = text.lines().map(str::to_owned).collect();
        let last = texts.pop().unwrap_or_default();
        if let Ok(schema) = WriterSchema::avro_with(&last, &texts) {
            let known = Arc::new(Known(RepositorySchemas::shared(), Some(Arc::new(schema))));
            let framed = [&[0, 0, 0, 0, 7], bytes].concat();
            for event in events() {
                let value =
                    Value { bytes: Some(&framed), content_type: Some("application/avro"), source: None };
                let _ = Decoder::new(event, known.clone()).decode(&value);
            }
        }
    }
    let refers = |from: u8| {
        let pairs = bytes.as_chunks::<2>().0.iter().filter(move |[of, _]| *of == from);
        pairs.map(|[_, to]| Place { subject: to.to_string(), version: 1 }).collect::<Vec<_>>()
    };
    let mut references = References::of(refers(0));
    let mut asked = 0;
    let followed = loop {
        let place = match references.wanted() {
            Ok(Some(place)) => place.clone(),
            Ok(None) => break true,
            Err(_) => break false,
        };
        asked += 1;
        assert!(asked <= 256, "it ends");
        let subject = place.subject.parse().unwrap_or_default();
        if references.give(place.subject, refers(subject)).is_err() {
            break false;
        }
    };
    if followed {
        let texts = references.into_texts();
        for (at, text) in texts.iter().enumerate() {
            let of_text = refers(text.parse().unwrap_or_default());
            let before = |place: &Place| texts[..at].contains(&place.subject);
            assert!(of_text.iter().all(before), "each stands behind what it refers to");
        }
    }
}
