//! The derived schemas against what is committed and registered, and what is made of other writers' schemas.

#![allow(clippy::unwrap_used)]

mod held;

use std::path::PathBuf;

use apache_avro::Schema;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use held::{Held, avro, decode, decode_with, event, present, symbol, text};
use millrace_events::event_catalogue::events;
use millrace_events::frame::{Encoding, SchemaId};
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::writer_schemas::{WriterSchema, WriterSchemas};

#[test]
fn the_committed_schemas_are_those_of_the_messages() {
    for event in events() {
        let name = event.message().rsplit_once('.').unwrap().1;
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proto/avro");
        let path = root.join(format!("{name}.avsc"));
        let derived = event.avro_schema();
        if std::fs::read_to_string(&path).unwrap_or_default() == derived {
            continue;
        }
        assert!(
            std::env::var_os("MILLRACE_ACCEPT_PROTO").is_some(),
            "proto/avro/{name}.avsc is not what {} gives. Never change it by hand: change the message, as \
             proto/src/lib.rs tells, and accept both: \
             MILLRACE_ACCEPT_PROTO=1 cargo test -p millrace-proto -p millrace-events",
            event.message()
        );
        std::fs::create_dir_all(root).unwrap();
        std::fs::write(path, derived).unwrap();
    }
}

#[test]
fn every_event_has_a_schema_of_each_encoding_to_register() {
    let schemas = RepositorySchemas::shared();
    for event in events() {
        assert_eq!(event.subject(), format!("{}-value", event.topic()));
        let texts = Encoding::ALL.map(|encoding| event.schema_text(encoding).unwrap());
        assert!(texts[0].contains("syntax = \"proto3\""));
        WriterSchema::protobuf(&texts[0]).unwrap();
        Schema::parse_str(&texts[1]).unwrap();
        let json: serde_json::Value = serde_json::from_str(&texts[2]).unwrap();
        assert_eq!(json["properties"].as_object().unwrap().len(), event.fields().len());
        for encoding in Encoding::ALL {
            assert_eq!(schemas.get(event.schema_id(encoding)).unwrap().encoding(), encoding);
        }
    }
    let ids = events().iter().flat_map(|event| Encoding::ALL.map(|encoding| event.schema_id(encoding).0));
    assert_eq!(
        ids.collect::<Vec<_>>(),
        [9001, 9002, 9003, 9011, 9012, 9013, 9021, 9022, 9023, 9031, 9032, 9033]
    );
    assert!(schemas.get(SchemaId(1)).is_none());
}

