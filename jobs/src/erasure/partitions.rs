//! The partitions of the tables that have a row a person.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use millrace_lake::erasure::{Matches, Subjects};
use millrace_lake::layout::{self, Layer, partition_key};
use millrace_lake::object_key::Key;
use millrace_lake::store::Store;
use millrace_tables::curated::{DATA_QUALITY_SUMMARY, USERS_TRANSFORMED};
use millrace_tables::table_catalogue::{MadeBy, Table, tables};
use polars::polars_utils::slice_enum::Slice;
use polars::prelude::*;
use tokio::sync::mpsc;

use super::Place;
use super::error::ErasureError;
use super::marker::Begun;
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::publish::{day_lock, published, write_record};
use crate::raw_transformation::summary::Summary;
use crate::raw_transformation::table_writer::TableWriter;

/// Rows read at once.
const PIECE: usize = 32_768;

/// A table of a job that has rows about single persons.
#[derive(Debug, Clone, Copy)]
pub(super) struct PersonTable {
    table: &'static Table,
    job: &'static str,
    /// The column that says whose row it is.
    id: &'static str,
}

/// The tables that state a data subject, job by job: the later jobs' are made of the earlier ones'.
pub(super) fn with_persons() -> Vec<Vec<PersonTable>> {
    let mut jobs: Vec<Vec<PersonTable>> = Vec::new();
    for table in tables() {
        let (MadeBy::Job(job), Some(id)) = (&table.made_by, table.data_subject) else { continue };
        let table = PersonTable { table, job, id };
        match jobs.last_mut() {
            Some(of_job) if of_job.iter().all(|other| other.job == *job) => of_job.push(table),
            _ => jobs.push(vec![table]),
        }
    }
    jobs
}

/// A partition without some persons.
struct Without {
    removed: u64,
    kept: u64,
    /// Of users_transformed: the counts of those who stay.
    summary: Summary,
    /// What the first row said of the run that made it.
    processed_at: Option<i64>,
}

impl PersonTable {
    pub(super) fn place(self) -> Place {
        Place::Table(self.table.layer, self.table.folder)
    }

    fn partition(self, day: NaiveDate) -> Result<Key, ErasureError> {
        Ok(partition_key(self.table.layer, self.table.folder, day)?)
    }

    /// Whether data_quality_summary is counted of its rows.
    fn is_summed_up(self) -> bool {
        self.table.folder == USERS_TRANSFORMED.name
    }

    /// The days that it has a partition of.
    pub(super) async fn days(self, store: &dyn Store) -> Result<Vec<NaiveDate>, ErasureError> {
        let objects = store.list(&layout::table_prefix(self.table.layer, self.table.folder)?).await?;
        let days = objects.iter().filter_map(|object| layout::partition_day(&object.key));
        let mut days: Vec<NaiveDate> = days.collect();
        days.sort_unstable();
        days.dedup();
        Ok(days)
    }

    /// The rows of the day's partition that are about `subjects`.
    pub(super) async fn find(
        self,
        store: &Arc<dyn Store>,
        day: NaiveDate,
        subjects: &Arc<Subjects>,
    ) -> Result<Matches, ErasureError> {
        let key = self.partition(day)?;
        let Some(file) = Local::of(store.as_ref(), &key).await? else { return Ok(Matches::default()) };
        let subjects = Arc::clone(subjects);
        let work = move || {
            let mut matches = Matches::default();
            for piece in pieces(&file, Some(self.id))? {
                if let Ok(ids) = piece?.column(self.id) {
                    see(ids, &subjects, &mut matches);
                }
            }
            Ok(matches)
        };
        Ok(off_thread(key, work).await?)
    }

