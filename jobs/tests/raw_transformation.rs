//! raw-transformation over raw objects written by hand.

#[path = "support/raw_rows.rs"]
mod raw_rows;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_jobs::job_error::JobError;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::polars_schema::polars_schema;
use millrace_jobs::raw_transformation::{self, JobReport, users_transformed};
use millrace_jobs::run_record::RunRecord;
use millrace_lake::FolderStore;
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use polars::prelude::*;
use proptest::prelude::*;
use raw_rows::{RawRow, batch, put};

const DAY: i64 = 86_400_000_000;

fn run_of(as_of: &str, started_at: i64) -> RunContext {
    RunContext { as_of: as_of.parse::<NaiveDate>().expect("a date"), started_at: Micros(started_at) }
}

async fn run_with(
    store: &Arc<dyn Store>,
    ctx: &RunContext,
    memory_bytes: u64,
    scratch: &Path,
) -> Result<JobReport, JobError> {
    let settings = JobSettings { memory_bytes, scratch_dir: scratch.to_owned() };
    raw_transformation::run(store.clone(), ctx, &settings, &|_| {}).await
}

async fn run(store: &Arc<dyn Store>, ctx: &RunContext) -> Result<JobReport, JobError> {
    let scratch = tempfile::tempdir().expect("tempdir");
    let report = run_with(store, ctx, 64 << 20, scratch.path()).await;
    assert_scratch_empty(scratch.path());
    report
}

fn assert_scratch_empty(scratch: &Path) {
    let left: Vec<_> =
        std::fs::read_dir(scratch).expect("scratch").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["millrace-jobs.lock"], "scratch is removed, whatever the outcome");
}

async fn bytes_of(store: &Arc<dyn Store>, table: &str, as_of: &str) -> Vec<u8> {
    let key = Key::new(format!("curated/{table}/processing_date={as_of}/part-00000.parquet")).expect("a key");
    store.get(&key).await.expect("a published table").to_vec()
}

