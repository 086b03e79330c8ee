//! Any row of any event survives each encoding, and the other implementations agree with ours byte for byte.

#![allow(clippy::unwrap_used)]

mod held;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use held::{Held, any_row, decode, decode_with, encoded, event, fill};
use millrace_events::event::Event;
use millrace_events::event_catalogue::events;
use millrace_events::field::Kind;
use millrace_events::frame::{Encoding, SchemaId};
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::row::RowBuffer;
use millrace_proto::engagement::v1::{AdEvent, VideoEngagement};
use millrace_proto::interactions::v1::UserInteraction;
use millrace_proto::users::v1::UserCreated;
use proptest::prelude::*;
use prost::Message;

fn any_event_row(keeps_rules: bool) -> impl Strategy<Value = (&'static Event, Vec<Held>)> {
    prop::sample::select(events().iter().collect::<Vec<_>>())
        .prop_flat_map(move |event| (Just(event), any_row(event, keeps_rules)))
}

/// What prost reads of the bytes, written by it again.
fn through_prost(event: &Event, bytes: &[u8]) -> Vec<u8> {
    match event.table() {
        "users" => UserCreated::decode(bytes).unwrap().encode_to_vec(),
        "user_interactions" => UserInteraction::decode(bytes).unwrap().encode_to_vec(),
        "video_engagements" => VideoEngagement::decode(bytes).unwrap().encode_to_vec(),
        "ad_events" => AdEvent::decode(bytes).unwrap().encode_to_vec(),
        other => panic!("say here what type {other} has"),
    }
}

/// The record that apache-avro makes of a row.
fn avro_record(event: &Event, row: &[Held]) -> Avro {
    let fields = event.fields().iter().zip(row).map(|(field, held)| {
        let value = match held {
            Held::Absent => Avro::Union(0, Box::new(Avro::Null)),
            Held::Text(text) => Avro::Union(1, Box::new(Avro::String(text.clone()))),
            Held::Double(number) => Avro::Union(1, Box::new(Avro::Double(*number))),
            Held::Instant(micros) => Avro::Union(1, Box::new(Avro::TimestampMicros(*micros))),
            Held::Int(number) if field.kind == Kind::Int32 => {
                Avro::Union(1, Box::new(Avro::Int(i32::try_from(*number).unwrap())))
            }
            Held::Int(number) => Avro::Union(1, Box::new(Avro::Long(*number))),
            Held::Symbol(name) => {
                let at = field.symbols.iter().position(|symbol| symbol.name == *name).unwrap();
                Avro::Union(1, Box::new(Avro::Enum(at as u32, name.clone())))
            }
        };
        (field.name.clone(), value)
    });
    Avro::Record(fields.collect())
}

