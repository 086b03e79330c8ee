//! The partitions of the tables that have a row a person.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_lake::erasure::{Matches, Subjects};
use millrace_lake::layout::{self, Layer, partition_key};
use millrace_lake::object_key::Key;
use millrace_lake::store::{Store, has_files};
use millrace_tables::curated::{DATA_QUALITY_SUMMARY, USERS_TRANSFORMED};
use millrace_tables::table_catalogue::{MadeBy, Table, tables};
use polars::polars_utils::slice_enum::Slice;
use polars::prelude::*;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::error::ErasureError;
use super::marker::Begun;
use super::report::Place;
use crate::job_error::JobError;
use crate::job_settings::RunContext;
use crate::publish::{day_lock, published, write_record};
use crate::raw_transformation::summary::Summary;
use crate::raw_transformation::table_writer::TableWriter;
use crate::scratch::Scratch;

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
    processed_at: Option<Micros>,
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
        copies: &Copies,
    ) -> Result<Matches, ErasureError> {
        let key = self.partition(day)?;
        let Some(file) = copies.of(store.as_ref(), &key).await? else { return Ok(Matches::default()) };
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
        copies: &Copies,
        all: bool,
        begun: &mut Begun,
    ) -> Result<u64, ErasureError> {
        let _lock = store.lock(&day_lock(self.job, day)?).await?;
        let matches = self.find(store, day, subjects, copies).await?;
        if matches.rows == 0 && !(all && self.is_summed_up()) {
            return Ok(0);
        }
        begun.note(store.as_ref(), &matches).await?;
        let key = self.partition(day)?;
        let Some(file) = copies.of(store.as_ref(), &key).await? else { return Ok(0) };
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
        let mut without = Without { removed: 0, kept: 0, summary: Summary::new()?, processed_at: None };
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
                    without.processed_at = instants.i64().map_err(failed())?.first().map(Micros);
                }
                without.summary.add(&rows)?;
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
        let summary = without.summary.file(&ctx)?;
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

/// Where partitions are copied to be read, if the store has no files of its own: a folder that its owner alone may look into, which the
/// next job sweeps where this process is killed.
pub(super) struct Copies(Option<Scratch>);

impl Copies {
    pub(super) fn new(store: &dyn Store, scratch_dir: &Path) -> Result<Self, ErasureError> {
        Ok(Self(if has_files(store) { None } else { Some(Scratch::new_in(scratch_dir)?) }))
    }

    /// `None` where there is no such object.
    async fn of(&self, store: &dyn Store, key: &Key) -> Result<Option<Local>, ErasureError> {
        let Some(folder) = &self.0 else {
            let path = store.local_path(key).filter(|path| path.is_file());
            return Ok(path.map(|path| Local { key: key.clone(), path, _copy: None }));
        };
        let body = match store.get(key).await {
            Ok(body) => body,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let failed = || JobError::scratch("copy a partition to", folder.path());
        // A name that nobody can know before, in mode 600; it goes with the value.
        let mut copy =
            tempfile::Builder::new().prefix("partition-").tempfile_in(folder.path()).map_err(failed())?;
        copy.write_all(&body).map_err(failed())?;
        Ok(Some(Local { key: key.clone(), path: copy.path().to_owned(), _copy: Some(copy) }))
    }
}

/// A partition's file: the store's own, or a copy that goes when it is done with.
struct Local {
    key: Key,
    path: PathBuf,
    _copy: Option<NamedTempFile>,
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

/// The rows of a Parquet file that are about `subjects`, by its `column` alone. None of a file that is gone.
pub(super) async fn rows_about(
    store: &Arc<dyn Store>,
    key: &Key,
    column: &'static str,
    subjects: &Arc<Subjects>,
    copies: &Copies,
) -> Result<Matches, ErasureError> {
    let Some(file) = copies.of(store.as_ref(), key).await? else { return Ok(Matches::default()) };
    let subjects = Arc::clone(subjects);
    let work = move || {
        let mut matches = Matches::default();
        for piece in pieces(&file, Some(column))? {
            let piece = piece?;
            // Whoever wrote the file: a column of another type must not look like one without them.
            let ids = piece.column(column).and_then(Column::str);
            ids.map_err(JobError::engine(format!("read the ids in {}", file.key)))?;
            see(piece.column(column).map_err(JobError::engine("read ids"))?, &subjects, &mut matches);
        }
        Ok(matches)
    };
    Ok(off_thread(key.clone(), work).await?)
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

#[cfg(test)]
mod tests {
    use millrace_lake::memory_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_copy_is_its_owners_alone_has_a_name_of_chance_and_goes() {
        let scratch = tempfile::tempdir().expect("tempdir");
        let store = MemoryStore::new();
        let key =
            Key::new("curated/users_transformed/processing_date=2026-01-31/part-00000.parquet").expect("key");
        store.put(&key, "rows".into()).await.expect("put");
        let copies = Copies::new(&store, scratch.path()).expect("a folder");
        let one = copies.of(&store, &key).await.expect("copied").expect("there");
        let other = copies.of(&store, &key).await.expect("copied").expect("there");
        assert_ne!(one.path, other.path);
        assert_eq!(fs::read(&one.path).expect("read"), b"rows");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!((mode(&one.path), mode(one.path.parent().expect("a folder"))), (0o600, 0o700));
        }
        let path = one.path.clone();
        drop(one);
        assert!(!path.exists() && other.path.exists());
        let absent = Key::new("curated/none.parquet").expect("key");
        assert!(copies.of(&store, &absent).await.expect("asked").is_none());
    }
}
