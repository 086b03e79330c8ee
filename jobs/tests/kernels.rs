//! The kernels without an engine beside what the jobs published of the same raw rows: every cell of users_transformed, every table of merged
//! counts, every version of the dimension. Users are simulated, untidy, repeated, and spread over objects that overlap.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray, StringViewArray};
use arrow_array::{LargeStringArray, cast::AsArray};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use chrono::{Days, NaiveDate};
use millrace_events::batch::{SourcePartition, UserBatchBuilder};
use millrace_events::decode::Value;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_events::randomuser::{AnswerContext, PageUser, SIMULATOR, SourceClock, read_answer};
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::{analytics_aggregation, raw_transformation, time_series_analysis};
use millrace_kernels::counts::{Job, Partial};
use millrace_kernels::dimension::{self, LatestVersions, changed};
use millrace_kernels::newest::newest;
use millrace_kernels::quality_days::{Told, told};
use millrace_kernels::users_transformed::transform;
use millrace_lake::layout::partition_key;
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use millrace_sources::{CHANGED_DETAILS, Share, Simulation};
use millrace_tables::analytics::{DATA_QUALITY_METRICS, DIM_USER_DEMOGRAPHICS};
use millrace_tables::curated::USERS_TRANSFORMED;
use millrace_tables::{QualityDay, TableSpec};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEEDS: [u64; 3] = [1, 7, 42];
const USERS_A_DAY: u64 = 1_500;
const DAYS: u64 = 3;
const FIRST_DAY: &str = "2026-01-30";

fn run_of(day: u64) -> RunContext {
    let first: NaiveDate = FIRST_DAY.parse().expect("a date");
    let as_of = first.checked_add_days(Days::new(day)).expect("a day");
    RunContext { as_of, started_at: Micros(day_start(as_of).get() + 7) }
}

fn day_start(day: NaiveDate) -> Micros {
    Micros(day.and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp_micros())
}

/// The raw rows of a day, in two partitions of the topic.
fn raw_of(seed: u64, day: u64) -> Vec<RecordBatch> {
    let simulation = Simulation::new(seed, Share::NONE, CHANGED_DETAILS).untidy();
    let mut answer = Vec::new();
    simulation.write_answer(day * USERS_A_DAY, USERS_A_DAY as usize, 1, &mut answer);
    let clock = SourceClock::Logical { day_start: day_start(run_of(day).as_of), users_before: 0 };
    let limit = USERS_A_DAY as usize;
    let page =
        read_answer(&answer, &AnswerContext { source: SIMULATOR, page: 1, clock, limit }).expect("an answer");
    let of_partition = |partition: i32| {
        let source = SourcePartition { topic: "users_created".into(), generation: "0001".into(), partition };
        let mut rows = UserBatchBuilder::new(source, limit);
        let mut offset = Offset((day * USERS_A_DAY) as i64);
        for (number, user) in (0..).zip(&page.users) {
            let PageUser::Event { value, fetched_at, .. } = user else { continue };
            if number % 2 == partition {
                let value = Value {
                    bytes: Some(page.bytes(value)),
                    content_type: Some("application/x-protobuf"),
                    source: None,
                };
                rows.push(&value, offset, *fetched_at).expect("a user");
                offset = offset.next();
            }
        }
        spoilt(&rows.finish(day_start(run_of(day).as_of)).expect("rows"))
    };
    (0..2).map(of_partition).collect()
}

/// What no decoder lets through, though raw objects of others may hold it.
fn spoilt(rows: &RecordBatch) -> RecordBatch {
    let texts = |name: &str, every: usize, with: &'static str| -> ArrayRef {
        let texts = rows.column_by_name(name).expect("a column").as_string::<i32>();
        let texts = texts.iter().enumerate();
        Arc::new(
            texts
                .map(|(row, text)| if row % every == 3 { Some(with) } else { text })
                .collect::<StringArray>(),
        )
    };
    let odd = [f64::NAN, f64::INFINITY, -0.0];
    let latitudes: Float64Array =
        (0..rows.num_rows()).map(|row| odd.get(row % 40).copied().or(Some(row as f64))).collect();
    let changed: BTreeMap<&str, ArrayRef> = BTreeMap::from([
        ("user_id", texts("user_id", 97, " \u{3000}")),
        ("first_name", texts("first_name", 89, "\u{2003}ßeta  ŉord\t")),
        ("city", texts("city", 83, " \u{a0} ")),
        ("email", texts("email", 79, " Lærke.X@b@Example.AC.uk ")),
        ("phone", texts("phone", 73, " (207)-555 0142 ext. ")),
        ("country_code", texts("country_code", 61, " US ")),
        ("latitude", Arc::new(latitudes) as ArrayRef),
    ]);
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let columns = columns.map(|(field, column)| changed.get(field.name().as_str()).unwrap_or(column).clone());
    RecordBatch::try_new(rows.schema(), columns.collect()).expect("rows")
}

