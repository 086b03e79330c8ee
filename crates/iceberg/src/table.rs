//! A table: made, looked at, changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::Schema;
use chrono::{DateTime, Utc};
use millrace_events::failure::{Class, Classified};
use serde_json::{Map, Value, json};

use crate::column_changes::{AddColumns, Rollback};
use crate::committing::{self, Change};
use crate::failure::IcebergError;
use crate::file_changes::{Commit, Effect, FileChange, Outcome};
use crate::file_pointer::FilePointer;
use crate::manifest::DataFile;
use crate::partitioning::{self, Partitioning};
use crate::pointer::{Current, Pointer, Swap};
use crate::table_files::TableFiles;
use crate::table_metadata::{Snapshot, TableMetadata};
use crate::table_schema::{self, NAME_MAPPING, TableSchema};
use crate::warehouse::{Warehouse, check_table_name};

/// What a new table is.
#[derive(Debug, Clone)]
pub struct Definition<'a> {
    /// Its columns; all may be null.
    pub schema: &'a Schema,
    /// What its rows are parted by.
    pub partitioning: Partitioning,
    /// The columns that each file is sorted by, ascending, null first.
    pub sorted_by: Vec<String>,
    /// Settings for engines, and notes.
    pub properties: BTreeMap<String, String>,
}

/// A table of a lake, there or not yet.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) files: TableFiles,
    pointer: Arc<dyn Pointer>,
}

impl Table {
    /// `name` in `warehouse`, without a catalogue.
    ///
    /// # Errors
    /// The name is none of a table's.
    pub fn without_catalogue(warehouse: Warehouse, name: &str) -> Result<Self, IcebergError> {
        let pointer = Arc::new(FilePointer::new(warehouse.clone(), name)?);
        Self::new(warehouse, name, pointer)
    }

    /// `name` in `warehouse`, whose metadata `pointer` knows.
    ///
    /// # Errors
    /// The name is none of a table's.
    pub fn new(warehouse: Warehouse, name: &str, pointer: Arc<dyn Pointer>) -> Result<Self, IcebergError> {
        check_table_name(name)?;
        Ok(Self { files: TableFiles { warehouse, name: name.to_owned() }, pointer })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.files.name
    }

    /// Where it lies.
    pub fn warehouse(&self) -> &Warehouse {
        &self.files.warehouse
    }

