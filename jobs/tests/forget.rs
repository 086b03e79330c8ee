//! Persons out of a whole lake: exact, beside jobs, and however often it is killed.

#[path = "support/raw_rows.rs"]
mod raw_rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray;
use chrono::NaiveDate;
use millrace_events::failure::Class;
use millrace_jobs::erasure::epoch;
use millrace_jobs::forget::{self, Erasure, ForgetError, ForgetReport, Jobs, Place, Rebuild};
use millrace_jobs::job_error::JobError;
use millrace_jobs::publish::{Staged, publish, published};
use millrace_jobs::raw_transformation::{self, Progress};
use millrace_jobs::run_context::{JobSettings, RunContext};
use millrace_jobs::run_record::{Inputs, RowCounts, RunRecord};
use millrace_lake::dead_letter::DeadLetter;
use millrace_lake::dead_letters::DeadLetterFile;
use millrace_lake::erasure::Subjects;
use millrace_lake::fault::{Fault, FaultyStore, Place as Operation};
use millrace_lake::key::Key;
use millrace_lake::store::Store;
use millrace_lake::{FolderStore, Generation};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series};
use raw_rows::{RawRow, batch, put};

const HOUR: i64 = 3_600_000_000;
const GONE: [&str; 2] = ["leaver-1", "leaver-2"];
const DAYS: [&str; 3] = ["1970-01-01", "1970-01-02", "1970-01-03"];
const STARTED: i64 = 1_000_000;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn row(offset: i64, id: &str, hour: i64) -> RawRow {
    RawRow::at("g1", 0, offset)
        .text("user_id", id)
        .text("email", format!("{id}@example.com"))
        .text("username", format!("{id}-name"))
        // Some move from day to day: they have several versions in the dimension.
        .text(
            "country",
            ["Denmark", "Norway", "Chile"]
                [if ["b", GONE[1]].contains(&id) { offset / 10 } else { 0 } as usize],
        )
        .number("_timestamp", hour * HOUR)
}

/// Rows of three days, each id once a day; with or without those who leave.
async fn land(store: &dyn Store, with_leavers: bool) {
    for number in 0..3 {
        let ids = ["a", GONE[0], "b", "c", GONE[1], "d"];
        let rows = (0..).zip(ids).map(|(at, id)| row(number * 10 + at, id, number * 24 + at));
        let ids =
            rows.filter(|row| with_leavers || !GONE.contains(&row.get_text("user_id").unwrap_or_default()));
        let rows: Vec<_> = ids.collect();
        put(store, &format!("t-g1-00000-{:020}-{:020}", number * 10, number * 10 + 5), &batch(&rows)).await;
    }
}

fn settings(lake: &Path) -> JobSettings {
    JobSettings { memory_bytes: 64 << 20, scratch_dir: lake.join(".scratch") }
}

async fn transform(store: &Arc<dyn Store>, lake: &Path, ctx: &RunContext) -> Result<bool, JobError> {
    Ok(raw_transformation::run(store.clone(), ctx, &settings(lake), &|_| {}).await?.published)
}

fn ctx(number: usize) -> RunContext {
    RunContext { as_of: day(DAYS[number]), started_at: STARTED + number as i64 }
}

