//! The raw columns this job reads, as Polars types; the schema itself is stated in `millrace_events::raw_schema`.

use std::sync::Arc;

use arrow_schema::{DataType as ArrowType, TimeUnit as ArrowUnit};
use millrace_events::event::Event;
use polars::prelude::*;

/// `(_topic, _generation, _partition, _offset)`: where a row came from.
pub const SOURCE_POSITION: [&str; 4] = ["_topic", "_generation", "_partition", "_offset"];

/// What no row is without: its source position and its record's timestamp.
pub const REQUIRED: [&str; 5] = ["_topic", "_generation", "_partition", "_offset", "_timestamp"];

/// What the tables need of a raw row; the rest stays in raw.
const READ: [&str; 25] = [
    "user_id",
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
    "latitude",
    "longitude",
    "email",
    "username",
    "dob",
    "registered_at",
    "phone",
    "picture_url",
    "source",
    "_topic",
    "_generation",
    "_partition",
    "_offset",
    "_timestamp",
];

/// Every timestamp of the lake: microseconds, UTC.
pub fn timestamp() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

/// The whole schema of `raw/users`.
pub fn all() -> SchemaRef {
    of_event(millrace_events::event_catalogue::user_created())
}

/// The whole schema of an event's raw table.
pub fn of_event(event: &Event) -> SchemaRef {
    Arc::new(
        event
            .schema()
            .fields()
            .iter()
            .map(|field| Field::new(field.name().into(), polars_type(field.data_type())))
            .collect(),
    )
}

/// The columns of [`all`] that this job reads.
pub fn read() -> SchemaRef {
    let all = all();
    Arc::new(
        READ.iter()
            .filter_map(|name| all.get(name).map(|dtype| Field::new((*name).into(), dtype.clone())))
            .collect(),
    )
}

fn polars_type(arrow: &ArrowType) -> DataType {
    match arrow {
        ArrowType::Utf8 => DataType::String,
        ArrowType::Float64 => DataType::Float64,
        ArrowType::Int32 => DataType::Int32,
        ArrowType::Int64 => DataType::Int64,
        ArrowType::Timestamp(ArrowUnit::Microsecond, Some(_)) => timestamp(),
        // A test holds that no column of the stated schema comes here.
        _ => DataType::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_type_and_every_column_read_exists() {
        assert!(all().iter_values().all(|dtype| *dtype != DataType::Null));
        assert_eq!(read().iter_names().map(|name| name.as_str()).collect::<Vec<_>>(), READ);
    }
}