fn parquet(rows: &RecordBatch) -> Bytes {
    let mut body = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut body, rows.schema(), None).expect("a writer");
    writer.write(rows).expect("written");
    writer.close().expect("closed");
    body.into()
}

/// Lands a day's rows as objects that overlap.
async fn land(store: &dyn Store, day: u64, batches: &[RecordBatch]) {
    for (partition, rows) in batches.iter().enumerate() {
        let half = rows.num_rows() / 2;
        for (number, object) in
            [rows.slice(0, half + 20), rows.slice(half, rows.num_rows() - half)].iter().enumerate()
        {
            let name = format!("raw/users/date=1970-01-01/hour=00/{day}-{partition}-{number}.parquet");
            store.put(&Key::new(name).expect("a key"), parquet(object)).await.expect("put");
        }
    }
}

async fn run_all(store: &Arc<dyn Store>, run: &RunContext) {
    let scratch = tempfile::tempdir().expect("tempdir");
    // So little that there are several ranges.
    let settings = JobSettings { memory_bytes: 4 << 20, scratch_dir: scratch.path().to_owned() };
    raw_transformation::run(store.clone(), run, &settings, &|_| {}).await.expect("raw-transformation");
    analytics_aggregation::run(store.clone(), run, &|_| {}).await.expect("analytics-aggregation");
    time_series_analysis::run(store.clone(), run, &|_| {}).await.expect("time-series-analysis");
}

/// The published partition of a table, as the table states its columns.
async fn published(store: &dyn Store, spec: &TableSpec, run: &RunContext) -> RecordBatch {
    let key = partition_key(spec.layer, spec.name, run.as_of).expect("a key");
    let body = store.get(&key).await.expect("a published table");
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(body, options).expect("Parquet");
    let rows: Vec<RecordBatch> = reader.build().expect("a reader").map(|rows| rows.expect("rows")).collect();
    let schema = rows.first().map_or_else(|| spec.arrow_schema(), |rows| rows.schema());
    concat_batches(&schema, &rows).expect("one batch")
}

/// Every cell, null or not, to the bit.
fn assert_same_cells(what: &str, found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(found.num_rows(), expected.num_rows(), "{what}: rows");
    let names = |rows: &RecordBatch| {
        rows.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(found), names(expected), "{what}: columns");
    for ((field, found), expected) in
        found.schema().fields().iter().zip(found.columns()).zip(expected.columns())
    {
        let name = field.name();
        if matches!(found.data_type(), DataType::List(_)) {
            // The name of the items' field is the writer's.
            let (found, expected) = (found.as_list::<i32>(), expected.as_list::<i32>());
            assert_eq!(found.offsets(), expected.offsets(), "{what}.{name}");
            assert_eq!(found.values(), expected.values(), "{what}.{name}");
        } else {
            assert_eq!(found.data_type(), expected.data_type(), "{what}.{name}");
            // Arrays of floats are equal by their bits.
            for row in 0..found.len() {
                assert!(
                    found.slice(row, 1) == expected.slice(row, 1),
                    "{what}.{name} of row {row}: {:?}, not {:?}",
                    found.slice(row, 1),
                    expected.slice(row, 1)
                );
            }
        }
    }
}

/// Batches of random sizes.
fn split(rows: &RecordBatch, draw: &mut ChaCha8Rng) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    let mut start = 0;
    while start < rows.num_rows() {
        let size = draw.random_range(0..700).min(rows.num_rows() - start);
        batches.push(rows.slice(start, size));
        start += size;
    }
    batches
}