/// Letters about those who leave, among others.
async fn letters(lake: &Path) {
    let generation = Generation::new("g1").expect("a generation");
    let mut file = DeadLetterFile::create(lake, "users_created", &generation).await.expect("a file");
    let json = |id: &str| format!(r#"{{"login":{{"uuid":"{id}"}},"email":"{id}@example.com"}}"#).into_bytes();
    let values = [json("a"), json(GONE[0]), format!("torn {} ", GONE[1]).into_bytes(), json("b")];
    let letters = (0..).zip(values).map(|(offset, value)| DeadLetter {
        offset,
        value: Some(value),
        ..DeadLetter::default()
    });
    file.append(&letters.collect::<Vec<_>>()).await.expect("appended");
    file.finish().await.expect("in place");
}

/// Stands for the two jobs behind raw-transformation: publishes what of the users must not outlive them.
struct Stub(Arc<dyn Store>);

fn ids(frame: &DataFrame, column: &str) -> Vec<String> {
    let ids = frame.column(column).expect("ids").str().expect("texts");
    ids.iter().flatten().map(str::to_owned).collect()
}

async fn frame(store: &dyn Store, key: &str) -> DataFrame {
    let body = store.get(&Key::new(key).expect("a key")).await.expect("there");
    ParquetReader::new(std::io::Cursor::new(body)).finish().expect("Parquet")
}

fn users_key(ctx: &RunContext) -> String {
    format!("curated/users_transformed/processing_date={}/part-00000.parquet", ctx.as_of)
}

impl Stub {
    async fn publish(
        &self,
        job: &str,
        ctx: &RunContext,
        staged: Vec<(String, Vec<u8>)>,
    ) -> Result<(), JobError> {
        let store = self.0.as_ref();
        let mut record = RunRecord {
            job: job.to_owned(),
            as_of: ctx.as_of,
            started_at: ctx.started_at,
            seconds: 0.0,
            version: String::new(),
            inputs: Inputs::default(),
            rows: RowCounts::default(),
            tables: Vec::new(),
        };
        let since = epoch(store).await?;
        for (key, body) in staged {
            store.put(&Key::new(key)?, body.into()).await?;
        }
        publish(store, Vec::<Staged>::new(), &mut record, since).await?;
        Ok(())
    }
}

impl Rebuild for Stub {
    async fn analytics(&self, ctx: &RunContext) -> Result<(), JobError> {
        let users = ids(&frame(self.0.as_ref(), &users_key(ctx)).await, "id");
        let mut versions =
            DataFrame::new(users.len(), vec![Series::new("user_id".into(), users.clone()).into_column()])
                .expect("a frame");
        let mut body = Vec::new();
        ParquetWriter::new(&mut body).finish(&mut versions).expect("written");
        let partition = format!("processing_date={}/part-00000.parquet", ctx.as_of);
        let staged = vec![
            (format!("analytics/dim_user_demographics/{partition}"), body),
            (format!("analytics/users_of_day/{}.json", ctx.as_of), users.join(" ").into_bytes()),
        ];
        self.publish("analytics-aggregation", ctx, staged).await
    }

    /// Reads every day up to its own, as the trends do.
    async fn time_series(&self, ctx: &RunContext) -> Result<(), JobError> {
        let mut series = Vec::new();
        for object in self.0.list("analytics/users_of_day/").await? {
            if object.key.name() <= format!("{}.json", ctx.as_of).as_str() {
                series.extend_from_slice(&self.0.get(&object.key).await?);
                series.push(b'\n');
            }
        }
        self.publish(
            "time-series-analysis",
            ctx,
            vec![(format!("timeseries/series/{}.json", ctx.as_of), series)],
        )
        .await
    }
}

/// A lake of three days whose jobs have all run.
async fn fill(lake: &Path, with_leavers: bool) {
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
    fill_by(lake, with_leavers, &Stub(store)).await;
}

async fn fill_by(lake: &Path, with_leavers: bool, jobs: &impl Rebuild) {
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
    land(store.as_ref(), with_leavers).await;
    if with_leavers {
        letters(lake).await;
        let state = format!("users {}", GONE[0]);
        let key = Key::new("_state/raw-transformation/users-1.parquet.bin").expect("a key");
        store.put(&key, state.into_bytes().into()).await.expect("put");
    }
    for number in 0..DAYS.len() {
        assert!(transform(&store, lake, &ctx(number)).await.expect("a run"));
        jobs.analytics(&ctx(number)).await.expect("analytics");
        jobs.time_series(&ctx(number)).await.expect("time series");
    }
}

fn erasure(lake: &Path) -> Erasure {
    let subjects = Arc::new(Subjects::new(GONE).expect("ids"));
    Erasure { subjects, now: 7, scratch_dir: lake.join(".scratch") }
}

async fn erase(lake: &Path) -> Result<ForgetReport, ForgetError> {
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
    forget::forget(store.clone(), &erasure(lake), &Stub(store)).await
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.sort();
    files
}

/// All that a file says, texts of Parquet columns and values of letters decoded.
fn said(path: &Path) -> Vec<u8> {
    let mut said = std::fs::read(path).expect("readable");
    if path.extension().is_some_and(|extension| extension == "parquet") {
        let file = std::fs::File::open(path).expect("open");
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
        for batch in reader {
            for column in batch.expect("rows").columns() {
                let texts =
                    column.as_string_opt::<i32>().map(|texts| texts.iter().flatten().collect::<String>());
                let views =
                    column.as_string_view_opt().map(|texts| texts.iter().flatten().collect::<String>());
                let large =
                    column.as_string_opt::<i64>().map(|texts| texts.iter().flatten().collect::<String>());
                said.extend([texts, views, large].into_iter().flatten().flat_map(String::into_bytes));
            }
        }
    }
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        for line in String::from_utf8_lossy(&said.clone()).lines() {
            said.extend(DeadLetter::from_line(line).expect("a letter").value.unwrap_or_default());
        }
    }
    said
}

/// The files that still say something of those who left.
fn left(lake: &Path) -> Vec<PathBuf> {
    let tells = |path: &PathBuf| {
        let said = said(path);
        GONE.iter().any(|id| said.windows(id.len()).any(|bytes| bytes == id.as_bytes()))
    };
    files(lake).into_iter().filter(tells).collect()
}

