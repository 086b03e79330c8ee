//! Where each table's newest day came from, as the run records tell.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_lake::layout::{self, Layer};
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use serde::Serialize;

use crate::job_error::JobError;
use crate::run_record::RunRecord;

/// The newest day of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// The job that made it.
    pub job: String,
    /// The newest day of which that job left a run record.
    pub as_of: NaiveDate,
    /// When the run that made it started, in microseconds UTC.
    pub started_at: Micros,
    /// The tables that it was made of, and how many objects of each.
    pub inputs: BTreeMap<String, usize>,
}

/// The lineage of every table that a run record names.
pub async fn of_tables(store: &dyn Store) -> Result<BTreeMap<String, Lineage>, JobError> {
    let mut newest: BTreeMap<String, Key> = BTreeMap::new();
    // Keys are in the order of days, so a job's last one is its newest.
    for object in store.list("_runs/").await? {
        if let Some((job, _)) = layout::run_of_record(&object.key) {
            newest.insert(job.to_owned(), object.key);
        }
    }
    let mut tables = BTreeMap::new();
    for key in newest.into_values() {
        let body = store.get(&key).await?;
        let record: RunRecord =
            serde_json::from_slice(&body).map_err(|source| JobError::RunRecord { key, source })?;
        let lineage = Lineage {
            inputs: inputs(&record.inputs.objects),
            job: record.job,
            as_of: record.as_of,
            started_at: record.started_at,
        };
        tables.extend(record.tables.into_iter().map(|table| (table.name, lineage.clone())));
    }
    Ok(tables)
}

/// Objects by the table they belong to.
fn inputs(objects: &[String]) -> BTreeMap<String, usize> {
    let mut inputs = BTreeMap::new();
    for object in objects {
        let mut parts = object.split('/');
        let (Some(layer), Some(folder)) = (parts.next(), parts.next()) else { continue };
        let layer = Layer::ALL.into_iter().find(|one| one.as_str() == layer);
        let table = layer.map_or_else(|| folder.to_owned(), |layer| layer.table_name(folder));
        *inputs.entry(table).or_default() += 1;
    }
    inputs
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millrace_lake::memory_store::MemoryStore;

    use super::*;
    use crate::run_record::{Inputs, RowCounts, TableReport};

    async fn put(store: &MemoryStore, job: &str, day: &str, objects: &[&str], table: &str) {
        let record = RunRecord {
            job: job.to_owned(),
            as_of: day.parse().expect("a day"),
            started_at: Micros(7),
            seconds: 0.0,
            version: "0".to_owned(),
            inputs: Inputs {
                objects: objects.iter().map(|object| (*object).to_owned()).collect(),
                ..Inputs::default()
            },
            rows: RowCounts::default(),
            tables: vec![TableReport {
                name: table.to_owned(),
                rows: 1,
                bytes: 1,
                key: "k".to_owned(),
                schema_fingerprint: "f".to_owned(),
                iceberg_snapshot: None,
            }],
        };
        let key = Key::new(format!("_runs/{job}/{day}.json")).expect("a key");
        store.put(&key, Bytes::from(serde_json::to_vec(&record).expect("JSON"))).await.expect("put");
    }

    #[tokio::test]
    async fn the_newest_record_of_each_job_speaks_for_its_tables() {
        let store = MemoryStore::new();
        put(&store, "raw-transformation", "2026-01-02", &["raw/users/a", "raw/users/b"], "users_transformed")
            .await;
        put(&store, "raw-transformation", "2025-12-31", &["raw/users/a"], "users_transformed").await;
        put(
            &store,
            "analytics-aggregation",
            "2026-01-02",
            &["curated/users_transformed/x", "analytics/dim/y"],
            "dim",
        )
        .await;
        let tables = of_tables(&store).await.expect("lineage");
        let users = &tables["users_transformed"];
        assert_eq!((users.as_of.to_string().as_str(), users.inputs["raw_users"]), ("2026-01-02", 2));
        assert_eq!(tables["dim"].inputs.keys().collect::<Vec<_>>(), ["dim", "users_transformed"]);
    }
}
