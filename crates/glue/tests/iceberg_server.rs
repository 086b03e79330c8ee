//! Iceberg tables by Glue's swap against MiniStack, which MILLRACE_TEST_MINISTACK names (`http://127.0.0.1:<port>`); pyiceberg reads them
//! through the same catalogue.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../../iceberg/tests/samples/mod.rs"]
mod samples;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use aws_sdk_glue::Client;
use aws_sdk_glue::types::{DatabaseInput, Table as Entry, TableInput};
use millrace_events::failure::{Class, Classified};
use millrace_glue::{GlueDataCatalog, GlueIcebergCatalog, GlueSettings};
use millrace_iceberg::{Outcome, Removal, Table, Warehouse};
use millrace_lake::aws::{self, Wanted};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::s3::S3Credentials;
use millrace_lake::{FolderStore, Store};
use millrace_skips::skipped;
use serde_json::{Value, json};

use samples::bare::{bare, now};
use samples::{TABLE, at, batch, commit, create, day, file, schema};

const ENDPOINT: &str = "MILLRACE_TEST_MINISTACK";
const KEY: &str = "millrace-test";

/// A catalogue whose database nobody has, and the server as others see it.
struct Bench {
    client: Client,
    endpoint: String,
    settings: GlueSettings,
}

impl Bench {
    /// `None`, and a skip, where there is no server.
    async fn new(check: &str) -> Option<Self> {
        let Ok(endpoint) = std::env::var(ENDPOINT) else {
            skipped(&format!("Iceberg in Glue, {check}"), &format!("no MiniStack, {ENDPOINT} is not set"));
            return None;
        };
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let settings = GlueSettings {
            region: Some("us-east-1".into()),
            endpoint: Some(endpoint.clone()),
            credentials: Some(S3Credentials {
                access_key_id: KEY.into(),
                secret_access_key: KEY.into(),
                session_token: None,
            }),
            ..GlueSettings::new(format!("iceberg_{check}_{now}").parse().unwrap())
        };
        let config = aws::load(Wanted {
            region: settings.region.as_deref(),
            endpoint: settings.endpoint.as_deref(),
            credentials: settings.credentials.as_ref(),
            attempt: settings.attempt,
            deadline: settings.deadline,
            backoff: settings.backoff,
        });
        Some(Self { client: Client::new(&config.await), endpoint, settings })
    }

    fn database(&self) -> &str {
        self.settings.database.as_str()
    }

    /// A table by a client of its own, as another process has it.
    async fn table(&self, store: Arc<dyn Store>) -> Table {
        let warehouse = Warehouse::of_folder(Arc::clone(&store))
            .unwrap_or_else(|| Warehouse::new(store, "s3://bucket/lake"));
        let glue = GlueDataCatalog::connect(self.settings.clone()).await.unwrap();
        let tables = GlueIcebergCatalog::new(glue, warehouse.clone());
        Table::new(warehouse, TABLE, tables.pointer(TABLE)).unwrap()
    }

    async fn entry(&self) -> Entry {
        let answer = self.client.get_table().database_name(self.database()).name(TABLE).send().await;
        answer.unwrap().table.unwrap()
    }
}

