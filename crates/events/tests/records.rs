//! Records of every encoding into rows, and what is refused.

#![allow(clippy::unwrap_used)]

mod answers;
mod rows;

use answers::{WHOLE, holds_a_secret, only};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use millrace_events::decode::Value;
use millrace_events::failure::{Class, Classified};
use millrace_events::frame::{SchemaId, unframe};
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_proto::users::v1::UserCreated;
use prost::Message;
use prost_types::Timestamp;
use rows::{JSON, PROTOBUF, builder, land, value};

fn json(text: &str) -> UserCreated {
    let user = land(&value(text.as_bytes(), JSON)).unwrap();
    assert_eq!(land(&value(text.as_bytes(), None)).unwrap(), user, "the look of the value is enough");
    user
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn kind(bytes: &[u8], content_type: Option<&str>) -> &'static str {
    let refusal = land(&value(bytes, content_type)).unwrap_err();
    assert_eq!(refusal.class(), Class::DeadLetter);
    refusal.kind()
}

#[test]
fn protobuf_is_read_bare_and_framed() {
    let user = only(WHOLE);
    let bare = user.encode_to_vec();
    assert_eq!(land(&value(&bare, PROTOBUF)).unwrap(), user);
    assert_eq!(land(&value(&bare, None)).unwrap(), user);
    // Confluent's short form for the first message; its long form.
    for indexes in [&[0][..], &[2, 0]] {
        let framed = [&[0, 0, 0, 1, 44], indexes, &bare].concat();
        assert_eq!(land(&value(&framed, PROTOBUF)).unwrap(), user, "{indexes:?}");
        assert_eq!(land(&value(&framed, None)).unwrap(), user, "{indexes:?}");
        assert_eq!(unframe(&framed, None).schema, Some(SchemaId(300)));
    }
    // Nested message 2 in message 1; message 64; under the id of our own schema, whose file has one message.
    for indexes in [&[4, 2, 4][..], &[2, 0x80, 0x01]] {
        assert_eq!(
            kind(&[&[0, 0, 0, 1, 44], indexes, &bare].concat(), PROTOBUF),
            "unknown_schema",
            "{indexes:?}"
        );
        assert_eq!(
            kind(&[&[0, 0, 0, 0x23, 0x29], indexes, &bare].concat(), PROTOBUF),
            "undecodable",
            "{indexes:?}"
        );
    }
    // Indexes without end, and less than none.
    for indexes in [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[1], &[0x80]] {
        assert_eq!(kind(&[&[0, 0, 0, 0, 1], indexes].concat(), PROTOBUF), "undecodable", "{indexes:?}");
    }
}

