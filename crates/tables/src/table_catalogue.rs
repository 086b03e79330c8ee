//! Every table of the lake: where it lies, its columns, its key, whose data it holds, its views, and what makes it.
//!
//! Jobs, queries, exports, the data catalog, Snowflake's scripts, `infra/tables.json` and docs/tables.md are made of this list or held
//! to it by tests.

use std::sync::LazyLock;

use arrow_schema::SchemaRef;
use millrace_events::event::Event;
use millrace_events::event_catalogue::events;
use millrace_events::layer::Layer;

use crate::job_names::{ANALYTICS_AGGREGATION, RAW_TRANSFORMATION, TIME_SERIES_ANALYSIS};
use crate::job_plan::PlannedTable;
use crate::table_spec::{Contents, TableSpec};
use crate::{analytics, curated, time_series};

/// `(_topic, _generation, _partition, _offset)`: the source position of a raw row.
pub const SOURCE_POSITION: [&str; 4] = ["_topic", "_generation", "_partition", "_offset"];

/// A table that a consumer lands or a job makes.
#[derive(Debug, Clone)]
pub struct Table {
    /// The first part of its path.
    pub layer: Layer,
    /// Its folder inside the layer's.
    pub folder: &'static str,
    /// What a partition of it holds.
    pub contents: Contents,
    /// The columns of its files, all nullable.
    pub schema: SchemaRef,
    /// The columns it is sorted by; of raw tables the source position.
    pub key: Vec<&'static str>,
    /// The column with the id of the person whom a row is about: erasure goes by it. `None`: no row is about one person.
    pub data_subject: Option<&'static str>,
    /// The consumer or job that writes it.
    pub made_by: MadeBy,
}

/// What fills a table.
#[derive(Debug, Clone)]
pub enum MadeBy {
    /// land-events, of this event's topic.
    Landing(&'static Event),
    /// A job, by its name.
    Job(&'static str),
}

/// A view that queries and Snowflake have of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The newest day of a table whose days each hold everything.
    Latest,
    /// The latest version of each key.
    Current,
    /// Every version, with the days from which and to which it held.
    History,
}

impl View {
    /// The view's name behind its table's.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Latest => "_latest",
            Self::Current => "_current",
            Self::History => "_history",
        }
    }
}

impl Table {
    /// The name in queries.
    pub fn name(&self) -> String {
        self.layer.table_name(self.folder)
    }

    /// The views of it.
    pub fn views(&self) -> &'static [View] {
        match self.contents {
            Contents::Records => &[],
            Contents::Snapshot => &[View::Latest],
            Contents::Versions => &[View::Current, View::History],
        }
    }

    /// The command that fills it, for people who find it empty.
    pub fn filled_by(&self) -> String {
        match &self.made_by {
            // Without users nothing else can be.
            MadeBy::Landing(event) if event.table() == "users" => "millrace run".to_owned(),
            MadeBy::Landing(_) => "millrace run --streams all".to_owned(),
            MadeBy::Job(job) => format!("millrace job {job}"),
        }
    }

    fn raw(event: &'static Event) -> Self {
        Self {
            layer: Layer::Raw,
            folder: event.table(),
            contents: Contents::Records,
            schema: event.schema(),
            key: SOURCE_POSITION.to_vec(),
            data_subject: event.data_subject(),
            made_by: MadeBy::Landing(event),
        }
    }

    fn of(job: &'static str, spec: &TableSpec) -> Self {
        Self {
            layer: spec.layer,
            folder: spec.name,
            contents: spec.contents,
            schema: spec.arrow_schema(),
            key: spec.key_columns().collect(),
            data_subject: spec.data_subject,
            made_by: MadeBy::Job(job),
        }
    }
}

/// Every table, layer by layer, in the order in which they are made.
pub fn tables() -> &'static [Table] {
    static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
        let raw = events().iter().map(Table::raw);
        let curated = [&curated::USERS_TRANSFORMED, &curated::DATA_QUALITY_SUMMARY];
        let curated = curated.map(|spec| Table::of(RAW_TRANSFORMATION, spec));
        let planned = |job, tables: &'static [PlannedTable]| {
            tables.iter().map(move |table| Table::of(job, &table.spec))
        };
        raw.chain(curated)
            .chain([Table::of(ANALYTICS_AGGREGATION, &analytics::DIM_USER_DEMOGRAPHICS)])
            .chain(planned(ANALYTICS_AGGREGATION, &analytics::TABLES))
            .chain(planned(TIME_SERIES_ANALYSIS, &time_series::TABLES))
            .collect()
    });
    &TABLES
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_and_subjects_are_columns_and_names_are_unique() {
        let mut names = BTreeSet::new();
        for table in tables() {
            for column in table.key.iter().chain(&table.data_subject) {
                assert!(table.schema.column_with_name(column).is_some(), "{} lacks {column}", table.name());
            }
            assert!(names.insert(table.name()), "two tables are called {}", table.name());
        }
    }

    /// What a column that holds a person's id is called. A table with one says so, or is listed here with its reason.
    #[test]
    fn a_table_with_a_persons_id_names_its_subject() {
        for table in tables() {
            let found =
                ["user_id", "id"].into_iter().find(|name| table.schema.column_with_name(name).is_some());
            assert_eq!(table.data_subject, found, "{}: whose data is it?", table.name());
        }
    }
}