async fn table(store: &Arc<dyn Store>, table: &str, as_of: &str) -> DataFrame {
    ParquetReader::new(Cursor::new(bytes_of(store, table, as_of).await)).finish().expect("a Parquet file")
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn strings(frame: &DataFrame, column: &str) -> Vec<Option<String>> {
    frame.column(column).expect("column").str().expect("text").iter().map(|v| v.map(str::to_owned)).collect()
}

/// Each row as `column = value` lines, nulls left out.
fn rendered(frame: &DataFrame) -> String {
    let mut out = String::new();
    for row in 0..frame.height() {
        writeln!(out, "--- {row}").expect("written");
        for column in frame.columns() {
            let value = column.get(row).expect("a value");
            match &value {
                AnyValue::Null => {}
                AnyValue::List(items) => {
                    let items: Vec<_> =
                        items.str().expect("text").iter().flatten().map(str::to_owned).collect();
                    writeln!(out, "{} = {items:?}", column.name()).expect("written");
                }
                _ => writeln!(out, "{} = {value}", column.name()).expect("written"),
            }
        }
    }
    out
}

fn lines_of_rules() -> Vec<RawRow> {
    let user =
        |offset: i64, id: &str| RawRow::at("g1", 0, offset).text("user_id", id).number("_timestamp", offset);
    vec![
        user(0, "b-plain")
            .text("first_name", " lærke ")
            .text("last_name", "mcDonald  o'Brien")
            .text("gender", " Female ")
            .text("street_number", "4811")
            .text("street_name", " Ny\u{a0}\u{3000}vej ")
            .text("city", "Hals")
            .text("state", "  ")
            .text("country", "United   States")
            .text("country_code", " US ")
            .text("postcode", " 00123 ")
            .text("email", " Lærke.X@Example.AC.uk ")
            .text("username", " bird12 ")
            .text("phone", "(207)-555 0142")
            .text("picture_url", "https://x/large/1.jpg")
            .text("source", "simulator")
            .float("latitude", -12.3)
            .float("longitude", f64::NAN)
            .number("dob", 951_782_400_000_000) // 2000-02-29
            .number("registered_at", 1_709_078_400_000_000), // 2024-02-28
        user(1, " ")
            .text("first_name", "ßeta ŉord")
            .text("email", "o'brien@gmail.com")
            .text("phone", "12345678"),
        user(2, "").text("last_name", "only").text("gender", "MALE").text("email", "x.y@mit.edu"),
        user(3, " padded ")
            .text("email", "a@b@gov.uk")
            .text("gender", "male")
            .number("dob", 4_102_444_800_000_000),
        user(4, "a-future")
            .text("email", "no-at")
            .text("gender", "other")
            .text("phone", "123456")
            .number("registered_at", 1_709_251_200_000_000 + DAY) // a day ahead
            .number("dob", -1),
        user(5, "a-old").text("username", "first"),
        RawRow::at("g2", 0, 0).text("user_id", "a-old").text("username", "second").number("_timestamp", 0),
        user(6, "later").number("_timestamp", 1_709_251_200_000_000 + DAY), // 2024-03-02
        user(7, "in-time").number("_timestamp", 1_709_251_200_000_000 + DAY - 1),
    ]
}

#[tokio::test]
async fn the_rules_of_the_table_row_by_row() {
    let store = memory();
    let rows = lines_of_rules();
    put(store.as_ref(), "a", &batch(&rows[..6])).await;
    // Overlaps the first object by three rows.
    put(store.as_ref(), "b", &batch(&rows[3..])).await;

    let report = run(&store, &run_of("2024-03-01", 1_709_300_000_000_000)).await.expect("a run");

    assert_eq!(report.rows_in, 12);
    assert_eq!(report.raw_rows_by_position, 9);
    assert_eq!((report.users, report.duplicates, report.after_as_of), (7, 1, 1));
    let users = table(&store, "users_transformed", "2024-03-01").await;
    assert_eq!(users.schema(), &users_transformed::users_transformed_schema());
    insta::assert_snapshot!("users_transformed", rendered(&users));
    let summary = table(&store, "data_quality_summary", "2024-03-01").await;
    assert_eq!(
        summary.schema(),
        &polars_schema(&millrace_tables::curated::DATA_QUALITY_SUMMARY.arrow_schema())
    );
    insta::assert_snapshot!("data_quality_summary", rendered(&summary));
}

#[tokio::test]
async fn an_empty_lake_gives_a_table_without_rows_and_a_summary_of_zeros() {
    let store = memory();
    let report = run(&store, &run_of("2024-03-01", 5)).await.expect("a run");
    assert_eq!(report.users, 0);
    let users = table(&store, "users_transformed", "2024-03-01").await;
    assert_eq!((users.height(), users.schema()), (0, &users_transformed::users_transformed_schema()));
    let summary = table(&store, "data_quality_summary", "2024-03-01").await;
    assert_eq!(summary.height(), 1);
    assert_eq!(summary.column("total_records").expect("column").get(0).ok(), Some(AnyValue::Int64(0)));
    assert_eq!(summary.column("avg_quality_score").expect("column").get(0).ok(), Some(AnyValue::Null));
}

#[tokio::test]
async fn a_missing_column_is_null_and_an_extra_one_ignored_both_counted() {
    let store = memory();
    let whole = batch(&[RawRow::at("g", 0, 0).text("user_id", "a").text("city", "Hals")]);
    let mut less = whole.clone();
    less.remove_column(whole.schema().index_of("city").expect("city"));
    put(store.as_ref(), "a", &less).await;
    let second = batch(&[RawRow::at("g", 0, 1).text("user_id", "b").text("city", "Hals")]);
    put(
        store.as_ref(),
        "b",
        &with_column(&second, "loyalty", Arc::new(arrow_array::Int8Array::from(vec![1]))),
    )
    .await;

    let report = run(&store, &run_of("2024-03-01", 5)).await.expect("a run");

    assert_eq!(report.inputs.columns_missing, [("city".to_owned(), 1)]);
    assert_eq!(report.inputs.columns_extra, [("loyalty".to_owned(), 1)]);
    let users = table(&store, "users_transformed", "2024-03-01").await;
    assert_eq!(strings(&users, "city"), [None, Some("Hals".to_owned())]);
}

/// Columns of types this build of Polars has no reader for.
#[tokio::test]
async fn an_extra_column_may_have_any_type() {
    let rows = [RawRow::at("g", 0, 0).text("user_id", "a"), RawRow::at("g", 0, 1).text("user_id", "b")];
    let inner: arrow_array::ArrayRef = Arc::new(arrow_array::Int16Array::from(vec![1, 2]));
    let field = Arc::new(arrow_schema::Field::new("x", arrow_schema::DataType::Int16, true));
    let nested: arrow_array::ArrayRef = Arc::new(arrow_array::StructArray::from(vec![(field, inner)]));
    let decimal =
        arrow_array::Decimal128Array::from(vec![1, 2]).with_precision_and_scale(10, 2).expect("a decimal");
    for extra in [nested, Arc::new(decimal), Arc::new(arrow_array::UInt8Array::from(vec![1, 2]))] {
        let store = memory();
        put(store.as_ref(), "a", &with_column(&batch(&rows), "extra", extra)).await;
        assert_eq!(run(&store, &run_of("2024-03-01", 5)).await.expect("a run").users, 2);
    }
}

fn with_column(
    batch: &arrow_array::RecordBatch,
    name: &str,
    values: arrow_array::ArrayRef,
) -> arrow_array::RecordBatch {
    let mut fields: Vec<_> = batch.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    let mut columns = batch.columns().to_vec();
    fields.retain(|field| field.name() != name);
    if let Some((at, _)) = batch.schema().column_with_name(name) {
        columns.remove(at);
    }
    fields.push(arrow_schema::Field::new(name, values.data_type().clone(), true));
    columns.push(values);
    arrow_array::RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), columns).expect("a batch")
}