/// What a table holds of an interaction: no blank text, no enum that says nothing, instants cut to µs.
fn as_landed(mut event: UserInteraction) -> UserInteraction {
    for text in [&mut event.event_id, &mut event.user_id, &mut event.session_id] {
        text.take_if(|text| text.trim().is_empty());
    }
    for number in [&mut event.event_type, &mut event.status] {
        number.take_if(|number| *number == 0);
    }
    if let Some(instant) = &mut event.event_timestamp {
        instant.nanos -= instant.nanos % 1_000;
    }
    event
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_row_survives_every_encoding((event, row) in any_event_row(true), with_id in any::<bool>()) {
        for encoding in Encoding::ALL {
            let id = (with_id || encoding == Encoding::Avro).then(|| event.schema_id(encoding));
            let bytes = encoded(event, &row, encoding, id);
            match decode(event, &bytes, encoding) {
                Ok(read) => prop_assert_eq!(&read, &row, "{:?}", encoding),
                Err(refusal) => {
                    prop_assert_eq!(refusal.kind(), "no_identity");
                    continue;
                }
            }
            // A frame whose id is known needs no header.
            if let Some(id) = id {
                prop_assert_eq!(SchemaId::needed_by(&bytes, None), Some(id));
                let read = decode_with(event, RepositorySchemas::shared(), &bytes, None);
                prop_assert_eq!(&read.unwrap(), &row);
            }
        }
    }

    #[test]
    fn transcoding_keeps_what_a_message_says((event, row) in any_event_row(false)) {
        let message = encoded(event, &row, Encoding::Protobuf, None);
        let mut scratch = RowBuffer::new(event);
        for encoding in Encoding::ALL {
            let id = Some(event.schema_id(encoding));
            let mut out = b"before".to_vec();
            event.transcode(&message, encoding, id, &mut scratch, &mut out).unwrap();
            prop_assert_eq!(&out[..6], b"before");
            prop_assert_eq!(&out[6..], encoded(event, &row, encoding, id));
        }
    }

    #[test]
    fn our_protobuf_is_prosts((event, row) in any_event_row(false)) {
        let bytes = encoded(event, &row, Encoding::Protobuf, None);
        prop_assert_eq!(through_prost(event, &bytes), bytes);
    }

    /// What prost refuses is refused, what it reads is read alike: but for values that no table holds.
    #[test]
    fn mutated_protobuf_is_taken_as_prost_takes_it(
        row in any_row(&events()[1], false),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..5),
    ) {
        let interactions = event("user_interactions");
        let mut bytes = encoded(interactions, &row, Encoding::Protobuf, None);
        for (at, byte, edit) in edits.into_iter().filter(|_| !row.is_empty()) {
            let at = at.index(bytes.len().max(1));
            match edit {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at.min(bytes.len()), byte),
            }
        }
        let mut out = Vec::new();
        let mut scratch = RowBuffer::new(interactions);
        let ours = interactions.transcode(&bytes, Encoding::Protobuf, None, &mut scratch, &mut out);
        match (UserInteraction::decode(&*bytes), ours) {
            (Ok(theirs), Ok(())) => {
                prop_assert_eq!(UserInteraction::decode(&*out).unwrap(), as_landed(theirs));
            }
            (Ok(_), Err(refusal)) => prop_assert_eq!(refusal.kind(), "invalid_value"),
            (Err(_), ours) => prop_assert!(ours.is_err()),
        }
    }

    #[test]
    fn our_avro_is_apaches((event, row) in any_event_row(true)) {
        let schema = Schema::parse_str(&event.avro_schema()).unwrap();
        let record = avro_record(event, &row);
        let ours = encoded(event, &row, Encoding::Avro, None);
        let read = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut ours.as_slice()).unwrap();
        prop_assert_eq!(&read, &record);
        let theirs = GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(record).unwrap();
        prop_assert_eq!(theirs, ours);
    }

    #[test]
    fn our_json_is_json((event, row) in any_event_row(false)) {
        let bytes = encoded(event, &row, Encoding::Json, None);
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for (field, held) in event.fields().iter().zip(&row) {
            match held {
                Held::Text(text) | Held::Symbol(text) => prop_assert_eq!(json[&field.name].as_str(), Some(&**text)),
                Held::Int(number) => prop_assert_eq!(json[&field.name].as_i64(), Some(*number)),
                // serde_json is an ulp off at times where it is not asked to be exact.
                Held::Double(number) => {
                    let read = json[&field.name].as_f64().unwrap();
                    prop_assert!((read - number).abs() <= number.abs() * 1e-15, "{} {}", read, number);
                },
                Held::Instant(_) => prop_assert!(json[&field.name].is_string()),
                Held::Absent => prop_assert!(json[&field.name].is_null()),
            }
        }
    }
}

#[test]
fn an_instant_without_a_year_in_rfc_3339_is_milliseconds_in_json() {
    let ads = event("ad_events");
    let mut row = vec![held::text("x"); 5];
    row.resize(ads.fields().len(), Held::Absent);
    row[9] = Held::Instant(253_402_300_800_000_999);
    let bytes = encoded(ads, &row, Encoding::Json, None);
    row[9] = Held::Instant(253_402_300_800_000_000);
    assert_eq!(decode(ads, &bytes, Encoding::Json).unwrap(), row);
}

#[test]
fn a_key_is_what_the_contract_says() {
    let uuid = "123e4567-e89b-12d3-a456-426614174000";
    for (table, field, id, key) in [
        ("users", "user_id", uuid, uuid.as_bytes()),
        (
            "user_interactions",
            "user_id",
            uuid,
            b"\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\0",
        ),
        ("user_interactions", "user_id", "ålborg", "ålborg".as_bytes()),
        ("video_engagements", "session_id", uuid, uuid.as_bytes()),
        ("ad_events", "session_id", "s", b"s"),
    ] {
        let event = event(table);
        let mut row = RowBuffer::new(event);
        let mut fields = vec![Held::Absent; event.fields().len()];
        fields[event.slot(field).unwrap()] = held::text(id);
        fill(event, &fields, &mut row);
        let mut out = Vec::new();
        assert!(event.write_key(&row.row(event).unwrap(), &mut out));
        assert_eq!(out, key, "{table}");
        row.clear();
        assert!(!event.write_key(&row.row(event).unwrap(), &mut out));
    }
}
