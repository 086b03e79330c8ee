//! What a new event takes, and a new field: a .proto file and a description. These are compiled here, in the test.

#![allow(clippy::unwrap_used)]

mod held;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use held::{Held, Schemas, decode_with, encoded, event, symbol, text};
use millrace_events::batch::{EventBatchBuilder, SourcePartition};
use millrace_events::decode::Value;
use millrace_events::event::{Description, DescriptionError, Event, KeyRule, Unreadable};
use millrace_events::frame::Encoding;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::rule::Rule;
use millrace_events::writer_schemas::{WriterSchema, WriterSchemas};
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

struct Text(String);

impl FileResolver for Text {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match name {
            "it.proto" => File::from_source(name, &self.0),
            other => Err(protox::Error::file_not_found(other)),
        }
    }
}

fn descriptors(proto: &str) -> Vec<u8> {
    let mut files = ChainFileResolver::new();
    files.add(GoogleFileResolver::new());
    files.add(Text(proto.to_owned()));
    let mut compiler = Compiler::with_file_resolver(files);
    compiler.include_imports(true).include_source_info(true).open_file(Path::new("it.proto")).unwrap();
    compiler.file_descriptor_set().encode_to_vec()
}

const RETURNS: &str = r#"syntax = "proto3";
package millrace.returns.v1;
import "google/protobuf/timestamp.proto";
enum Reason { REASON_UNSPECIFIED = 0; BROKEN = 3; UNWANTED = 7; }
message Other { optional string x = 1; }
// A parcel came back.
message ParcelReturned {
  optional string event_id = 1;
  optional Reason reason = 900;
  optional int64 weight_grams = 3;
  optional google.protobuf.Timestamp event_timestamp = 4;
  optional double refund = 5;
}"#;

const PARCEL_RETURNED: Description = Description {
    message: "millrace.returns.v1.ParcelReturned",
    topic: "parcels_returned",
    table: "parcels_returned",
    key: KeyRule::Text("event_id"),
    data_subject: None,
    rules: &[Rule::Present("event_id"), Rule::Within { field: "weight_grams", least: 0, most: 40_000 }],
    unreadable: Unreadable::Refused,
    recognised_by: None,
    number: 4,
    proto: None,
};

#[test]
fn a_fifth_event_goes_from_every_encoding_to_a_batch() {
    let event = Event::new(PARCEL_RETURNED, &descriptors(RETURNS)).unwrap();
    assert_eq!(event.doc(), Some("A parcel came back."));
    let schemas = Arc::new(RepositorySchemas::of(std::slice::from_ref(&event)));
    let source =
        SourcePartition { topic: event.topic().to_owned(), generation: "g".to_owned(), partition: 1 };
    let mut builder = EventBatchBuilder::new(&event, source, schemas.clone(), 4);
    let row = [text("e"), Held::Int(12), Held::Instant(5), Held::Double(0.5), symbol("UNWANTED")];
    for (offset, encoding) in Encoding::ALL.into_iter().enumerate() {
        let bytes = encoded(&event, &row, encoding, Some(event.schema_id(encoding)));
        for content_type in [Some(encoding.content_type()), None] {
            assert_eq!(decode_with(&event, schemas.clone(), &bytes, content_type).unwrap(), row);
        }
        let value = Value { bytes: Some(&bytes), content_type: None, source: None };
        builder.push(&value, Offset(offset as i64), Micros(0)).unwrap();
    }
    // It is the second message of its file.
    let framed = encoded(&event, &row, Encoding::Protobuf, Some(event.schema_id(Encoding::Protobuf)));
    assert_eq!(framed[5..7], [2, 2]);
    let first = [&framed[..5], &[0], &framed[7..]].concat();
    assert_eq!(decode_with(&event, schemas.clone(), &first, None).unwrap_err().kind(), "undecodable");
    // Or a nested one of another's.
    let theirs = "package millrace.returns; message v1 { message A {} message ParcelReturned {} }";
    let theirs = Schemas(HashMap::from([(7, Arc::new(WriterSchema::protobuf(theirs).unwrap()))]));
    let nested = [&[0, 0, 0, 0, 7, 4, 0, 2], &framed[7..]].concat();
    assert_eq!(decode_with(&event, Arc::new(theirs), &nested, None).unwrap(), row);

    // Or told by its compiled descriptor, as Confluent's Python client registers it.
    let message = |name: &str, nested_type| DescriptorProto {
        name: Some(name.to_owned()),
        nested_type,
        ..DescriptorProto::default()
    };
    let inner = vec![message("A", Vec::new()), message("ParcelReturned", Vec::new())];
    let file = FileDescriptorProto {
        package: Some("millrace.returns".to_owned()),
        message_type: vec![message("v1", inner)],
        ..FileDescriptorProto::default()
    };
    let theirs = WriterSchema::protobuf(&STANDARD.encode(file.encode_to_vec())).unwrap();
    let theirs: Arc<dyn WriterSchemas> = Arc::new(Schemas(HashMap::from([(7, Arc::new(theirs))])));
    assert_eq!(decode_with(&event, theirs.clone(), &nested, None).unwrap(), row);
    let other = [&[0, 0, 0, 0, 7, 4, 0, 0], &framed[7..]].concat();
    assert_eq!(decode_with(&event, theirs, &other, None).unwrap_err().kind(), "undecodable");

    let heavy = [text("e"), Held::Int(40_001), Held::Absent, Held::Absent, Held::Absent];
    let heavy = encoded(&event, &heavy, Encoding::Json, None);
    let value = Value { bytes: Some(&heavy), content_type: None, source: None };
    assert_eq!(builder.push(&value, Offset(9), Micros(0)).unwrap_err().kind(), "invalid_value");

    let batch = builder.finish(Micros(0)).unwrap();
    assert_eq!((batch.num_rows(), batch.schema()), (3, event.schema()));
    let column = |name: &str| batch.column_by_name(name).unwrap();
    assert_eq!(column("weight_grams").as_primitive::<Int64Type>().values(), &[12, 12, 12]);
    assert_eq!(column("reason").as_string::<i32>().value(2), "UNWANTED");
    assert_eq!(column("_partition").as_primitive::<Int32Type>().values(), &[1, 1, 1]);
}

