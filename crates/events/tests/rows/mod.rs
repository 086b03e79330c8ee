//! Records through the batch builder, and the rows that come of them read back as events.

// Each test file uses its own part of this; in a helper as in a test, what cannot be had ends the test.
#![allow(dead_code, clippy::unwrap_used)]

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use millrace_events::batch::{SourcePartition, UserBatchBuilder};
use millrace_events::decode::Value;
use millrace_events::decode_error::DecodeError;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_proto::users::v1::UserCreated;
use prost_types::Timestamp;

pub(crate) const PROTOBUF: Option<&str> = Some("application/x-protobuf");
pub(crate) const JSON: Option<&str> = Some("application/json");

pub(crate) fn builder() -> UserBatchBuilder {
    let source =
        SourcePartition { topic: "users_created".to_owned(), generation: "0001".to_owned(), partition: 3 };
    UserBatchBuilder::new(source, 4)
}

/// The event that a record's row holds.
pub(crate) fn land(value: &Value<'_>) -> Result<UserCreated, DecodeError> {
    let mut builder = builder();
    builder.push(value, Offset(17), Micros(1_000))?;
    let batch = builder.finish(Micros(2_000)).unwrap();
    assert_eq!(batch.num_rows(), 1);
    Ok(row(&batch, 0))
}

pub(crate) fn value<'a>(bytes: &'a [u8], content_type: Option<&'a str>) -> Value<'a> {
    Value { bytes: Some(bytes), content_type, source: None }
}

pub(crate) fn row(batch: &RecordBatch, row: usize) -> UserCreated {
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let text = |name: &str| {
        let column = column(name).as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let number = |name: &str| {
        let column = column(name).as_primitive::<Float64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let instant = |name: &str| {
        let column = column(name).as_primitive::<TimestampMicrosecondType>();
        column.is_valid(row).then(|| of_micros(column.value(row)))
    };
    let page = column("source_page").as_primitive::<Int32Type>();
    UserCreated {
        user_id: text("user_id"),
        title: text("title"),
        first_name: text("first_name"),
        last_name: text("last_name"),
        gender: text("gender"),
        street_number: text("street_number"),
        street_name: text("street_name"),
        city: text("city"),
        state: text("state"),
        country: text("country"),
        country_code: text("country_code"),
        postcode: text("postcode"),
        latitude: number("latitude"),
        longitude: number("longitude"),
        timezone_offset: text("timezone_offset"),
        timezone_description: text("timezone_description"),
        email: text("email"),
        username: text("username"),
        dob: instant("dob"),
        registered_at: instant("registered_at"),
        phone: text("phone"),
        cell: text("cell"),
        national_id_name: text("national_id_name"),
        national_id_value: text("national_id_value"),
        picture_url: text("picture_url"),
        fetched_at: instant("fetched_at"),
        source: text("source"),
        source_seed: text("source_seed"),
        source_page: page.is_valid(row).then(|| page.value(row)),
        gender_branch: text("gender_branch"),
        business_email: text("business_email"),
        user_company: text("user_company"),
    }
}

pub(crate) fn of_micros(micros: i64) -> Timestamp {
    Timestamp { seconds: micros.div_euclid(1_000_000), nanos: micros.rem_euclid(1_000_000) as i32 * 1_000 }
}