fn parameter<'a>(entry: &'a Entry, name: &str) -> &'a str {
    entry.parameters().unwrap().get(name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_committers_at_once_every_day_stands_once() {
    let Some(bench) = Bench::new("race").await else { return };
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    create(&bench.table(Arc::clone(&store)).await).await;
    let mut committers = Vec::new();
    for committer in 0..2_i64 {
        let (table, store) = (bench.table(Arc::clone(&store)).await, Arc::clone(&store));
        committers.push(tokio::spawn(async move {
            for n in 0..6 {
                // Days of its own, and one that both make.
                let own = day(10 * (committer + 1) + n);
                let run = format!("run-{committer}-{n}");
                let made = bare(&table, &*store, own, &run).await;
                let outcome = table.replace_day(own, vec![made], &commit(&run, n)).await.unwrap();
                assert!(matches!(outcome, Outcome::Committed(_)));
                let run = format!("both-{committer}-{n}");
                let made = bare(&table, &*store, day(0), &run).await;
                table.replace_day(day(0), vec![made], &commit(&run, 2 * n + committer)).await.unwrap();
            }
        }));
    }
    for committer in committers {
        committer.await.unwrap();
    }
    let table = bench.table(store).await;
    let mut left: Vec<String> = now(&table).await.into_iter().map(|(_, run)| run).collect();
    left.sort();
    let mut wanted: Vec<String> =
        (0..2).flat_map(|committer| (0..6).map(move |n| format!("run-{committer}-{n}"))).collect();
    wanted.insert(0, "both-1-5".to_owned());
    assert_eq!(left, wanted);
    // Each commit came from the one before it: none was covered.
    let metadata = table.load().await.unwrap().metadata;
    let numbers: Vec<i64> = metadata.snapshots.iter().map(|one| one.sequence_number).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
    table.remove_orphans(at(1_000_000), Removal::Remove).await.unwrap();
    assert_eq!(table.remove_orphans(at(1_000_000), Removal::DryRun).await.unwrap(), Default::default());
    let entry = bench.entry().await;
    assert_eq!(parameter(&entry, "metadata_location"), table.load().await.unwrap().location);
    let before = parameter(&entry, "previous_metadata_location");
    assert_eq!(metadata.metadata_log.last().unwrap().metadata_file, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_create_at_once_one_does() {
    let Some(bench) = Bench::new("create").await else { return };
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let table = bench.table(Arc::clone(&store)).await;
        tasks.push(tokio::spawn(async move {
            let definition = millrace_iceberg::Definition {
                schema: &schema(&[]),
                partitioning: millrace_iceberg::Partitioning::Date("processing_date".to_owned()),
                sorted_by: Vec::new(),
                properties: Default::default(),
            };
            table.create(&definition, at(0)).await.unwrap()
        }));
    }
    let mut created = 0;
    for task in tasks {
        created += usize::from(task.await.unwrap());
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn a_commit_keeps_what_people_wrote_and_shows_a_new_column() {
    let Some(bench) = Bench::new("kept").await else { return };
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let table = bench.table(Arc::clone(&store)).await;
    create(&table).await;
    let found = bench.entry().await;
    let edited = TableInput::builder()
        .name(TABLE)
        .description("people read this")
        .set_table_type(found.table_type().map(str::to_owned))
        .set_parameters(found.parameters().cloned())
        .parameters("owner_team", "growth")
        .set_storage_descriptor(found.storage_descriptor().cloned())
        .build()
        .unwrap();
    bench.client.update_table().database_name(bench.database()).table_input(edited).send().await.unwrap();
    table.add_columns(&schema(&["nickname"]), at(1)).await.unwrap();
    let entry = bench.entry().await;
    assert_eq!(entry.description(), Some("people read this"));
    assert_eq!(parameter(&entry, "owner_team"), "growth");
    let stored = entry.storage_descriptor().unwrap();
    assert!(stored.location().unwrap().ends_with("/iceberg/users"));
    let columns: Vec<_> = stored.columns().iter().map(|column| column.name()).collect();
    assert_eq!(columns.last(), Some(&"nickname"));
    // A table of Hive's in the same database is none of Iceberg's.
    let hive = TableInput::builder().name(TABLE).parameters("classification", "parquet").build().unwrap();
    bench.client.update_table().database_name(bench.database()).table_input(hive).send().await.unwrap();
    let error = table.load().await.unwrap_err();
    assert!(error.class() == Class::Stop, "{error}");
    assert!(error.to_string().contains("no Iceberg table"), "{error}");
}

#[tokio::test]
async fn pyiceberg_reads_the_table_by_its_name_in_glue() {
    let Some(bench) = Bench::new("pyiceberg").await else { return };
    let Some(python) = std::env::var_os("MILLRACE_PYICEBERG_PYTHON") else {
        skipped("Iceberg in Glue, pyiceberg", "MILLRACE_PYICEBERG_PYTHON names no Python with pyiceberg");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let table = bench.table(Arc::new(FolderStore::new(folder.path()))).await;
    create(&table).await;
    for (n, run) in [(0, "run-1"), (1, "run-2"), (0, "run-3")] {
        let rows = batch(day(n), 10 * n + 100 * i64::from(run == "run-3"), 4, &[]);
        let made = file(&table, day(n), run, &rows).await;
        table.replace_day(day(n), vec![made], &commit(run, n + 1)).await.unwrap();
    }
    let script = format!("{}/tests/read_by_pyiceberg_in_glue.py", env!("CARGO_MANIFEST_DIR"));
    let mut reader = Command::new(python);
    let output = reader.arg(script).args([&bench.endpoint, bench.database(), TABLE]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["tables"], json!([[bench.database(), TABLE]]));
    assert_eq!(seen["rows"], json!([10, 11, 12, 13, 100, 101, 102, 103]));
    // And goes on from what we wrote, as we do from what it wrote.
    assert_eq!(seen["committed"], json!(true));
    let metadata = table.load().await.unwrap().metadata;
    assert_eq!(metadata.properties.get("read-by").map(String::as_str), Some("pyiceberg"));
    let added = table.add_columns(&schema(&["nickname"]), at(9)).await.unwrap();
    assert_eq!(BTreeSet::from_iter(added), BTreeSet::from(["nickname".to_owned()]));
}

/// Terraform makes the database before: its being there is no race that is lost.
#[tokio::test]
async fn a_database_that_is_there_is_used() {
    let Some(bench) = Bench::new("there").await else { return };
    let input = DatabaseInput::builder().name(bench.database()).build().unwrap();
    bench.client.create_database().database_input(input).send().await.unwrap();
    create(&bench.table(Arc::new(MemoryStore::new())).await).await;
    assert_eq!(parameter(&bench.entry().await, "table_type"), "ICEBERG");
}