    /// Takes `subjects` out of the day's partition, whoever is in it noted first; answers how many rows went. Where `all`,
    /// what tells of the partition is written anew even if none went.
    ///
    /// Under the lock of whoever publishes the day: what a job has just published is what is looked through.
    pub(super) async fn erase(
        self,
        store: &Arc<dyn Store>,
        day: NaiveDate,
        subjects: &Arc<Subjects>,
        all: bool,
        begun: &mut Begun,
    ) -> Result<u64, ErasureError> {
        let _lock = store.lock(&day_lock(self.job, day)?).await?;
        let matches = self.find(store, day, subjects).await?;
        if matches.rows == 0 && !(all && self.is_summed_up()) {
            return Ok(0);
        }
        begun.note(store.as_ref(), &matches).await?;
        let key = self.partition(day)?;
        let Some(file) = Local::of(store.as_ref(), &key).await? else { return Ok(0) };
        let mut writer = store.writer(&key).await?;
        let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(2);
        let subjects = Arc::clone(subjects);
        let work = tokio::spawn(off_thread(key.clone(), move || {
            let send = |bytes: Vec<u8>| {
                if bytes.is_empty() {
                    Ok(())
                } else {
                    sender.blocking_send(bytes).map_err(|_| JobError::Cancelled)
                }
            };
            self.without(&file, &subjects, send)
        }));
        let mut bytes = 0;
        while let Some(piece) = receiver.recv().await {
            bytes += piece.len() as u64;
            writer.write(piece.into()).await?;
        }
        let without = work.await.map_err(|_| died(&key))??;
        if without.removed > 0 {
            writer.finish().await?;
        } else {
            bytes = size_of(store.as_ref(), &key).await?;
        }
        let removed = without.removed;
        if self.is_summed_up() {
            self.tell(store.as_ref(), day, without, bytes).await?;
        }
        Ok(removed)
    }

    /// Encodes the rows of `file` that are not about `subjects`, in their order.
    fn without(
        self,
        file: &Local,
        subjects: &Subjects,
        send: impl Fn(Vec<u8>) -> Result<(), JobError>,
    ) -> Result<Without, JobError> {
        let failed = || JobError::engine(format!("take persons out of {}", file.key));
        let mut writer = None;
        let mut without = Without { removed: 0, kept: 0, summary: Summary::default(), processed_at: None };
        for piece in pieces(file, None)? {
            let piece = piece?;
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(TableWriter::new(piece.schema()).map_err(failed())?),
            };
            let ids = piece.column(self.id).map_err(failed())?.str().map_err(failed())?;
            let kept: BooleanChunked =
                ids.iter().map(|id| Some(id.is_none_or(|id| !subjects.contains(id)))).collect();
            let rows = piece.filter(&kept).map_err(failed())?;
            without.removed += (piece.height() - rows.height()) as u64;
            without.kept += rows.height() as u64;
            if self.is_summed_up() {
                if without.processed_at.is_none() {
                    let instants = piece.column("processed_at").map_err(failed())?.to_physical_repr();
                    without.processed_at = instants.i64().map_err(failed())?.first();
                }
                without.summary.add(&rows).map_err(failed())?;
            }
            send(writer.append(rows).map_err(failed())?)?;
        }
        if let Some(writer) = writer {
            send(writer.finish().map_err(failed())?.0)?;
        }
        Ok(without)
    }

    /// Writes what goes with a partition of users_transformed: data_quality_summary, then the run's record.
    async fn tell(
        self,
        store: &dyn Store,
        day: NaiveDate,
        without: Without,
        bytes: u64,
    ) -> Result<(), ErasureError> {
        let record = published(store, self.job, day).await?;
        let started_at = record.as_ref().map(|record| record.started_at).or(without.processed_at);
        let ctx = RunContext { as_of: day, started_at: started_at.unwrap_or_default() };
        let failed = || JobError::engine("write data_quality_summary");
        let table = without.summary.table(&ctx).map_err(failed())?;
        let mut writer = TableWriter::new(table.schema()).map_err(failed())?;
        let mut summary = writer.append(table).map_err(failed())?;
        summary.extend(writer.finish().map_err(failed())?.0);
        let summary_bytes = summary.len() as u64;
        let key = partition_key(Layer::Curated, DATA_QUALITY_SUMMARY.name, day)?;
        store.put(&key, summary.into()).await?;

        let Some(mut record) = record else { return Ok(()) };
        // As if their rows had never been there: the record adds up, whatever was removed.
        record.rows.users = without.kept;
        record.rows.raw_rows_by_position = without.kept + record.rows.duplicates + record.rows.after_as_of;
        for table in &mut record.tables {
            if table.name == USERS_TRANSFORMED.name {
                (table.rows, table.bytes) = (without.kept, bytes);
            } else if table.name == DATA_QUALITY_SUMMARY.name {
                table.bytes = summary_bytes;
            }
        }
        Ok(write_record(store, &layout::run_record_key(self.job, day)?, &record).await?)
    }
}

