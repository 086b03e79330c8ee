//! The Arrow schemas of the raw tables: derived from the events' fields, and that of users stated too. A test holds them
//! against the Protobuf descriptors.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::field::{self, Kind};

/// Every timestamp of the lake: microseconds, UTC.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A raw table of an event's fields, all nullable, then the source position.
pub(crate) fn of_fields(fields: &[field::Field]) -> SchemaRef {
    let column = |field: &field::Field| {
        let data_type = match field.kind {
            // An enum is its short name.
            Kind::Text | Kind::Enum => DataType::Utf8,
            Kind::Double => DataType::Float64,
            Kind::Int32 => DataType::Int32,
            Kind::Int64 => DataType::Int64,
            Kind::Instant => timestamp(),
        };
        Field::new(&field.name, data_type, true)
    };
    Arc::new(Schema::new(fields.iter().map(column).chain(source_position()).collect::<Vec<_>>()))
}

/// `raw/users`: UserCreated's fields in the order of their numbers, then the source position.
///
/// Nullable are all but the source position and `_timestamp`.
pub fn users() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let fields = [
            "user_id",
            "title",
            "first_name",
            "last_name",
            "gender",
            "street_number",
            "street_name",
            "city",
            "state",
            "country",
            "country_code",
            "postcode",
        ]
        .map(text)
        .into_iter()
        .chain(["latitude", "longitude"].map(|name| Field::new(name, DataType::Float64, true)))
        .chain(["timezone_offset", "timezone_description", "email", "username"].map(text))
        .chain(["dob", "registered_at"].map(|name| Field::new(name, timestamp(), true)))
        .chain(["phone", "cell", "national_id_name", "national_id_value", "picture_url"].map(text))
        .chain([Field::new("fetched_at", timestamp(), true)])
        .chain(["source", "source_seed"].map(text))
        .chain([Field::new("source_page", DataType::Int32, true)])
        .chain(["gender_branch", "business_email", "user_company"].map(text))
        .chain(source_position());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    SCHEMA.clone()
}

/// The columns that say where a raw row came from; `_ingested_at` is when it was landed.
pub fn source_position() -> [Field; 6] {
    [
        Field::new("_topic", DataType::Utf8, false),
        Field::new("_generation", DataType::Utf8, false),
        Field::new("_partition", DataType::Int32, false),
        Field::new("_offset", DataType::Int64, false),
        Field::new("_timestamp", timestamp(), false),
        Field::new("_ingested_at", timestamp(), true),
    ]
}
