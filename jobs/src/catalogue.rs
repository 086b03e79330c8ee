//! Every published table: where it lies in the lake, its key, its schema. Queries and listings read the lake by it.

use std::sync::{Arc, LazyLock};

use arrow_schema as arrow;
use millrace_events::event::Event;
use millrace_events::event_catalogue::events;
use polars::prelude::{DataType, SchemaRef, TimeUnit};

use crate::analytics_aggregation::dimension::DIM_USER_DEMOGRAPHICS;
use crate::job_plan::JobPlan;
use crate::raw_transformation::{raw_columns, summary, users_transformed};
use crate::table::TableSpec;
use crate::{analytics_aggregation, time_series_analysis};

/// The part of the lake a table belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// As landed, append-only, one row a record; objects may overlap.
    Raw,
    Curated,
    Analytics,
    Timeseries,
}

impl Layer {
    pub const ALL: [Self; 4] = [Self::Raw, Self::Curated, Self::Analytics, Self::Timeseries];

    /// The folder at the lake's root that holds the layer's tables.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Curated => "curated",
            Self::Analytics => "analytics",
            Self::Timeseries => "timeseries",
        }
    }

    /// The name queries use for the table in `folder` of this layer: `raw/users` is `raw_users`, the others are
    /// called as their folder.
    pub fn table_name(self, folder: &str) -> String {
        match self {
            Self::Raw => format!("raw_{folder}"),
            _ => folder.to_owned(),
        }
    }
}

/// A table that some job or consumer publishes.
#[derive(Debug, Clone)]
pub struct Table {
    pub layer: Layer,
    /// Its folder inside the layer's.
    pub folder: &'static str,
    /// The columns it is sorted by; for raw tables the source position.
    pub key: Vec<&'static str>,
    pub schema: SchemaRef,
    /// The command that fills it, for people who find it empty.
    pub filled_by: &'static str,
}

impl Table {
    pub fn name(&self) -> String {
        self.layer.table_name(self.folder)
    }

    /// The columns of its files, for those who do not know Polars.
    pub fn arrow_schema(&self) -> arrow::Schema {
        let fields = self.schema.iter();
        let fields = fields.map(|(name, dtype)| arrow::Field::new(name.as_str(), arrow_type(dtype), true));
        arrow::Schema::new(fields.collect::<Vec<_>>())
    }
}

/// The Arrow type of a column's files. `Null`, which no catalogue takes, for one that no table has so far.
fn arrow_type(dtype: &DataType) -> arrow::DataType {
    match dtype {
        DataType::String => arrow::DataType::Utf8,
        DataType::Boolean => arrow::DataType::Boolean,
        DataType::Int32 => arrow::DataType::Int32,
        DataType::Int64 => arrow::DataType::Int64,
        DataType::Float64 => arrow::DataType::Float64,
        DataType::Date => arrow::DataType::Date32,
        DataType::Datetime(TimeUnit::Microseconds, _) => {
            arrow::DataType::Timestamp(arrow::TimeUnit::Microsecond, Some("UTC".into()))
        }
        DataType::List(item) => {
            arrow::DataType::List(Arc::new(arrow::Field::new("item", arrow_type(item), true)))
        }
        _ => arrow::DataType::Null,
    }
}

pub use crate::raw_transformation::raw_columns::SOURCE_POSITION;

/// Every table, layer by layer.
pub fn tables() -> &'static [Table] {
    static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
        let curated = |folder, key, schema: fn() -> SchemaRef| Table {
            layer: Layer::Curated,
            folder,
            key,
            schema: schema(),
            filled_by: "millrace job raw-transformation",
        };
        let mut tables: Vec<_> = events().iter().map(raw).collect();
        tables.extend([
            curated("users_transformed", vec!["id"], users_transformed::users_transformed_schema),
            curated("data_quality_summary", vec![], summary::data_quality_summary_schema),
            stated(Layer::Analytics, &DIM_USER_DEMOGRAPHICS, "millrace job analytics-aggregation"),
        ]);
        let planned = |layer, job: &'static JobPlan, filled_by| {
            job.tables.iter().map(move |table| stated(layer, &table.spec, filled_by))
        };
        tables.extend(planned(
            Layer::Analytics,
            &analytics_aggregation::PLAN,
            "millrace job analytics-aggregation",
        ));
        tables.extend(planned(
            Layer::Timeseries,
            &time_series_analysis::PLAN,
            "millrace job time-series-analysis",
        ));
        tables
    });
    &TABLES
}

fn raw(event: &'static Event) -> Table {
    Table {
        layer: Layer::Raw,
        folder: event.table(),
        key: SOURCE_POSITION.to_vec(),
        schema: raw_columns::of_event(event),
        // Without users nothing else can be.
        filled_by: if event.table() == "users" { "millrace run" } else { "millrace run --streams all" },
    }
}

fn stated(layer: Layer, spec: &TableSpec, filled_by: &'static str) -> Table {
    Table {
        layer,
        folder: spec.name,
        key: spec.key_columns().collect(),
        schema: spec.polars_schema(),
        filled_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stated_table_has_a_schema_and_its_key_in_it() {
        for table in tables() {
            for column in &table.key {
                assert!(table.schema.contains(column), "{} lacks its key column {column}", table.name());
            }
        }
    }

    #[test]
    fn raw_schemas_keep_the_order_of_the_landed_ones() {
        for event in events() {
            let landed = event.schema();
            let landed: Vec<_> = landed.fields().iter().map(|field| field.name().as_str()).collect();
            let ours = raw_columns::of_event(event);
            assert_eq!(ours.iter_names().map(|name| name.as_str()).collect::<Vec<_>>(), landed);
            assert!(ours.iter_values().all(|dtype| *dtype != polars::prelude::DataType::Null));
        }
    }
}
