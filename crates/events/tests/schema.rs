//! The Arrow schemas held against the Protobuf descriptors, the one source of the contract.

#![allow(clippy::unwrap_used)]

use arrow_schema::{DataType, Field, TimeUnit};
use millrace_events::event::Event;
use millrace_events::event_catalogue::{by_table, events};
use millrace_events::raw_schema;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

fn message(package: &str, name: &str) -> DescriptorProto {
    let files = FileDescriptorSet::decode(millrace_proto::DESCRIPTORS).unwrap();
    let files = files.file.into_iter().filter(|file| file.package() == package);
    files.flat_map(|file| file.message_type).find(|message| message.name() == name).unwrap()
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The column that a field of the message has to become.
fn column(field: &FieldDescriptorProto) -> Field {
    let data_type = match (field.r#type(), field.type_name()) {
        (Type::String, _) => DataType::Utf8,
        (Type::Double, _) => DataType::Float64,
        (Type::Int32, _) => DataType::Int32,
        (Type::Int64, _) => DataType::Int64,
        (Type::Enum, _) => DataType::Utf8,
        (Type::Message, ".google.protobuf.Timestamp") => instant(),
        (other, name) => panic!("{} is {other:?} {name}: say here what column that is", field.name()),
    };
    Field::new(field.name(), data_type, true)
}

/// The columns that the event's message has to become, then the source position.
fn columns(event: &Event) -> Vec<Field> {
    let (package, name) = event.message().rsplit_once('.').unwrap();
    let mut fields = message(package, name).field;
    fields.sort_by_key(FieldDescriptorProto::number);
    let mut columns: Vec<_> = fields.iter().map(column).collect();
    columns.extend([
        Field::new("_topic", DataType::Utf8, false),
        Field::new("_generation", DataType::Utf8, false),
        Field::new("_partition", DataType::Int32, false),
        Field::new("_offset", DataType::Int64, false),
        Field::new("_timestamp", instant(), false),
        Field::new("_ingested_at", instant(), true),
    ]);
    columns
}

#[test]
fn the_columns_are_the_fields_of_the_message_and_the_source_position() {
    for event in events() {
        let schema = event.schema();
        let derived: Vec<_> = schema.fields().iter().map(|field| (**field).clone()).collect();
        assert_eq!(derived, columns(event), "{}", event.table());
    }
    assert_eq!(by_table("users").unwrap().schema(), raw_schema::users(), "which is stated too");
}

/// What tables are made of, for the eye: a change here is a change of the lake.
#[test]
fn the_raw_tables_are_what_they_were() {
    let mut text = String::new();
    for event in events() {
        text += &format!("raw/{}\n", event.table());
        for field in event.schema().fields() {
            let null = if field.is_nullable() { "" } else { " not null" };
            text += &format!("  {} {}{null}\n", field.name(), field.data_type());
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_field_of_a_message_can_be_absent_and_none_is_a_login_secret() {
    let messages = events().iter().map(|event| {
        let (package, name) = event.message().rsplit_once('.').unwrap();
        message(package, name)
    });
    for field in &messages.flat_map(|message| message.field).collect::<Vec<_>>() {
        assert!(
            field.proto3_optional() && field.label() == Label::Optional,
            "{} is not optional",
            field.name()
        );
        for secret in ["password", "salt", "md5", "sha1", "sha256"] {
            assert!(!field.name().contains(secret), "{} must not travel", field.name());
        }
    }
}
