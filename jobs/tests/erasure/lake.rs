//! A lake of three days with some who leave, and what it says of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_jobs::erasure::{self, Erasure, ErasureError, ErasureReport, Persons, Rebuild};
use millrace_jobs::erasure_epoch::epoch;
use millrace_jobs::iceberg_tables::Lake;
use millrace_jobs::job_error::JobError;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::publish::{Staged, publish};
use millrace_jobs::raw_transformation;
use millrace_jobs::run_record::{Inputs, RowCounts, RunRecord};
use millrace_lake::dead_letter_file::DeadLetterFile;
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_lake::erasure::Subjects;
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use millrace_lake::{FolderStore, TopicGeneration};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series};

use crate::raw_rows::{RawRow, batch, put};

pub(crate) const HOUR: i64 = 3_600_000_000;
pub(crate) const GONE: [&str; 2] = ["leaver-1", "leaver-2"];
pub(crate) const DAYS: [&str; 3] = ["1970-01-01", "1970-01-02", "1970-01-03"];
pub(crate) const STARTED: i64 = 1_000_000;

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub(crate) fn row(offset: i64, id: &str, hour: i64) -> RawRow {
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
pub(crate) async fn land(store: &dyn Store, with_leavers: bool) {
    for number in 0..3 {
        let ids = ["a", GONE[0], "b", "c", GONE[1], "d"];
        let rows = (0..).zip(ids).map(|(at, id)| row(number * 10 + at, id, number * 24 + at));
        let ids =
            rows.filter(|row| with_leavers || !GONE.contains(&row.get_text("user_id").unwrap_or_default()));
        let rows: Vec<_> = ids.collect();
        put(store, &format!("t-g1-00000-{:020}-{:020}", number * 10, number * 10 + 5), &batch(&rows)).await;
    }
}

pub(crate) fn settings(lake: &Path) -> JobSettings {
    JobSettings { memory_bytes: 64 << 20, scratch_dir: lake.join(".scratch") }
}

pub(crate) async fn transform(
    store: &Arc<dyn Store>,
    lake: &Path,
    ctx: &RunContext,
) -> Result<bool, JobError> {
    Ok(raw_transformation::run(store.clone(), ctx, &settings(lake), &|_| {}).await?.published)
}

pub(crate) fn ctx(number: usize) -> RunContext {
    RunContext { as_of: day(DAYS[number]), started_at: Micros(STARTED + number as i64) }
}

/// Letters about those who leave, among others.
pub(crate) async fn letters(lake: &Path) {
    let generation = TopicGeneration::new("g1").expect("a generation");
    let mut file = DeadLetterFile::create(lake, "users_created", &generation).await.expect("a file");
    let json = |id: &str| format!(r#"{{"login":{{"uuid":"{id}"}},"email":"{id}@example.com"}}"#).into_bytes();
    let values = [json("a"), json(GONE[0]), format!("torn {} ", GONE[1]).into_bytes(), json("b")];
    let letters = (0..).map(Offset).zip(values).map(|(offset, value)| DeadLetter {
        offset,
        value: Some(value),
        ..DeadLetter::default()
    });
    file.append(&letters.collect::<Vec<_>>()).await.expect("appended");
    file.finish().await.expect("in place");
}

/// Stands for the two jobs behind raw-transformation: publishes what of the users must not outlive them.
pub(crate) struct Stub(pub(crate) Arc<dyn Store>);

pub(crate) fn ids(frame: &DataFrame, column: &str) -> Vec<String> {
    let ids = frame.column(column).expect("ids").str().expect("texts");
    ids.iter().flatten().map(str::to_owned).collect()
}

pub(crate) async fn frame(store: &dyn Store, key: &str) -> DataFrame {
    let body = store.get(&Key::new(key).expect("a key")).await.expect("there");
    ParquetReader::new(std::io::Cursor::new(body)).finish().expect("Parquet")
}

pub(crate) fn users_key(ctx: &RunContext) -> String {
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
        publish(&Lake::from(&self.0), Vec::<Staged>::new(), &mut record, since).await?;
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
pub(crate) async fn fill(lake: &Path, with_leavers: bool) {
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
    fill_by(lake, with_leavers, &Stub(store)).await;
}

pub(crate) async fn fill_by(lake: &Path, with_leavers: bool, jobs: &impl Rebuild) {
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

pub(crate) fn erasure(lake: &Path) -> Erasure {
    erasure_of(lake, &GONE, 7)
}

pub(crate) fn erasure_of(lake: &Path, ids: &[&str], now: i64) -> Erasure {
    let subjects = Arc::new(Subjects::new(ids.iter().copied()).expect("ids"));
    Erasure { subjects, now: Micros(now), scratch_dir: lake.join(".scratch"), settle: Duration::ZERO }
}

pub(crate) async fn erase(lake: &Path) -> Result<ErasureReport, ErasureError> {
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
    erasure::erase(store.clone(), &erasure(lake), &Stub(store), &|_| ()).await
}

/// What a dry run says of each of those who leave.
pub(crate) async fn fates(lake: &Path) -> Vec<&'static str> {
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
    let mut fates = Vec::new();
    for id in GONE {
        let persons = erasure::preview(&store, &erasure_of(lake, &[id], 0)).await.expect("a plan").persons;
        let Persons { found, cut_short, erased_before, missing } = persons;
        fates.push(match (found, cut_short.len(), erased_before.len(), missing.len()) {
            (1, 0, 0, 0) => "found",
            (0, 1, 0, 0) => "cut short",
            (0, 0, 1, 0) => "erased",
            (0, 0, 0, 1) => "missing",
            other => panic!("{other:?}"),
        });
    }
    fates
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
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
pub(crate) fn said(path: &Path) -> Vec<u8> {
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
pub(crate) fn left(lake: &Path) -> Vec<PathBuf> {
    let tells = |path: &PathBuf| {
        let said = said(path);
        GONE.iter().any(|id| said.windows(id.len()).any(|bytes| bytes == id.as_bytes()))
    };
    files(lake).into_iter().filter(tells).collect()
}

/// The published files and their bytes.
pub(crate) fn tables(lake: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let published = ["curated", "analytics", "timeseries"];
    let files = published.iter().flat_map(|layer| files(&lake.join(layer)));
    files
        .map(|file| {
            (file.strip_prefix(lake).expect("inside").to_owned(), std::fs::read(&file).expect("read"))
        })
        .collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("inside"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("created");
        std::fs::copy(&file, target).expect("copied");
    }
}