#[test]
fn protobuf_of_a_newer_schema_is_read() {
    let mut bytes = vec![0xfa, 0x7f, 3, b'n', b'e', b'w'];
    bytes.extend_from_slice(&only(WHOLE).encode_to_vec());
    bytes.extend_from_slice(&[0x98, 0x06, 7, 0xa5, 0x06, 1, 2, 3, 4, 0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(land(&value(&bytes, PROTOBUF)).unwrap(), only(WHOLE));
}

#[test]
fn blank_texts_and_numbers_that_are_none_are_absent() {
    let user = UserCreated {
        user_id: text("u-1"),
        first_name: text(""),
        last_name: text(" \u{3000}\t"),
        city: text(" Å "),
        email: text("\u{a0}"),
        latitude: Some(f64::NAN),
        longitude: Some(f64::NEG_INFINITY),
        source_page: Some(-1),
        dob: Some(Timestamp { seconds: -1, nanos: 999_999_999 }),
        ..UserCreated::default()
    };
    let expected = UserCreated {
        user_id: text("u-1"),
        city: text(" Å "),
        source_page: Some(-1),
        dob: Some(Timestamp { seconds: -1, nanos: 999_999_000 }),
        ..UserCreated::default()
    };
    assert_eq!(land(&value(&user.encode_to_vec(), PROTOBUF)).unwrap(), expected);
    let nobody = UserCreated { email: text(" "), user_id: text(""), ..UserCreated::default() };
    assert_eq!(kind(&nobody.encode_to_vec(), PROTOBUF), "no_identity");
}

#[test]
fn empty_and_null_values_are_refused_in_every_encoding() {
    for content_type in [None, PROTOBUF, JSON, Some("application/avro"), Some("text/plain")] {
        assert_eq!(kind(b"", content_type), "undecodable");
        assert_eq!(
            land(&Value { bytes: None, content_type, source: None }).unwrap_err().kind(),
            "undecodable"
        );
    }
    assert_eq!(kind(&[0, 0, 0, 0, 7], PROTOBUF), "no_identity");
    assert_eq!(kind(b"{}", JSON), "no_identity");
}

#[test]
fn truncated_and_broken_protobuf_is_refused() {
    let user = only(WHOLE);
    let bytes = user.encode_to_vec();
    for end in 0..bytes.len() {
        // A cut between two fields is a shorter message, as prost takes it.
        match UserCreated::decode(&bytes[..end]) {
            Ok(shorter) if shorter.user_id.is_some() => {
                assert_eq!(land(&value(&bytes[..end], PROTOBUF)).unwrap(), shorter);
            }
            _ => assert!(["undecodable", "no_identity"].contains(&kind(&bytes[..end], PROTOBUF)), "{end}"),
        }
    }
    let broken: [(&[u8], &str); 10] = [
        (b"\x0a\x02\xff\xfe", "no UTF-8"),
        (b"\x0a\x01u\x12\x05ab", "a length behind the end"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a length of 2^64 - 1"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "an endless varint"),
        (b"\x08\x05", "the wire type of another field"),
        (b"\x0a\x01u\x6a\x01\x00", "a double of another wire type"),
        (b"\x0a\x01u\x69\x01\x00", "half a double"),
        (b"\x0a\x01u\x9a\x01\x02\x08\x80", "half an instant"),
        (b"\x0a\x01u\x07", "the wire type 7"),
        (b"\x0a\x01u\x02\x01x", "the field 0"),
    ];
    for (bytes, what) in broken {
        assert!(UserCreated::decode(bytes).is_err(), "{what}");
        assert_eq!(kind(bytes, PROTOBUF), "undecodable", "{what}");
    }
}

#[test]
fn of_a_field_that_occurs_twice_the_last_counts_and_an_instant_is_merged() {
    // Protobuf's own rule: scalars are replaced, the parts of an embedded message come together.
    let bytes = b"\x0a\x01a\x9a\x01\x02\x08\x05\x0a\x01b\x9a\x01\x03\x10\xe8\x07";
    let expected = UserCreated {
        user_id: text("b"),
        dob: Some(Timestamp { seconds: 5, nanos: 1_000 }),
        ..UserCreated::default()
    };
    assert_eq!(UserCreated::decode(&bytes[..]).unwrap(), expected);
    assert_eq!(land(&value(bytes, PROTOBUF)).unwrap(), expected);
}

#[test]
fn a_bare_message_without_a_content_type_may_begin_like_json() {
    // The key of field 1 and a length of 10 are line feeds, and an id may begin with a brace.
    let user = UserCreated { user_id: text("{123456789"), ..UserCreated::default() };
    assert_eq!(land(&value(&user.encode_to_vec(), PROTOBUF)).unwrap(), user);
    assert_eq!(land(&value(&user.encode_to_vec(), None)).unwrap(), user);
}

#[test]
fn an_instant_that_no_calendar_holds_is_refused() {
    for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
        let dob = Some(Timestamp { seconds, nanos });
        let user = UserCreated { user_id: text("u"), dob, ..UserCreated::default() };
        assert_eq!(kind(&user.encode_to_vec(), PROTOBUF), "invalid_value", "{seconds} {nanos}");
    }
}

#[test]
fn a_refused_record_adds_no_row_and_a_row_carries_its_position() {
    let mut builder = builder();
    let good = only(WHOLE).encode_to_vec();
    let mut push =
        |value: Value<'_>, offset, timestamp| builder.push(&value, Offset(offset), Micros(timestamp));
    push(value(&good, PROTOBUF), 5, -1_000).unwrap();
    push(value(b"\x0a\x01u\x12\x05ab", PROTOBUF), 6, 2_000).unwrap_err();
    push(value(br#"{"id":"x","phone":[]}"#, JSON), 7, 2_000).unwrap_err();
    push(value(br#"{"id":"x"}"#, JSON), 8, 3_000).unwrap();
    assert_eq!(builder.rows(), 2);
    let batch = builder.finish(Micros(9_000)).unwrap();
    assert_eq!((batch.num_rows(), builder.rows()), (2, 0));
    assert_eq!((rows::row(&batch, 0), rows::row(&batch, 1).user_id), (only(WHOLE), text("x")));
    let column = |name: &str| batch.column_by_name(name).unwrap();
    assert_eq!(column("_offset").as_primitive::<Int64Type>().values(), &[5, 8]);
    assert_eq!(column("_timestamp").as_primitive::<TimestampMicrosecondType>().values(), &[-1_000, 3_000]);
    assert_eq!(column("_ingested_at").as_primitive::<TimestampMicrosecondType>().values(), &[9_000, 9_000]);
    assert_eq!(column("_partition").as_primitive::<Int32Type>().values(), &[3, 3]);
    assert_eq!(column("_topic").as_string::<i32>().value(1), "users_created");
    assert_eq!(column("_generation").as_string::<i32>().value(1), "0001");
}

const FLAT: &str = r#"{"id":"f-1","first_name":"Lærke","last_name":"Olsen","gender":"female",
    "address":"4811 Nyvej, Ulsted, Hals, Danmark","post_code":"98012","email":"l@x.dk","username":"lo",
    "dob":"1987-05-02T10:11:12.345Z","registered_date":"2016-03-04T00:00:00Z","phone":"12345678",
    "picture":"https://x.example/large/1.jpg"}"#;

#[test]
fn a_flat_user_is_read() {
    let expected = UserCreated {
        user_id: text("f-1"),
        first_name: text("Lærke"),
        last_name: text("Olsen"),
        gender: text("female"),
        street_number: text("4811"),
        street_name: text("Nyvej"),
        city: text("Ulsted"),
        state: text("Hals"),
        country: text("Danmark"),
        postcode: text("98012"),
        email: text("l@x.dk"),
        username: text("lo"),
        dob: Some(Timestamp { seconds: 546_948_672, nanos: 345_000_000 }),
        registered_at: Some(Timestamp { seconds: 1_457_049_600, nanos: 0 }),
        phone: text("12345678"),
        picture_url: text("https://x.example/large/1.jpg"),
        source: text("external"),
        ..UserCreated::default()
    };
    assert_eq!(json(FLAT), expected);
    assert_eq!(json(&format!("\n {FLAT}\t")), expected);
    let framed = [&[0, 0, 0, 0, 7], FLAT.as_bytes()].concat();
    assert_eq!(land(&value(&framed, JSON)).unwrap(), expected);
    assert_eq!(land(&value(&framed, Some("application/json; charset=utf-8"))).unwrap(), expected);
    assert_eq!(json(&FLAT.replace(r#""98012""#, "98012")), expected);
}

#[test]
fn a_flat_address_is_cut_at_its_last_three_commas() {
    let cut = |address: &str| {
        let user = json(&format!(r#"{{"id":"x","address":"{address}"}}"#));
        [user.street_number, user.street_name, user.city, user.state, user.country]
            .map(|part| part.unwrap_or_else(|| "-".to_owned()))
    };
    assert_eq!(cut("4811 Nyvej, Ulsted, Hals, Danmark"), ["4811", "Nyvej", "Ulsted", "Hals", "Danmark"]);
    assert_eq!(cut("12a Long Road, Flat 3, C, S, K"), ["12a", "Long Road, Flat 3", "C", "S", "K"]);
    assert_eq!(cut("Nyvej 4811, C, S, K"), ["-", "Nyvej 4811", "C", "S", "K"]);
    assert_eq!(cut("5 Nyvej, C, S"), ["5", "Nyvej, C, S", "-", "-", "-"]);
    assert_eq!(cut("Nyvej"), ["-", "Nyvej", "-", "-", "-"]);
    assert_eq!(cut("7, C, S, K"), ["7", "-", "C", "S", "K"]);
    assert_eq!(cut(", , ,"), ["-"; 5]);
    assert_eq!(cut("5 A,, ,K"), ["5", "A", "-", "-", "K"]);
    assert_eq!(cut("  "), ["-"; 5]);
}

const NESTED: &str = r#"{"id":"n-1","first_name":"A","last_name":"B","gender":"male","address":{"street":"4811 Nyvej",
    "city":"C","state":"S","country":"K","postcode":98012,"coordinates":{"latitude":"-12.3","longitude":"45.6"},
    "timezone":{"offset":"+1:00","description":"Paris"}},"email":"e@x.y","username":"ab","password":"hunter2-pw",
    "dob":"1987-05-02T10:11:12.345Z","registered_date":"2016-03-04","phone":"1","cell":"2","nationality":"DK",
    "picture":"p"}"#;

#[test]
fn a_nested_user_is_read_and_its_password_dropped() {
    let user = json(NESTED);
    let expected = UserCreated {
        user_id: text("n-1"),
        first_name: text("A"),
        last_name: text("B"),
        gender: text("male"),
        street_number: text("4811"),
        street_name: text("Nyvej"),
        city: text("C"),
        state: text("S"),
        country: text("K"),
        country_code: text("DK"),
        postcode: text("98012"),
        latitude: Some(-12.3),
        longitude: Some(45.6),
        timezone_offset: text("+1:00"),
        timezone_description: text("Paris"),
        email: text("e@x.y"),
        username: text("ab"),
        dob: Some(Timestamp { seconds: 546_948_672, nanos: 345_000_000 }),
        registered_at: Some(Timestamp { seconds: 1_457_049_600, nanos: 0 }),
        phone: text("1"),
        cell: text("2"),
        picture_url: text("p"),
        source: text("external"),
        ..UserCreated::default()
    };
    assert_eq!(user, expected);
    assert!(!holds_a_secret(format!("{user:?}").as_bytes()));
    let parts = NESTED.replace(r#""4811 Nyvej""#, r#"{"number":4811,"name":"Nyvej"}"#);
    assert_eq!(json(&parts), expected);
    assert_eq!(json(&NESTED.replace(r#""hunter2-pw""#, r#"[{"x":"hunter2-pw"}]"#)), expected);
}

#[test]
fn a_user_in_the_apis_own_shape_is_read_with_the_source_of_its_header() {
    let mut expected = only(WHOLE);
    expected.fetched_at = None;
    for (source, carried) in
        [(Some("randomuser_api"), "randomuser_api"), (Some("simulator"), "simulator"), (None, "external")]
    {
        expected.source = text(carried);
        let user = land(&Value { bytes: Some(WHOLE.as_bytes()), content_type: JSON, source }).unwrap();
        assert_eq!(user, expected);
    }
    let flat = land(&Value { bytes: Some(FLAT.as_bytes()), content_type: JSON, source: Some("simulator") });
    assert_eq!(flat.unwrap().source, text("external"), "an older shape is another team's");
}

#[test]
fn json_of_the_wrong_shape_is_refused_with_its_path() {
    for (json, kind_of_it, place) in [
        (r#"{"id":"x","phone":[]}"#, "wrong_type", "$.phone"),
        (r#"{"id":"x","address":7}"#, "wrong_type", "$.address"),
        (r#"{"id":"x","address":{"street":true}}"#, "wrong_type", "$.address.street"),
        (r#"{"id":"x","address":{"coordinates":"here"}}"#, "wrong_type", "$.address.coordinates"),
        (r#"{"id":"x","first_name":"A","first_name":"A"}"#, "duplicate_field", "$.first_name"),
        (r#"{"login":{"uuid":"u"},"name":"A"}"#, "wrong_type", "$.name"),
        (r#"{"first_name":"A"}"#, "no_identity", ""),
        ("[]", "wrong_type", "$"),
        ("null", "wrong_type", "$"),
        ("5", "wrong_type", "$"),
        ("{", "undecodable", ""),
        (r#"{"id":"x"}}"#, "undecodable", ""),
        (r#"{"id":"x"} {"id":"y"}"#, "undecodable", ""),
        ("id: x", "undecodable", ""),
    ] {
        let refusal = land(&value(json.as_bytes(), JSON)).unwrap_err();
        assert_eq!(refusal.kind(), kind_of_it, "{json}");
        assert!(refusal.to_string().contains(place), "{json}: {refusal}");
    }
    assert_eq!(kind(b"{\"id\":\"\xff\"}", JSON), "undecodable");
}

#[test]
fn avro_is_refused_by_name() {
    let refusal = land(&value(b"\x02\x02u", Some("application/avro"))).unwrap_err();
    assert!(refusal.to_string().contains("application/avro"), "{refusal}");
}