/// An event of the contract with one field more, as its next version would have it.
fn with_a_field(table: &str) -> Event {
    let known = event(table);
    let proto = known.description().proto.unwrap();
    let grown =
        proto.trim_end().strip_suffix('}').unwrap().to_owned() + "  optional string added = 300;\n}\n";
    Event::new(*known.description(), &descriptors(&grown)).unwrap()
}

#[test]
fn an_added_field_is_read_by_new_readers_and_passed_over_by_old_ones() {
    for table in ["users", "user_interactions", "video_engagements", "ad_events"] {
        let (old, new) = (event(table), with_a_field(table));
        assert_eq!(new.fields().len(), old.fields().len() + 1);
        let last = new.fields().len() - 1;
        let mut row = vec![Held::Absent; last + 1];
        for (slot, field) in old.fields().iter().enumerate().filter(|(_, field)| field.name.ends_with("_id"))
        {
            row[slot] = if field.name == "product_id" { Held::Absent } else { text("id") };
        }
        row[last] = text("new");
        let schemas = Arc::new(RepositorySchemas::of(std::slice::from_ref(&new)));
        for encoding in Encoding::ALL {
            let bytes = encoded(&new, &row, encoding, Some(new.schema_id(encoding)));
            assert_eq!(decode_with(&new, schemas.clone(), &bytes, None).unwrap(), row);
            // The same writer's schema, read for the older event.
            assert_eq!(decode_with(old, schemas.clone(), &bytes, None).unwrap(), row[..last]);
            let bytes = encoded(old, &row[..last], encoding, Some(old.schema_id(encoding)));
            let read = decode_with(&new, RepositorySchemas::shared(), &bytes, None).unwrap();
            assert_eq!((&read[..last], &read[last]), (&row[..last], &Held::Absent));
        }
    }
}

#[test]
fn the_older_shapes_of_users_decode_into_an_event_that_has_grown() {
    let users = with_a_field("users");
    let row =
        decode_with(&users, RepositorySchemas::shared(), br#"{"id":"x","first_name":"A"}"#, None).unwrap();
    assert_eq!((&row[0], &row[2], &row[26]), (&text("x"), &text("A"), &text("external")));
}

#[test]
fn a_description_that_does_not_fit_is_told() {
    let with =
        |message: &str, description: Description| Event::new(description, &descriptors(message)).unwrap_err();
    let missing = with("syntax = \"proto3\"; package a;", PARCEL_RETURNED);
    assert!(
        missing.to_string().contains("hold no message") || format!("{missing:?}").contains("UnknownMessage")
    );
    let wrong = [Rule::Within { field: "event_id", least: 0, most: 1 }];
    for (rules, name) in [
        (&[Rule::Present("nowhere")][..], "nowhere"),
        (wrong.as_slice(), "event_id"),
        (&[Rule::OnlyWith { field: "refund", beside: "reason", symbols: &["LOST"] }], "LOST"),
    ] {
        let rules: &'static [Rule] = Box::leak(rules.to_vec().into_boxed_slice());
        let error = with(RETURNS, Description { rules, ..PARCEL_RETURNED });
        assert_eq!(error, DescriptionError::NoSuchName { event: PARCEL_RETURNED.message, name });
    }
    // Whose data it is: a text of the message.
    for name in ["nobody", "weight_grams"] {
        let error = with(RETURNS, Description { data_subject: Some(name), ..PARCEL_RETURNED });
        assert_eq!(error, DescriptionError::NoSuchName { event: PARCEL_RETURNED.message, name });
    }
    for field in [
        "repeated string event_id = 1;",
        "optional bytes event_id = 1;",
        "string event_id = 1;",
        "optional Other event_id = 1;",
    ] {
        let proto = RETURNS.replace("optional string event_id = 1;", field);
        let error = with(&proto, PARCEL_RETURNED);
        assert!(format!("{error:?}").contains("NoColumn"), "{field}: {error:?}");
    }
    assert!(Event::new(PARCEL_RETURNED, b"\xff").is_err());
}