/// Partials of the batches, which meet in a random order and have been bytes.
fn merged(job: Job, batches: &[RecordBatch], draw: &mut ChaCha8Rng) -> Partial {
    let partials = batches.iter().map(|batch| Partial::of(job, batch).expect("counts").to_bytes());
    let mut partials: Vec<Vec<u8>> = partials.collect();
    partials.push(Partial::new(job).expect("a plan").to_bytes());
    while partials.len() > 1 {
        partials.shuffle(draw);
        let (one, other) = (partials.pop().expect("one"), partials.pop().expect("another"));
        let mut both = Partial::from_bytes(job, &one).expect("counts");
        both.merge(Partial::from_bytes(job, &other).expect("counts")).expect("of one job");
        partials.push(both.to_bytes());
    }
    Partial::from_bytes(job, &partials[0]).expect("counts")
}

/// The same rows with texts laid out as others do.
fn with_texts(rows: &RecordBatch, of: impl Fn(&StringArray) -> ArrayRef) -> RecordBatch {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let column = column.as_string_opt::<i32>().map_or_else(|| column.clone(), &of);
        (field.name().clone(), column)
    });
    RecordBatch::try_from_iter(columns).expect("rows")
}

#[tokio::test]
async fn kernels_make_what_the_jobs_publish() {
    for seed in SEEDS {
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut raw: Vec<RecordBatch> = Vec::new();
        let mut quality_days: Vec<QualityDay> = Vec::new();
        let mut versions = LatestVersions::default();
        for day in 0..DAYS {
            let run = run_of(day);
            let landed = raw_of(seed, day);
            land(store.as_ref(), day, &landed).await;
            run_all(&store, &run).await;

            // In any order, as a shuffle gives them.
            raw.extend(landed.iter().flat_map(|rows| split(rows, &mut draw)));
            // Some rows twice, as a retry lands them.
            raw.push(landed[0].slice(0, 40));
            raw.shuffle(&mut draw);
            let rows = concat_batches(&raw[0].schema(), &raw).expect("one batch");
            let mut compared = 2;
            let competing = newest(&rows).expect("the newest");
            let users = transform(&competing, &run).expect("users");
            assert_same_cells(
                "users_transformed",
                &users,
                &published(store.as_ref(), &USERS_TRANSFORMED, &run).await,
            );
            for of in [
                |texts: &StringArray| -> ArrayRef { Arc::new(texts.iter().collect::<StringViewArray>()) },
                |texts: &StringArray| -> ArrayRef { Arc::new(texts.iter().collect::<LargeStringArray>()) },
            ] {
                let others = transform(&with_texts(&competing, of), &run).expect("users");
                assert_eq!(others, users, "however texts are laid out");
            }

            let batches = split(&users, &mut draw);
            for job in Job::ALL {
                let counts = merged(job, &batches, &mut draw);
                for (spec, table) in counts
                    .tables(&quality_days_with(&quality_days, job, store.as_ref(), &run).await, &run)
                    .expect("tables")
                {
                    compared += 1;
                    assert_same_cells(spec.name, &table, &published(store.as_ref(), spec, &run).await);
                }
            }
            quality_days =
                quality_days_with(&quality_days, Job::TimeSeriesAnalysis, store.as_ref(), &run).await;

            assert!(users.num_rows() > 1_000 && users.num_rows() < rows.num_rows(), "nobody came twice");
            assert_eq!(compared, 17, "tables, users_transformed and dim_user_demographics among them");

            let expected = published(store.as_ref(), &DIM_USER_DEMOGRAPHICS, &run).await;
            let found = batches.iter().map(|users| {
                let rows = changed(users, &versions, &run).expect("versions");
                dimension::plain(&rows).expect("plain texts")
            });
            let found: Vec<RecordBatch> = found.collect();
            let found = concat_batches(&expected.schema(), &found).expect("one batch");
            assert_same_cells(DIM_USER_DEMOGRAPHICS.name, &found, &expected);
            versions.add(&expected, |_| true).expect("versions");
        }
    }
}

/// The days before, and the run's own for the job that needs it.
async fn quality_days_with(
    before: &[QualityDay],
    job: Job,
    store: &dyn Store,
    run: &RunContext,
) -> Vec<QualityDay> {
    let mut days = before.to_vec();
    if job == Job::TimeSeriesAnalysis {
        let metrics = published(store, &DATA_QUALITY_METRICS.spec, run).await;
        match told(run.as_of.to_epoch_days(), &metrics).expect("a row") {
            Told::Quality(day) => days.push(day),
            other => panic!("{other:?}"),
        }
    }
    days
}
