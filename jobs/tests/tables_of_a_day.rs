//! Small inputs through all three jobs: golden tables, reviewed by eye, and the dimension's versions over days.

#[path = "support/raw_rows.rs"]
mod raw_rows;

use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::Arc;

use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_jobs::job_error::JobError;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::polars_schema::polars_schema;
use millrace_jobs::{analytics_aggregation, raw_transformation, time_series_analysis};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use millrace_tables::tables;
use polars::prelude::*;
use raw_rows::{RawRow, batch, put};

const DAY: i64 = 86_400_000_000;
/// 2024-03-01.
const FIRST: i64 = 19_783 * DAY;

fn run_of(as_of: &str) -> RunContext {
    RunContext { as_of: as_of.parse::<NaiveDate>().expect("a date"), started_at: Micros(FIRST + 7) }
}

async fn run_all(store: &Arc<dyn Store>, as_of: &str) -> Result<(), JobError> {
    let scratch = tempfile::tempdir().expect("tempdir");
    let settings = JobSettings { memory_bytes: 64 << 20, scratch_dir: scratch.path().to_owned() };
    let run = run_of(as_of);
    raw_transformation::run(store.clone(), &run, &settings, &|_| {}).await?;
    analytics_aggregation::run(store.clone(), &run, &|_| {}).await?;
    time_series_analysis::run(store.clone(), &run, &|_| {}).await?;
    Ok(())
}

async fn table(store: &Arc<dyn Store>, path: &str, as_of: &str) -> DataFrame {
    let key = Key::new(format!("{path}/processing_date={as_of}/part-00000.parquet")).expect("a key");
    let body = store.get(&key).await.expect("a published table");
    ParquetReader::new(Cursor::new(body.to_vec())).finish().expect("a Parquet file")
}

fn user(offset: i64, id: &str, gender: &str, country: &str, registered: i64) -> RawRow {
    RawRow::at("g1", 0, offset)
        .text("user_id", id)
        .text("gender", gender)
        .text("country", country)
        .text("city", format!("{country} city"))
        .text("state", "a state")
        .text("email", format!("{id}@{}", if offset % 2 == 0 { "gmail.com" } else { "example.com" }))
        .text("username", "shared")
        .text("phone", "12345678")
        .number("dob", (7_100 + offset * 400) * DAY)
        .number("registered_at", registered * DAY)
        .number("_timestamp", FIRST + offset)
}

fn users() -> Vec<RawRow> {
    vec![
        user(0, "a", "male", "DE", 19_000),
        user(1, "b", "female", "DE", 19_000),
        user(2, "c", "female", "FR", 19_032),
        user(3, "d", "other", "FR", 19_400),
        RawRow::at("g1", 0, 4).text("email", "broken").number("_timestamp", FIRST),
    ]
}

/// Every row as `column=value` pairs, nulls as a dash.
fn rendered(frame: &DataFrame) -> String {
    let mut out = String::new();
    for row in 0..frame.height() {
        let cells = frame.columns().iter().map(|column| {
            let value = column.get(row).expect("a value");
            let value = if value.is_null() { "–".to_owned() } else { value.to_string().replace('"', "") };
            format!("{}={value}", column.name())
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join(" ")).expect("written");
    }
    out
}

#[tokio::test]
async fn golden_tables_of_five_users() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    put(store.as_ref(), "a", &batch(&users())).await;
    run_all(&store, "2024-03-01").await.expect("the jobs run");
    let mut golden = String::new();
    for stated in tables() {
        let layer = stated.layer.as_str();
        if !matches!(layer, "analytics" | "timeseries") {
            continue;
        }
        let found = table(&store, &format!("{layer}/{}", stated.folder), "2024-03-01").await;
        assert_eq!(found.schema(), &polars_schema(&stated.schema), "{}", stated.folder);
        writeln!(golden, "## {}\n{}", stated.folder, rendered(&found)).expect("written");
    }
    insta::assert_snapshot!(golden);
}

#[tokio::test]
async fn the_dimension_appends_versions_of_those_who_changed() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    put(store.as_ref(), "a", &batch(&users())).await;
    run_all(&store, "2024-03-01").await.expect("the first day");
    // b moves, e is new; the next day nobody changes, the day after b moves back.
    let moved = user(5, "b", "female", "ES", 19_000).number("_timestamp", FIRST + DAY);
    let new = user(6, "e", "male", "DE", 19_000).number("_timestamp", FIRST + DAY + 1);
    put(store.as_ref(), "b", &batch(&[moved, new])).await;
    run_all(&store, "2024-03-02").await.expect("the second day");
    run_all(&store, "2024-03-03").await.expect("the third day");
    let back = user(7, "b", "female", "DE", 19_000).number("_timestamp", FIRST + 3 * DAY);
    put(store.as_ref(), "c", &batch(&[back])).await;
    run_all(&store, "2024-03-04").await.expect("the fourth day");

    let versions = async |day: &str| {
        let rows = table(&store, "analytics/dim_user_demographics", day).await;
        let text = |name: &str, row: usize| {
            rows.column(name).expect("column").str().expect("text").get(row).unwrap_or("–").to_owned()
        };
        (0..rows.height())
            .map(|row| format!("{} {}", text("user_id", row), text("country", row)))
            .collect::<Vec<_>>()
    };
    assert_eq!(versions("2024-03-01").await, ["a DE", "b DE", "c FR", "d FR"]);
    assert_eq!(versions("2024-03-02").await, ["b ES", "e DE"]);
    assert_eq!(versions("2024-03-03").await, Vec::<String>::new());
    assert_eq!(versions("2024-03-04").await, ["b DE"]);

    // A backfill in order gives the same again.
    for day in ["2024-03-02", "2024-03-03", "2024-03-04"] {
        run_all(&store, day).await.expect("a day of the backfill");
    }
    assert_eq!(versions("2024-03-02").await, ["b ES", "e DE"]);
    assert_eq!(versions("2024-03-04").await, ["b DE"]);
}

#[tokio::test]
async fn a_job_without_its_input_says_which_job_makes_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let run = run_of("2024-03-01");
    let error =
        analytics_aggregation::run(store.clone(), &run, &|_| {}).await.expect_err("no users").to_string();
    assert!(error.contains("millrace job raw-transformation --as-of 2024-03-01"), "{error}");
    let scratch = tempfile::tempdir().expect("tempdir");
    let settings = JobSettings { memory_bytes: 64 << 20, scratch_dir: scratch.path().to_owned() };
    raw_transformation::run(store.clone(), &run, &settings, &|_| {}).await.expect("an empty lake");
    let error =
        time_series_analysis::run(store.clone(), &run, &|_| {}).await.expect_err("no metrics").to_string();
    assert!(error.contains("millrace job analytics-aggregation --as-of 2024-03-01"), "{error}");
    analytics_aggregation::run(store.clone(), &run, &|_| {}).await.expect("nobody");
    time_series_analysis::run(store, &run, &|_| {}).await.expect("nobody over time");
}
