//! The catalogue in Glue against MiniStack, which MILLRACE_TEST_MINISTACK names (`http://127.0.0.1:<port>`).
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use aws_sdk_glue::Client;
use aws_sdk_glue::types::{Column, StorageDescriptor, Table, TableInput};
use chrono::NaiveDate;
use millrace_glue::{GlueDataCatalog, GlueSettings};
use millrace_lake::aws::{self, Wanted};
use millrace_lake::data_catalog::{Change, DataCatalog, PartitionEntry, Registered, TableEntry};
use millrace_lake::layout::Layer;
use millrace_lake::s3::S3Credentials;
use millrace_skips::skipped;

const ENDPOINT: &str = "MILLRACE_TEST_MINISTACK";
const KEY: &str = "millrace-test";
const LAKE: &str = "s3://lake/dev";

/// The server's endpoint; without one the check is told as skipped.
fn endpoint(check: &str) -> Option<String> {
    let endpoint = std::env::var(ENDPOINT).ok();
    if endpoint.is_none() {
        skipped(check, &format!("no MiniStack, {ENDPOINT} is not set"));
    }
    endpoint
}

/// A catalogue whose database nobody has, and the server as others see it.
struct Bench {
    client: Client,
    settings: GlueSettings,
}

impl Bench {
    async fn new(endpoint: &str, check: &str) -> Self {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let settings = GlueSettings {
            region: Some("us-east-1".into()),
            endpoint: Some(endpoint.into()),
            credentials: Some(S3Credentials {
                access_key_id: KEY.into(),
                secret_access_key: KEY.into(),
                session_token: None,
            }),
            ..GlueSettings::new(format!("{check}_{now}").parse().unwrap())
        };
        let config = aws::load(Wanted {
            region: settings.region.as_deref(),
            endpoint: settings.endpoint.as_deref(),
            credentials: settings.credentials.as_ref(),
            attempt: settings.attempt,
            deadline: settings.deadline,
            backoff: settings.backoff,
        });
        Self { client: Client::new(&config.await), settings }
    }

    async fn catalogue(&self) -> GlueDataCatalog {
        GlueDataCatalog::connect(self.settings.clone()).await.unwrap()
    }

    fn database(&self) -> &str {
        self.settings.database.as_str()
    }

    async fn table(&self, name: &str) -> Table {
        let answer = self.client.get_table().database_name(self.database()).name(name).send().await;
        answer.unwrap().table.unwrap()
    }

    async fn partitions(&self, name: &str) -> Vec<(Vec<String>, String)> {
        let request = self.client.get_partitions().database_name(self.database()).table_name(name);
        let answer = request.send().await.unwrap();
        let told = answer.partitions().iter().map(|partition| {
            let place = partition.storage_descriptor().and_then(StorageDescriptor::location).unwrap();
            (partition.values().to_vec(), place.to_owned())
        });
        told.collect()
    }
}

fn schema() -> Vec<Field> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    [
        ("id", DataType::Utf8),
        ("age", DataType::Int32),
        ("rank", DataType::Int64),
        ("share", DataType::Float64),
        ("is_valid", DataType::Boolean),
        ("born", DataType::Date32),
        ("seen_at", utc),
        ("quality_issues", list),
        ("processing_date", DataType::Date32),
    ]
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .to_vec()
}

fn table(fields: Vec<Field>) -> TableEntry {
    TableEntry::of(LAKE, Layer::Curated, "users", &Schema::new(fields)).unwrap()
}

fn partition(day: u32) -> PartitionEntry {
    let day = NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
    PartitionEntry::of(LAKE, Layer::Curated, "users", day).unwrap()
}

