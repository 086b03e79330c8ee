//! The Arrow schema held against the Protobuf descriptors, the one source of the contract.

#![allow(clippy::unwrap_used)]

use arrow_schema::{DataType, Field, TimeUnit};
use millrace_events::schema;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

fn message(package: &str, name: &str) -> DescriptorProto {
    let files = FileDescriptorSet::decode(millrace_proto::DESCRIPTORS).unwrap();
    let file = files.file.into_iter().find(|file| file.package() == package).unwrap();
    file.message_type.into_iter().find(|message| message.name() == name).unwrap()
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
        (Type::Message, ".google.protobuf.Timestamp") => instant(),
        (other, name) => panic!("{} is {other:?} {name}: say here what column that is", field.name()),
    };
    Field::new(field.name(), data_type, true)
}

#[test]
fn the_columns_of_users_are_the_fields_of_user_created_and_the_source_position() {
    let message = message("millrace.users.v1", "UserCreated");
    let mut fields = message.field.clone();
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
    let schema = schema::users();
    for (stated, derived) in schema.fields().iter().zip(&columns) {
        assert_eq!(**stated, *derived);
    }
    assert_eq!(schema.fields().len(), columns.len());
}

#[test]
fn every_scalar_of_the_message_can_be_absent_and_none_is_a_login_secret() {
    let message = message("millrace.users.v1", "UserCreated");
    for field in &message.field {
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