/// A partition's file: the store's own, or a copy that goes when it is done with.
struct Local {
    key: Key,
    path: PathBuf,
    copied: bool,
}

impl Local {
    /// `None` where there is no such object.
    async fn of(store: &dyn Store, key: &Key) -> Result<Option<Self>, ErasureError> {
        if let Some(path) = store.local_path(key) {
            return Ok(path.is_file().then(|| Self { key: key.clone(), path, copied: false }));
        }
        let body = match store.get(key).await {
            Ok(body) => body,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let name = format!("millrace-erasure-{}-{}", std::process::id(), key.as_str().replace('/', "-"));
        let path = std::env::temp_dir().join(name);
        fs::write(&path, body).map_err(JobError::scratch("write", &path))?;
        Ok(Some(Self { key: key.clone(), path, copied: true }))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.copied
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a copy of a partition could not be removed");
        }
    }
}

/// The rows of a file, some at a time; of one column alone where it is named. At least one piece, be it empty.
fn pieces<'f>(
    file: &'f Local,
    column: Option<&'static str>,
) -> Result<impl Iterator<Item = Result<DataFrame, JobError>> + use<'f>, JobError> {
    let failed = || JobError::engine(format!("read {}", file.key));
    let rows = fs::File::open(&file.path).map_err(JobError::scratch("open", &file.path))?;
    let rows = ParquetReader::new(rows).num_rows().map_err(failed())?;
    let starts = (0..rows.max(1)).step_by(PIECE);
    Ok(starts.map(move |start| piece(&file.path, start, column).map_err(failed())))
}

fn piece(path: &Path, start: usize, column: Option<&str>) -> PolarsResult<DataFrame> {
    let arguments = UnifiedScanArgs {
        glob: false,
        cache: false,
        hive_options: HiveOptions::new_disabled(),
        pre_slice: Some(Slice::Positive { offset: start, len: PIECE }),
        ..UnifiedScanArgs::default()
    };
    let sources = ScanSources::Paths([PlRefPath::try_from_path(path)?].into_iter().collect());
    let rows: LazyFrame =
        DslBuilder::scan_parquet(sources, ParquetOptions::default(), arguments)?.build().into();
    let rows = match column {
        Some(column) => rows.select([col(column)]),
        None => rows,
    };
    Ok(rows.collect_with_engine(Engine::Streaming)?.unwrap_single())
}

fn see(ids: &Column, subjects: &Subjects, matches: &mut Matches) {
    for id in ids.str().into_iter().flat_map(|ids| ids.iter()).flatten() {
        matches.see(id, subjects);
    }
}

async fn size_of(store: &dyn Store, key: &Key) -> Result<u64, ErasureError> {
    let folder = key.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let listed = store.list(&format!("{folder}/")).await?;
    Ok(listed.iter().find(|object| object.key == *key).map_or(0, |object| object.size))
}

async fn off_thread<T: Send + 'static>(
    key: Key,
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| died(&key))?
}

fn died(key: &Key) -> JobError {
    JobError::Worker { reason: format!("it died over {key}") }
}