    /// Makes the table, without a row. `false` where there is one already, which is left as it is. `now` is the time that its metadata
    /// tells.
    ///
    /// # Errors
    /// A column has no type in Iceberg's words, rows can't be parted or sorted so, or the store fails.
    pub async fn create(
        &self,
        definition: &Definition<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, IcebergError> {
        if self.pointer.load().await?.is_some() {
            return Ok(false);
        }
        let metadata = self.first_metadata(definition, now)?;
        match self.pointer.swap(None, &metadata).await {
            Ok(Swap::Done) => Ok(true),
            Ok(Swap::Lost) => Ok(false),
            // It may have been done, and its answer lost.
            Err(error) if error.class() == Class::Retry => match self.pointer.load().await? {
                Some(found) => Ok(found.metadata.table_uuid == metadata.table_uuid),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn first_metadata(
        &self,
        definition: &Definition<'_>,
        now: DateTime<Utc>,
    ) -> Result<TableMetadata, IcebergError> {
        let (fields, last_column_id) = table_schema::number(&self.files.name, definition.schema.fields(), 0)?;
        let schema = TableSchema { kind: "struct".to_owned(), schema_id: 0, fields, rest: Map::new() };
        let spec = definition.partitioning.spec(&self.files.name, &schema)?;
        let order = self.sort_order(&definition.sorted_by, &schema)?;
        let mut properties = definition.properties.clone();
        properties.insert(NAME_MAPPING.to_owned(), schema.name_mapping());
        Ok(TableMetadata {
            format_version: 2,
            table_uuid: uuid::Uuid::now_v7().to_string(),
            location: self.files.location(),
            last_sequence_number: 0,
            last_updated_ms: now.timestamp_millis(),
            last_column_id,
            schemas: vec![schema],
            current_schema_id: 0,
            last_partition_id: spec.fields.iter().map(|field| field.field_id).max().unwrap_or(999),
            partition_specs: vec![spec],
            default_spec_id: 0,
            default_sort_order_id: order["order-id"]
                .as_i64()
                .and_then(|id| i32::try_from(id).ok())
                .unwrap_or(0),
            sort_orders: vec![order],
            properties,
            current_snapshot_id: None,
            snapshots: Vec::new(),
            snapshot_log: Vec::new(),
            metadata_log: Vec::new(),
            refs: BTreeMap::new(),
            rest: Map::new(),
        })
    }

    /// Order 0 is the one of rows that have none.
    fn sort_order(&self, columns: &[String], schema: &TableSchema) -> Result<Value, IcebergError> {
        let field = |column: &String| match schema.field(column) {
            Some(field) => Ok(
                json!({"transform": "identity", "source-id": field.id, "direction": "asc", "null-order": "nulls-first"}),
            ),
            None => Err(IcebergError::Column {
                place: self.files.name.clone(),
                column: column.clone(),
                reason: "files are sorted by it and the table doesn't have it; name another".to_owned(),
            }),
        };
        let fields: Vec<Value> = columns.iter().map(field).collect::<Result<_, _>>()?;
        Ok(json!({"order-id": i32::from(!fields.is_empty()), "fields": fields}))
    }

    /// The table as it is now.
    ///
    /// # Errors
    /// There is no such table, or its metadata can't be read.
    pub async fn load(&self) -> Result<Current, IcebergError> {
        committing::load(&self.files, &*self.pointer).await
    }

    /// Every snapshot that is left, oldest first, and whether what is now came from it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn history(&self) -> Result<Vec<(Snapshot, bool)>, IcebergError> {
        let metadata = self.load().await?.metadata;
        let line: Vec<i64> = metadata.ancestors().map(|snapshot| snapshot.snapshot_id).collect();
        let mut history: Vec<_> =
            metadata.snapshots.into_iter().map(|one| (line.contains(&one.snapshot_id), one)).collect();
        history.sort_by_key(|(_, snapshot)| (snapshot.sequence_number, snapshot.timestamp_ms));
        Ok(history.into_iter().map(|(is_in_line, snapshot)| (snapshot, is_in_line)).collect())
    }

    /// The data files that readers of `snapshot` read.
    ///
    /// # Errors
    /// A manifest can't be read, or has row-level deletes.
    pub async fn data_files(
        &self,
        metadata: &TableMetadata,
        snapshot: &Snapshot,
    ) -> Result<Vec<DataFile>, IcebergError> {
        self.files.live(metadata, snapshot).await
    }

    pub(crate) async fn commit<C: Change>(&self, change: &C) -> Result<C::Told, IcebergError> {
        committing::commit(&self.files, &*self.pointer, change).await
    }

    /// Adds files, which lie below the table already.
    ///
    /// # Errors
    /// A file isn't below the lake, the table is gone, others were always quicker, or the store fails.
    pub async fn append(&self, files: Vec<DataFile>, commit: &Commit) -> Result<Outcome, IcebergError> {
        self.commit(&FileChange { table: &self.files, effect: Effect::Append, files, commit }).await
    }

    /// Adds files as the table's first. `false` where it has a snapshot already, which is left as it is.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn fill(&self, files: Vec<DataFile>, commit: &Commit) -> Result<bool, IcebergError> {
        let outcome =
            self.commit(&FileChange { table: &self.files, effect: Effect::Fill, files, commit }).await?;
        Ok(!matches!(outcome, Outcome::Superseded(_)))
    }

    /// Makes `files` all that there is of `day`, in one snapshot: its former files go, these come. Without files the day is emptied.
    /// A run that started later than this one and has replaced the day stays: [`Outcome::Superseded`]. That is told by the snapshots that
    /// are left: keep them longer than a run takes.
    ///
    /// # Errors
    /// As [`append`](Self::append); a file is of another day.
    pub async fn replace_day(
        &self,
        day: chrono::NaiveDate,
        files: Vec<DataFile>,
        commit: &Commit,
    ) -> Result<Outcome, IcebergError> {
        let days = partitioning::days(day);
        if let Some(other) = files.iter().find(|file| file.day != Some(days)) {
            return Err(IcebergError::DataFile {
                file: other.location.clone(),
                partition: day.to_string(),
                reason: "it was measured as another day's; replace each day by itself".to_owned(),
            });
        }
        self.commit(&FileChange { table: &self.files, effect: Effect::Replace(day), files, commit }).await
    }

    /// Adds the columns of `schema` that the table doesn't have; older files read as null there. Answers their names.
    ///
    /// # Errors
    /// A column is there with another type, or has none in Iceberg's words; else as [`append`](Self::append).
    pub async fn add_columns(
        &self,
        schema: &Schema,
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, IcebergError> {
        self.commit(&AddColumns { table: &self.files.name, schema, now }).await
    }

    /// Makes an earlier snapshot what readers read. Those after it stay in the history until they expire.
    ///
    /// # Errors
    /// There is no such snapshot; else as [`append`](Self::append).
    pub async fn roll_back(&self, snapshot: i64, now: DateTime<Utc>) -> Result<(), IcebergError> {
        self.commit(&Rollback { table: &self.files.name, snapshot, now }).await
    }
}