/// The published files and their bytes.
fn tables(lake: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let published = ["curated", "analytics", "timeseries"];
    let files = published.iter().flat_map(|layer| files(&lake.join(layer)));
    files
        .map(|file| {
            (file.strip_prefix(lake).expect("inside").to_owned(), std::fs::read(&file).expect("read"))
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("inside"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("created");
        std::fs::copy(&file, target).expect("copied");
    }
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let before: Vec<_> =
        files(lake.path()).iter().map(|file| (file.clone(), std::fs::read(file).expect("read"))).collect();
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let report = forget::plan(&store, &erasure(lake.path()).subjects).await.expect("a plan");
    let found = |place| report.places.get(&place).map(|found| (found.objects, found.rows));
    assert_eq!(found(Place::Raw), Some((3, Some(6))));
    assert_eq!(found(Place::DeadLetters), Some((1, Some(2))));
    let state = store.list("_state/").await.expect("listed").len() as u64;
    assert!(state > 0);
    assert_eq!(found(Place::State), Some((state, None)));
    assert_eq!(found(Place::UsersTransformed), Some((3, Some(6))));
    assert_eq!(found(Place::DimUserDemographics), Some((3, Some(6))));
    assert_eq!(report.rows(), 20);
    let after: Vec<_> =
        files(lake.path()).iter().map(|file| (file.clone(), std::fs::read(file).expect("read"))).collect();
    assert!(before == after, "a dry run wrote");
}

#[tokio::test]
async fn nothing_of_them_is_left_and_the_tables_are_those_of_a_lake_without_them() {
    let (lake, without) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
    fill(lake.path(), true).await;
    fill(without.path(), false).await;
    assert!(left(lake.path()).len() > 10, "{:?}", left(lake.path()));
    let report = erase(lake.path()).await.expect("erased");
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
    assert_eq!(report.rows(), 20);
    assert_eq!(report.rebuilt.len(), 3);
    assert!(!report.resumed && report.unfinished.is_empty() && report.letters_being_written == 0);

    let (ours, theirs) = (tables(lake.path()), tables(without.path()));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (file, bytes) in &ours {
        assert!(*bytes == theirs[file], "{} differs", file.display());
    }
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let record = published(store.as_ref(), raw_transformation::JOB, day(DAYS[2]))
        .await
        .expect("read")
        .expect("a record");
    let rows = record.rows;
    assert_eq!(rows.raw_rows_by_position, rows.users + rows.duplicates + rows.after_as_of);
    assert_eq!((rows.users, record.tables[0].rows), (4, 4));
    assert_eq!(record.tables[0].bytes, ours[Path::new(&record.tables[0].key)].len() as u64);

    // A backfill does not bring them back.
    for number in 0..DAYS.len() {
        assert!(transform(&store, lake.path(), &ctx(number)).await.expect("a run"));
    }
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
    assert!(tables(lake.path()) == ours, "a backfill changes something");
    let again = erase(lake.path()).await.expect("nothing to do");
    assert_eq!((again.rows(), again.rebuilt.len()), (0, 0));
}

#[tokio::test]
async fn all_seventeen_tables_are_those_of_a_lake_without_them() {
    let (lake, without) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
    let jobs = |lake: &Path| Jobs(Arc::new(FolderStore::new(lake)));
    fill_by(lake.path(), true, &jobs(lake.path())).await;
    fill_by(without.path(), false, &jobs(without.path())).await;
    assert!(left(lake.path()).len() > 10, "{:?}", left(lake.path()));
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let report = forget::forget(store, &erasure(lake.path()), &jobs(lake.path())).await.expect("erased");
    assert_eq!(report.rebuilt.len(), 3);
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
    let (ours, theirs) = (tables(lake.path()), tables(without.path()));
    assert_eq!(ours.len(), 17 * 3);
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (file, bytes) in &ours {
        assert!(*bytes == theirs[file], "{} differs", file.display());
    }
}

#[tokio::test]
async fn killed_at_any_operation_and_called_again_nothing_is_left() {
    let (template, without) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
    fill(template.path(), true).await;
    fill(without.path(), false).await;
    let expected = tables(without.path());
    let mut killed = 0;
    let operations = [
        Operation::Put,
        Operation::Get,
        Operation::List,
        Operation::Delete,
        Operation::Write,
        Operation::Finish,
    ];
    for operation in operations {
        for passed in 0.. {
            let lake = tempfile::tempdir().expect("tempdir");
            copy(template.path(), lake.path());
            let store = FaultyStore::new(FolderStore::new(lake.path()));
            store.script(operation, std::iter::repeat_n(Fault::Pass, passed).chain([Fault::Stop]));
            let faulty: Arc<dyn Store> = Arc::new(store.clone());
            // The stub reads with a store of its own: a panic in it would be the test's.
            let stub = Stub(Arc::new(FolderStore::new(lake.path())));
            let ended = forget::forget(faulty, &erasure(lake.path()), &stub).await;
            if store.unmet() > 0 {
                break;
            }
            killed += usize::from(ended.is_err());
            let interrupted = forget::unfinished(&FolderStore::new(lake.path())).await.expect("markers");
            let report = erase(lake.path()).await.expect("the same command");
            assert_eq!(report.resumed, !interrupted.is_empty(), "{operation:?} {passed}");
            assert!(report.unfinished.is_empty());
            assert_eq!(left(lake.path()), Vec::<PathBuf>::new(), "{operation:?} {passed}");
            assert!(tables(lake.path()) == expected, "{operation:?} {passed}: tables differ");
        }
    }
    assert!(killed > 50, "{killed} kills");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_read_them_before_publishes_nothing_afterwards() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    let calls = Arc::new(AtomicUsize::new(0));
    let (folder, seen) = (lake.path().to_owned(), Arc::clone(&calls));
    // In the middle of the job: it has read all of raw.
    let progress = move |progress: Progress| {
        if matches!(progress, Progress::Transformed { .. }) && seen.fetch_add(1, Ordering::SeqCst) == 0 {
            let folder = folder.clone();
            let erasing = std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(erase(&folder)).expect("erased")
            });
            assert!(erasing.join().expect("no panic").rows() > 0);
        }
    };
    let later = RunContext { started_at: STARTED + 99, ..ctx(2) };
    match raw_transformation::run(store.clone(), &later, &settings(lake.path()), &progress).await {
        // A job that begins again by itself has read what is left.
        Ok(report) => assert_eq!(report.users, 4),
        Err(error) => {
            assert!(matches!(error, JobError::Erased), "{error}");
            assert_eq!(error.class(), Class::Retry);
        }
    }
    assert!(calls.load(Ordering::SeqCst) > 0);
    drop(store);
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn an_interrupted_erasure_is_told_without_saying_whose() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let store = FaultyStore::new(FolderStore::new(lake.path()));
    store.script(Operation::Finish, [Fault::Stop]);
    let stub = Stub(Arc::new(FolderStore::new(lake.path())));
    forget::forget(Arc::new(store), &erasure(lake.path()), &stub).await.expect_err("interrupted");
    let plain = FolderStore::new(lake.path());
    let markers = forget::unfinished(&plain).await.expect("markers");
    assert_eq!(markers.len(), 1);
    assert_eq!((markers[0].persons, markers[0].begun_at), (2, 7));
    assert!(left(&lake.path().join("_erasures")).is_empty());

    // Another erasure does not end it.
    let subjects = Arc::new(Subjects::new(["a"]).expect("ids"));
    let other = Erasure { subjects, ..erasure(lake.path()) };
    let report = forget::forget(Arc::new(plain.clone()), &other, &stub).await.expect("erased");
    assert!(!report.resumed);
    assert_eq!(report.unfinished.len(), 1);
    assert!(erase(lake.path()).await.expect("resumed").resumed);
    assert!(forget::unfinished(&plain).await.expect("markers").is_empty());
}

