//! Tables as they were: the data files of the Iceberg snapshot that a statement names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use millrace_iceberg::{IcebergError, LakeTables, Snapshot, Table, TableMetadata, TableSchema};
use millrace_lake::layout::Layer;
use millrace_lake::{ObjectMeta, Store};
use tokio::sync::OnceCell;

use crate::as_of::{AsOf, Version};
use crate::error::QueryError;
use crate::lake::LakeTable;

/// The column that tables of jobs are parted by.
const DAY: &str = "processing_date";

/// How often a table's metadata is read anew because a file that it names went away.
const ATTEMPTS: usize = 5;

/// The history of a lake's tables as one statement sees it: each table's metadata is read once.
#[derive(Debug)]
pub(crate) struct History {
    store: Arc<dyn Store>,
    tables: OnceCell<Option<LakeTables>>,
    metadata: Mutex<BTreeMap<String, Arc<TableMetadata>>>,
}

impl History {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, tables: OnceCell::new(), metadata: Mutex::default() }
    }

    /// `table` with the columns and the files that it had. None where nobody knows such a table.
    pub(crate) async fn table(
        &self,
        table: &LakeTable,
        version: Version,
    ) -> Result<Option<LakeTable>, QueryError> {
        let find = async || LakeTables::find(&self.store, None).await;
        let tables = self.tables.get_or_try_init(find).await.map_err(of_iceberg)?;
        let Some(tables) = tables else { return Err(QueryError::NoHistory) };
        let history = match tables.table(&table.name) {
            Ok(history) => history,
            Err(IcebergError::TableName(_)) => return Ok(None),
            Err(error) => return Err(of_iceberg(error)),
        };
        for _ in 0..ATTEMPTS {
            match self.read(&history, table, version).await {
                Err(IcebergOr::Iceberg(IcebergError::NoTable { .. })) if table.filled_by.is_none() => {
                    return Ok(None);
                }
                Err(IcebergOr::Iceberg(IcebergError::NoTable { .. })) => {
                    return Err(QueryError::NoTableHistory {
                        table: table.name.clone(),
                        is_raw: table.layer == Layer::Raw,
                    });
                }
                // Expired meanwhile: the metadata of now says what is left.
                Err(IcebergOr::Iceberg(IcebergError::Store(error))) if error.is_not_found() => {
                    self.known().remove(&table.name);
                }
                Err(IcebergOr::Iceberg(error)) => return Err(of_iceberg(error)),
                Err(IcebergOr::Query(error)) => return Err(error),
                Ok(found) => return Ok(Some(found)),
            }
        }
        Err(QueryError::Restless)
    }

    async fn read(
        &self,
        history: &Table,
        table: &LakeTable,
        version: Version,
    ) -> Result<LakeTable, IcebergOr> {
        let metadata = self.metadata(history).await?;
        let snapshot = match version {
            Version::Snapshot(id) => metadata.snapshot(id),
            Version::At(instant) => metadata.snapshot_at(instant),
        };
        let Some(snapshot) = snapshot else {
            let as_of = AsOf { table: table.name.clone(), version };
            return Err(IcebergOr::Query(no_snapshot(as_of, &metadata)));
        };
        let schema = schema_of(&metadata, snapshot)?;
        let is_parted_by_day = is_parted_by_day(&metadata, schema);
        let (mut files, mut days) = (Vec::new(), BTreeMap::new());
        for file in history.data_files(&metadata, snapshot).await? {
            if !file.format.eq_ignore_ascii_case("parquet") {
                let found = format!("a data file in {}", file.format);
                return Err(IcebergError::Unsupported { place: file.location, found }.into());
            }
            let key = history.warehouse().key(&file.location)?;
            let day = file.day.filter(|_| is_parted_by_day).and_then(NaiveDate::from_epoch_days);
            days.extend(day.map(|day| (key.clone(), day)));
            files.push(ObjectMeta { key, size: u64::try_from(file.bytes).unwrap_or(0) });
        }
        let schema = Arc::new(schema.to_arrow(&table.name)?);
        Ok(LakeTable { schema, files, days, ..table.clone() })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<TableMetadata>>> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn metadata(&self, history: &Table) -> Result<Arc<TableMetadata>, IcebergError> {
        if let Some(metadata) = self.known().get(history.name()) {
            return Ok(Arc::clone(metadata));
        }
        let metadata = Arc::new(history.load().await?.metadata);
        // Two versions of one table are of one moment's history.
        let mut known = self.known();
        Ok(Arc::clone(known.entry(history.name().to_owned()).or_insert(metadata)))
    }
}

enum IcebergOr {
    Iceberg(IcebergError),
    Query(QueryError),
}

impl From<IcebergError> for IcebergOr {
    fn from(error: IcebergError) -> Self {
        Self::Iceberg(error)
    }
}

fn of_iceberg(error: IcebergError) -> QueryError {
    match error {
        IcebergError::Store(error) => QueryError::Store(error),
        error => QueryError::Iceberg(Box::new(error)),
    }
}

fn no_snapshot(as_of: AsOf, metadata: &TableMetadata) -> QueryError {
    let oldest = metadata.snapshots.iter().min_by_key(|snapshot| snapshot.timestamp_ms);
    QueryError::NoSnapshot {
        oldest: oldest.map(|snapshot| {
            let at = AsOf { table: String::new(), version: Version::At(snapshot.timestamp()) };
            (snapshot.snapshot_id, at.version.to_string())
        }),
        asked: as_of.to_string(),
        table: as_of.table,
    }
}

/// The columns that the snapshot was written by. Files are read by their columns' names: where another engine has given a name to
/// another column since, or a column another name, nobody here can tell which a file means.
fn schema_of<'a>(metadata: &'a TableMetadata, snapshot: &Snapshot) -> Result<&'a TableSchema, IcebergError> {
    let schema = match snapshot.schema_id {
        None => metadata.schema()?,
        Some(id) => {
            let found = metadata.schemas.iter().find(|schema| schema.schema_id == id);
            found.ok_or_else(|| IcebergError::Damaged {
                file: metadata.location.clone(),
                reason: format!("its snapshot {} has the schema {id}, which is gone", snapshot.snapshot_id),
            })?
        }
    };
    let others = metadata.schemas.iter().flat_map(|schema| &schema.fields);
    for other in others {
        let is_other =
            |field: &&millrace_iceberg::TableField| (field.id == other.id) != (field.name == other.name);
        if let Some(field) = schema.fields.iter().find(is_other) {
            return Err(IcebergError::Unsupported {
                place: metadata.location.clone(),
                found: format!("reading an earlier version after column {} was renamed", field.name),
            });
        }
    }
    Ok(schema)
}

/// Whether the date that a file is parted by is its rows' day, by every spec that there was.
fn is_parted_by_day(metadata: &TableMetadata, schema: &TableSchema) -> bool {
    let Some(day) = schema.field(DAY) else { return false };
    metadata
        .partition_specs
        .iter()
        .flat_map(|spec| &spec.fields)
        .all(|field| field.source_id == day.id && field.transform == "identity")
}
