//! The raw columns this job reads, as Polars types; the schema itself is stated in `millrace_events::raw_schema`.

use std::sync::Arc;

use millrace_kernels::users_transformed::RAW_COLUMNS;
use polars::prelude::*;

use crate::polars_schema::polars_schema;

/// What no row is without: its source position and its record's timestamp.
pub const REQUIRED: [&str; 5] = ["_topic", "_generation", "_partition", "_offset", "_timestamp"];

/// The whole schema of `raw/users`.
pub fn all() -> SchemaRef {
    polars_schema(&millrace_events::event_catalogue::user_created().schema())
}

/// The columns of [`all`] that this job reads.
pub fn read() -> SchemaRef {
    let all = all();
    Arc::new(
        RAW_COLUMNS
            .iter()
            .filter_map(|name| all.get(name).map(|dtype| Field::new((*name).into(), dtype.clone())))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_type_and_every_column_read_exists() {
        assert!(all().iter_values().all(|dtype| *dtype != DataType::Null));
        assert_eq!(read().iter_names().map(|name| name.as_str()).collect::<Vec<_>>(), RAW_COLUMNS);
    }
}