#[tokio::test]
async fn letters_of_a_living_run_keep_the_erasure_unfinished() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let generation = Generation::new("g2").expect("a generation");
    let mut living = DeadLetterFile::create(lake.path(), "users_created", &generation).await.expect("a file");
    let value = Some(format!(r#"{{"user_id":"{}"}}"#, GONE[0]).into_bytes());
    living.append(&[DeadLetter { value, ..DeadLetter::default() }]).await.expect("appended");
    let report = erase(lake.path()).await.expect("erased");
    assert_eq!((report.letters_being_written, report.unfinished.len()), (1, 1));
    living.finish().await.expect("in place");
    let report = erase(lake.path()).await.expect("erased");
    assert!(report.resumed && report.unfinished.is_empty());
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn what_killed_jobs_and_writers_left_goes_too() {
    let lake = tempfile::tempdir().expect("tempdir");
    fill(lake.path(), true).await;
    let scratch = lake.path().join(".scratch");
    let dead = scratch.join("millrace-job-999999999-0");
    std::fs::create_dir_all(&dead).expect("created");
    std::fs::write(dead.join("range-0"), GONE[0]).expect("written");
    std::fs::write(dead.with_extension("lock"), "").expect("written");
    std::fs::write(lake.path().join("raw/users/.millrace-tmp-dead"), GONE[1]).expect("written");
    erase(lake.path()).await.expect("erased");
    assert_eq!(left(lake.path()), Vec::<PathBuf>::new());
}