/// A record of an ad event's ids and these fields.
fn schema(fields: &str) -> String {
    let ids = ["event_id", "user_id", "session_id", "ad_id", "campaign_id"]
        .map(|id| format!(r#"{{"name":"{id}","type":"string"}}"#));
    format!(
        r#"{{"type":"record","name":"Theirs","namespace":"other","fields":[{},{fields}]}}"#,
        ids.join(",")
    )
}

/// What is read of the fields beside the ids, as apache-avro writes them.
fn read(fields: &str, values: Vec<(&str, Avro)>) -> Result<Vec<(String, Held)>, (&'static str, String)> {
    let text = schema(fields);
    let writer = Schema::parse_str(&text).unwrap();
    let ids = ["event_id", "user_id", "session_id", "ad_id", "campaign_id"];
    let ids = ids.into_iter().map(|id| (id, Avro::String("x".to_owned())));
    let record = ids.chain(values).map(|(name, value)| (name.to_owned(), value)).collect();
    let body = GenericDatumWriter::builder(&writer)
        .build()
        .unwrap()
        .write_value_to_vec(Avro::Record(record))
        .unwrap();
    let framed = [&[0, 0, 0, 0, 7], &body[..]].concat();
    let ads = event("ad_events");
    let row = decode_with(ads, avro(&text), &framed, Some("application/avro"));
    // A writer's schema needs no content-type.
    assert_eq!(decode_with(ads, avro(&text), &framed, None), row);
    let row = row.map_err(|refusal| (refusal.kind(), refusal.to_string()))?;
    Ok(present(ads, &row).split_off(5))
}

fn one(name: &str, held: Held) -> Result<Vec<(String, Held)>, (&'static str, String)> {
    Ok(vec![(name.to_owned(), held)])
}

fn union(at: u32, value: Avro) -> Avro {
    Avro::Union(at, Box::new(value))
}

#[test]
fn types_are_promoted_as_avro_has_it() {
    let cost = |of: &str, value| {
        read(&format!(r#"{{"name":"cost_micros","type":{of}}}"#), vec![("cost_micros", value)])
    };
    assert_eq!(cost("\"int\"", Avro::Int(-5)), one("cost_micros", Held::Int(-5)));
    assert_eq!(cost("\"long\"", Avro::Long(i64::MIN)), one("cost_micros", Held::Int(i64::MIN)));
    assert_eq!(cost(r#"["long","null"]"#, union(0, Avro::Long(3))), one("cost_micros", Held::Int(3)));
    assert_eq!(cost(r#"["null","int"]"#, union(1, Avro::Int(3))), one("cost_micros", Held::Int(3)));
    assert_eq!(cost(r#"["null","int"]"#, union(0, Avro::Null)), Ok(vec![]));
    assert_eq!(
        cost(r#"["string","int","null","long"]"#, union(3, Avro::Long(4))),
        one("cost_micros", Held::Int(4))
    );
    let (kind, message) = cost(r#"["string","int"]"#, union(0, Avro::String("4".into()))).unwrap_err();
    assert_eq!((kind, &message[..12]), ("invalid_value", "cost_micros "));
    for of in ["\"string\"", "\"double\"", r#"["null","string"]"#, r#"{"type":"array","items":"long"}"#] {
        let text = schema(&format!(r#"{{"name":"cost_micros","type":{of}}}"#));
        let refusal = decode_with(event("ad_events"), avro(&text), b"\0\0\0\0\x07", Some("application/avro"));
        let refusal = refusal.unwrap_err();
        assert_eq!(refusal.kind(), "unfit_schema", "{of}");
        let message = refusal.to_string();
        assert!(message.contains("cost_micros") && message.contains("long is meant"), "{message}");
    }
}

#[test]
fn instants_come_in_units_that_are_stated() {
    let at = |of: &str, value| {
        read(&format!(r#"{{"name":"event_timestamp","type":{of}}}"#), vec![("event_timestamp", value)])
    };
    let long = |logical: &str| format!(r#"{{"type":"long","logicalType":"{logical}"}}"#);
    let instant = |micros| one("event_timestamp", Held::Instant(micros));
    assert_eq!(at(&long("timestamp-millis"), Avro::TimestampMillis(-1)), instant(-1_000));
    assert_eq!(at(&long("timestamp-micros"), Avro::TimestampMicros(-1)), instant(-1));
    assert_eq!(at(&long("timestamp-nanos"), Avro::TimestampNanos(-1)), instant(-1));
    assert_eq!(at(&long("timestamp-nanos"), Avro::TimestampNanos(1_999)), instant(1));
    assert_eq!(at("\"string\"", Avro::String("1970-01-01T00:00:01Z".into())), instant(1_000_000));
    assert_eq!(at("\"string\"", Avro::String(" ".into())), Ok(vec![]));
    for wrong in [Avro::String("soon".into()), Avro::String("1970-01-01".into())] {
        assert_eq!(at("\"string\"", wrong).unwrap_err().0, "invalid_value");
    }
    assert_eq!(
        at(&long("timestamp-millis"), Avro::TimestampMillis(i64::MAX)).unwrap_err().0,
        "invalid_value"
    );
    for unstated in ["\"long\"".to_owned(), long("local-timestamp-millis"), "\"int\"".to_owned()] {
        let text = schema(&format!(r#"{{"name":"event_timestamp","type":{unstated}}}"#));
        let refusal = decode_with(event("ad_events"), avro(&text), b"\0\0\0\0\x07", Some("application/avro"));
        assert_eq!(refusal.unwrap_err().kind(), "unfit_schema", "{unstated}");
    }
}

#[test]
fn enums_are_resolved_by_their_symbols() {
    let theirs =
        r#"{"type":"enum","name":"A","symbols":["CLICK","ACTION_UNSPECIFIED","VIEWED","IMPRESSION"]}"#;
    let action = |at: u32, name: &str| {
        read(
            &format!(r#"{{"name":"action","type":{theirs}}}"#),
            vec![("action", Avro::Enum(at, name.into()))],
        )
    };
    assert_eq!(action(0, "CLICK"), one("action", symbol("CLICK")));
    assert_eq!(action(3, "IMPRESSION"), one("action", symbol("IMPRESSION")));
    assert_eq!(action(1, "ACTION_UNSPECIFIED"), Ok(vec![]));
    assert_eq!(
        action(2, "VIEWED").unwrap_err(),
        ("invalid_value", "action is a value that its enum does not have".to_owned())
    );
    let word = |name: &str| {
        read(
            r#"{"name":"action","type":["null","string"]}"#,
            vec![("action", union(1, Avro::String(name.into())))],
        )
    };
    assert_eq!(word("CLICK"), one("action", symbol("CLICK")));
    assert_eq!(word(" "), Ok(vec![]));
    assert_eq!(word("click").unwrap_err().0, "invalid_value");
    // A named type that a field before has defined.
    let fields = format!(r#"{{"name":"first","type":{theirs}}},{{"name":"action","type":"other.A"}}"#);
    let values =
        vec![("first", Avro::Enum(0, "CLICK".into())), ("action", Avro::Enum(3, "IMPRESSION".into()))];
    assert_eq!(read(&fields, values), one("action", symbol("IMPRESSION")));
}

#[test]
fn fields_have_aliases_and_unknown_ones_are_passed_over() {
    let aliased = r#"{"name":"price","aliases":["cost_micros"],"type":"long"}"#;
    assert_eq!(read(aliased, vec![("price", Avro::Long(5))]), one("cost_micros", Held::Int(5)));
    // Which of two it is would be a guess.
    let both = format!(r#"{aliased},{{"name":"cost_micros","type":"long"}}"#);
    assert!(WriterSchema::avro(&schema(&both)).is_err());

    let list = r#"{"type":"record","name":"List","fields":[{"name":"n","type":"null"},{"name":"next","type":["null","other.List"]}]}"#;
    let fields = format!(
        r#"{{"name":"list","type":{list}}},
        {{"name":"map","type":{{"type":"map","values":{{"type":"array","items":["null","bytes","double"]}}}}}},
        {{"name":"fixed","type":{{"type":"fixed","name":"F","size":3}}}},
        {{"name":"flags","type":{{"type":"array","items":"boolean"}}}},
        {{"name":"nothing","type":{{"type":"array","items":"null"}}}},
        {{"name":"float","type":"float"}},
        {{"name":"again","type":"other.F"}},
        {{"name":"cost_micros","type":"long"}}"#
    );
    let node = |next| Avro::Record(vec![("n".into(), Avro::Null), ("next".into(), next)]);
    let items = Avro::Array(vec![
        union(1, Avro::Bytes(vec![1; 300])),
        union(0, Avro::Null),
        union(2, Avro::Double(1.0)),
    ]);
    let values = vec![
        ("list", node(union(1, node(union(1, node(union(0, Avro::Null))))))),
        ("map", Avro::Map([("k".to_owned(), items)].into())),
        ("fixed", Avro::Fixed(3, vec![1, 2, 3])),
        ("flags", Avro::Array(vec![Avro::Boolean(true); 9])),
        ("nothing", Avro::Array(vec![Avro::Null; 5])),
        ("float", Avro::Float(1.5)),
        ("again", Avro::Fixed(3, vec![1, 2, 3])),
        ("cost_micros", Avro::Long(77)),
    ];
    assert_eq!(read(&fields, values), one("cost_micros", Held::Int(77)));
}

#[test]
fn doubles_come_of_every_number() {
    let users = event("users");
    for (of, bytes, read) in [
        ("int", &b"\x05"[..], Held::Double(-3.0)),
        ("long", b"\x06", Held::Double(3.0)),
        ("float", b"\0\0\xc0\x3f", Held::Double(1.5)),
        ("double", b"\0\0\0\0\0\0\xf8\x3f", Held::Double(1.5)),
        ("double", b"\0\0\0\0\0\0\xf0\x7f", Held::Absent),
        ("float", b"\0\0\xc0\x7f", Held::Absent),
    ] {
        let text = format!(
            r#"{{"type":"record","name":"U","fields":[{{"name":"email","type":"bytes"}},{{"name":"latitude","type":"{of}"}},
            {{"name":"dob","type":"string"}},{{"name":"registered_at","type":"string"}}]}}"#
        );
        let body = [b"\0\0\0\0\x07\x02e", bytes, b"\x08soon\x141970-01-02"].concat();
        let row = decode_with(users, avro(&text), &body, Some("application/avro")).unwrap();
        assert_eq!((&row[16], &row[12]), (&text_of("e"), &read), "{of}");
        // Of a user what is no date is absent, and a day is one.
        assert_eq!((&row[18], &row[19]), (&Held::Absent, &Held::Instant(86_400_000_000)));
    }
}

fn text_of(word: &str) -> Held {
    text(word)
}

#[test]
fn a_value_without_its_schema_is_refused() {
    let ads = event("ad_events");
    let bare = decode(ads, b"\x02\x02e", Encoding::Avro).unwrap_err();
    assert_eq!(bare.kind(), "undecodable");
    assert!(bare.to_string().contains("application/avro"), "{bare}");
    let unknown = decode(ads, b"\0\0\0\0\x07\x02\x02e", Encoding::Avro).unwrap_err();
    assert_eq!((unknown.kind(), unknown.to_string().contains("id 7")), ("unknown_schema", true));
    // 9001 is a Protobuf schema, 9012 another event's.
    assert_eq!(decode(ads, b"\0\0\0\x23\x29\x02\x02e", Encoding::Avro).unwrap_err().kind(), "unfit_schema");
    let interaction = decode(ads, &[&b"\0\0\0\x23\x34"[..], &[0; 9]].concat(), Encoding::Avro).unwrap_err();
    assert_eq!(interaction.kind(), "missing_field");
    assert_eq!(SchemaId::needed_by(b"\0\0\0\0\x07\x02\x02e", Some("application/avro")), Some(SchemaId(7)));
    assert_eq!(SchemaId::needed_by(b"\0\0\0\0\x07\0\x02e", Some("application/x-protobuf")), None);
    assert_eq!(
        SchemaId::needed_by(b"\0\0\0\0\x07\x02\x02e", Some("application/x-protobuf")),
        Some(SchemaId(7))
    );
    assert_eq!(SchemaId::needed_by(b"\0\0\0\0\x07{}", Some("application/json")), None);
    assert_eq!(SchemaId::needed_by(b"\0\0\0\0\x07{}", None), Some(SchemaId(7)));
    assert_eq!(SchemaId::needed_by(b"{}", None), None);
}

#[test]
fn texts_that_are_no_schemas_are_told() {
    assert!(WriterSchema::avro("{").is_err() && WriterSchema::avro(r#""nothing""#).is_err());
    for none in ["enum E { A = 0; }", "", "AAAA", "CgV4LnByb3Rv"] {
        assert!(WriterSchema::protobuf(none).is_err(), "{none}");
    }
    assert!(WriterSchema::avro(&" ".repeat(2 << 20)).is_err());
    let no_record =
        decode_with(event("ad_events"), avro(r#""string""#), b"\0\0\0\0\x07\x02e", Some("application/avro"));
    assert_eq!(no_record.unwrap_err().kind(), "unfit_schema");
}