fn names(columns: &[Column]) -> Vec<String> {
    columns
        .iter()
        .map(|column| format!("{} {}", column.name(), column.r#type().unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn a_partition_is_registered_once_however_often_it_is_told() {
    let Some(endpoint) = endpoint("registering with Glue") else { return };
    let bench = Bench::new(&endpoint, "once").await;
    let catalogue = bench.catalogue().await;
    let (users, first) = (table(schema()), partition(9));
    let did = catalogue.register(&users, &first).await.unwrap();
    assert_eq!(did, Registered { table: Change::Created, partition: Change::Created });
    let version = bench.table("users").await.version_id().map(str::to_owned);
    for again in [&catalogue, &bench.catalogue().await] {
        let did = again.register(&users, &first).await.unwrap();
        assert_eq!(did, Registered { table: Change::Unchanged, partition: Change::Unchanged });
    }
    let did = catalogue.register(&users, &partition(10)).await.unwrap();
    assert_eq!(did, Registered { table: Change::Unchanged, partition: Change::Created });

    let found = bench.table("users").await;
    assert_eq!(found.version_id().map(str::to_owned), version);
    assert_eq!(found.table_type(), Some("EXTERNAL_TABLE"));
    assert_eq!(names(found.partition_keys()), ["processing_date date"]);
    let stored = found.storage_descriptor().unwrap();
    assert_eq!(
        names(stored.columns()),
        [
            "id string",
            "age int",
            "rank bigint",
            "share double",
            "is_valid boolean",
            "born date",
            "seen_at timestamp",
            "quality_issues array<string>"
        ]
    );
    assert_eq!(stored.location(), Some("s3://lake/dev/curated/users/"));
    let serde = stored.serde_info().and_then(|it| it.serialization_library()).unwrap();
    assert!(serde.ends_with("ParquetHiveSerDe"), "{serde}");
    let place = |day: u32| format!("s3://lake/dev/curated/users/processing_date=2026-01-{day:02}/");
    assert_eq!(
        bench.partitions("users").await,
        [(vec!["2026-01-09".into()], place(9)), (vec!["2026-01-10".into()], place(10))]
    );
}

#[tokio::test]
async fn what_differs_is_updated_and_what_others_wrote_stays() {
    let Some(endpoint) = endpoint("updating Glue's entries") else { return };
    let bench = Bench::new(&endpoint, "update").await;
    let catalogue = bench.catalogue().await;
    catalogue.register(&table(schema()), &partition(9)).await.unwrap();
    let found = bench.table("users").await;
    let mut commented = found.storage_descriptor().unwrap().clone();
    let columns = commented.columns.as_mut().unwrap();
    columns[0].comment = Some("who it is".into());
    let edited = TableInput::builder()
        .name("users")
        .description("people read this")
        .table_type("EXTERNAL_TABLE")
        .set_parameters(found.parameters().cloned())
        .parameters("owner_team", "growth")
        .set_partition_keys(found.partition_keys.clone())
        .storage_descriptor(commented)
        .build()
        .unwrap();
    bench.client.update_table().database_name(bench.database()).table_input(edited).send().await.unwrap();
    let did = catalogue.register(&table(schema()), &partition(9)).await.unwrap();
    assert_eq!(did, Registered { table: Change::Unchanged, partition: Change::Unchanged });

    let mut wider = schema();
    wider.insert(1, Field::new("country", DataType::Utf8, true));
    let did = catalogue.register(&table(wider), &partition(9)).await.unwrap();
    assert_eq!(did, Registered { table: Change::Updated, partition: Change::Updated });
    let found = bench.table("users").await;
    assert_eq!(found.description(), Some("people read this"));
    let parameters = found.parameters().unwrap();
    assert_eq!(parameters.get("owner_team").map(String::as_str), Some("growth"));
    assert_eq!(parameters.get("classification").map(String::as_str), Some("parquet"));
    let columns = found.storage_descriptor().unwrap().columns();
    assert_eq!(names(columns)[..2], ["id string", "country string"]);
    assert_eq!(columns[0].comment(), Some("who it is"));
    assert_eq!(bench.partitions("users").await.len(), 1);
}

#[tokio::test]
async fn those_who_register_at_once_end_with_one_entry() {
    let Some(endpoint) = endpoint("registering at once with Glue") else { return };
    let bench = Bench::new(&endpoint, "race").await;
    let runs = (0..8).map(|_| {
        let settings = bench.settings.clone();
        tokio::spawn(async move {
            let catalogue = GlueDataCatalog::connect(settings).await.unwrap();
            catalogue.register(&table(schema()), &partition(9)).await.unwrap()
        })
    });
    let mut created = 0;
    for run in runs.collect::<Vec<_>>() {
        created += usize::from(run.await.unwrap().partition == Change::Created);
    }
    assert_eq!(created, 1);
    assert_eq!(bench.partitions("users").await.len(), 1);
}