#[tokio::test]
async fn what_cannot_be_read_stops_the_run_and_names_the_object() {
    let good = batch(&[RawRow::at("g", 0, 0).text("user_id", "a")]);
    let wrong = with_column(&good, "city", Arc::new(arrow_array::Int32Array::from(vec![7])));
    let milliseconds = arrow_array::TimestampMillisecondArray::from(vec![7]).with_timezone("UTC");
    let wrong_time = with_column(&good, "dob", Arc::new(milliseconds));
    let mut unplaced = good.clone();
    unplaced.remove_column(good.schema().index_of("_offset").expect("_offset"));
    let no_offset = with_column(&good, "_offset", Arc::new(arrow_array::Int64Array::from(vec![None])));
    for (what, object, told) in [
        ("wrong type", wrong, "column city of raw/users/date=1970-01-01/hour=00/bad.parquet has type Int32"),
        (
            "wrong unit",
            wrong_time,
            "column dob of raw/users/date=1970-01-01/hour=00/bad.parquet has type Timestamp",
        ),
        ("no position", unplaced, "bad.parquet lacks the column _offset"),
        ("null position", no_offset, "1 rows have no _offset"),
    ] {
        let store = memory();
        put(store.as_ref(), "bad", &object).await;
        let error = run(&store, &run_of("2024-03-01", 5)).await.expect_err(what);
        assert!(error.to_string().contains(told), "{what}: {error}");
        assert_eq!(error.class(), Class::Stop);
        assert!(store.list("curated/").await.expect("listed").is_empty(), "{what}: nothing is published");
        assert!(store.list("_runs/").await.expect("listed").is_empty());
    }
    let store = memory();
    let key = Key::new("raw/users/date=1970-01-01/hour=00/cut.parquet").expect("a key");
    store.put(&key, raw_rows::parquet(&good).slice(..50)).await.expect("put");
    let error = run(&store, &run_of("2024-03-01", 5)).await.expect_err("a cut file");
    assert!(matches!(error, JobError::UnreadableObject { .. }), "{error}");
}

#[tokio::test]
async fn of_two_runs_for_a_day_the_later_started_wins_whole() {
    let folder = tempfile::tempdir().expect("tempdir");
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(folder.path()));
    put(store.as_ref(), "a", &batch(&[RawRow::at("g", 0, 0).text("user_id", "a")])).await;
    let (earlier, later) = (run_of("2024-03-01", 1), run_of("2024-03-01", 2));

    assert!(run(&store, &earlier).await.expect("a run").published);
    assert!(run(&store, &later).await.expect("a run").published);
    let users = bytes_of(&store, "users_transformed", "2024-03-01").await;
    let overtaken = run(&store, &earlier).await.expect("a run");
    assert!(!overtaken.published);
    assert_eq!(bytes_of(&store, "users_transformed", "2024-03-01").await, users);
    assert!(run(&store, &later).await.expect("a run").published, "the same run again replaces its own");
    assert_eq!(bytes_of(&store, "users_transformed", "2024-03-01").await, users, "to the byte");

    let body = store.get(&Key::new("_runs/raw-transformation/2024-03-01.json").expect("a key")).await;
    let record: RunRecord = serde_json::from_slice(&body.expect("a record")).expect("JSON");
    assert_eq!((record.started_at, record.rows.users), (Micros(2), 1));
    assert_eq!(record.tables[0].bytes, users.len() as u64);
    assert_eq!(record.inputs.objects, ["raw/users/date=1970-01-01/hour=00/a.parquet"]);
}

#[tokio::test]
async fn runs_that_race_leave_the_tables_of_the_later_one() {
    let folder = tempfile::tempdir().expect("tempdir");
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(folder.path()));
    put(store.as_ref(), "a", &batch(&[RawRow::at("g", 0, 0).text("user_id", "a")])).await;
    for round in 0..4 {
        let (earlier, later) = (run_of("2024-03-01", 10 + 2 * round), run_of("2024-03-01", 11 + 2 * round));
        let (_, winner) = tokio::join!(run(&store, &earlier), run(&store, &later));
        assert!(winner.expect("a run").published);
        let users = table(&store, "users_transformed", "2024-03-01").await;
        let processed_at = users.column("processed_at").expect("column").to_physical_repr();
        assert_eq!(processed_at.get(0).ok(), Some(AnyValue::Int64(later.started_at.get())));
    }
}

type Version = (String, i64, i64, i64, String);

/// The rule said plainly: the newest of each id, every row without one.
fn newest(rows: &[RawRow]) -> (Vec<(String, i64, i64)>, BTreeMap<String, Version>) {
    let mut positions = std::collections::BTreeSet::new();
    let (mut without_id, mut by_id) = (Vec::new(), BTreeMap::<String, Version>::new());
    for row in rows {
        let generation = row.get_text("_generation").expect("set").to_owned();
        let (partition, offset) =
            (row.get_number("_partition").expect("set"), row.get_number("_offset").expect("set"));
        if !positions.insert((generation.clone(), partition, offset)) {
            continue;
        }
        match row.get_text("user_id").filter(|id| !id.trim().is_empty()) {
            None => without_id.push((generation, partition, offset)),
            Some(id) => {
                let time = row.get_number("_timestamp").expect("set");
                let version = (generation, time, offset, partition, "t".to_owned());
                let kept = by_id.entry(id.to_owned()).or_insert_with(|| version.clone());
                *kept = version.max(kept.clone());
            }
        }
    }
    without_id.sort();
    (without_id, by_id)
}

prop_compose! {
    fn raw_row()(
        id in prop::option::of("[ab ]{0,2}"), generation in "g[12]", partition in 0i64..2, offset in 0i64..30,
    ) -> RawRow {
        // One position is one record: all else follows from it.
        let seed = partition * 31 + offset * 7 + i64::from(generation.as_bytes()[1]);
        let row = RawRow::at(&generation, partition, offset).number("_timestamp", seed % 5);
        match id.filter(|_| seed % 4 != 0) {
            Some(id) => row.text("user_id", format!("{id}{}", seed % 6)),
            None => row,
        }
    }
}

/// Rows in which equal positions are equal rows.
fn raw_rows() -> impl Strategy<Value = Vec<RawRow>> {
    prop::collection::vec(raw_row(), 0..80).prop_map(|rows| {
        let mut first: BTreeMap<(String, i64, i64), RawRow> = BTreeMap::new();
        rows.into_iter()
            .map(|row| {
                let position = (
                    row.get_text("_generation").expect("set").to_owned(),
                    row.get_number("_partition").expect("set"),
                    row.get_number("_offset").expect("set"),
                );
                first.entry(position).or_insert(row).clone()
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn exactly_the_newest_of_each_id_however_objects_and_ranges_are_cut(
        rows in raw_rows(), object_rows in 1usize..30, range_rows in 1u64..20
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let ctx = run_of("2024-03-01", 9);
        let (published, whole) = runtime.block_on(async {
            let (cut, whole) = (memory(), memory());
            for (number, object) in rows.chunks(object_rows).enumerate() {
                put(cut.as_ref(), &format!("{number:03}"), &batch(object)).await;
            }
            put(whole.as_ref(), "all", &batch(&rows)).await;
            let scratch = tempfile::tempdir().expect("tempdir");
            let report = run_with(&cut, &ctx, range_rows * 4096, scratch.path()).await.expect("a run");
            assert_scratch_empty(scratch.path());
            let same = run(&whole, &ctx).await.expect("a run");
            assert_eq!((report.users, report.duplicates, report.after_as_of), (same.users, same.duplicates, 0));
            assert_eq!(
                bytes_of(&cut, "data_quality_summary", "2024-03-01").await,
                bytes_of(&whole, "data_quality_summary", "2024-03-01").await,
            );
            (table(&cut, "users_transformed", "2024-03-01").await, bytes_of(&whole, "users_transformed", "2024-03-01").await)
        });
        let whole = ParquetReader::new(Cursor::new(whole)).finish().expect("a Parquet file");
        prop_assert!(published.equals_missing(&whole), "the cut shows in the table");

        let (without_id, by_id) = newest(&rows);
        let mut expected: Vec<(Option<String>, String, i64, i64)> =
            without_id.into_iter().map(|(generation, partition, offset)| (None, generation, partition, offset)).collect();
        expected.extend(by_id.into_iter().map(|(id, v)| (Some(id), v.0, v.3, v.2)));
        let generations = strings(&published, "source_generation");
        let partitions = published.column("source_partition").expect("column").i32().expect("i32").clone();
        let offsets = published.column("source_offset").expect("column").i64().expect("i64").clone();
        let got: Vec<_> = strings(&published, "id")
            .into_iter()
            .enumerate()
            .map(|(row, id)| {
                let partition = i64::from(partitions.get(row).expect("set"));
                (id, generations[row].clone().expect("set"), partition, offsets.get(row).expect("set"))
            })
            .collect();
        prop_assert_eq!(got, expected);
    }
}
