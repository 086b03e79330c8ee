//! Persons out of the whole lake: raw rows, dead letters, internal state, every partition of every table.
//!
//! The order is what makes it hold beside running jobs. Raw rows go first, then the epoch is raised, so no job that read
//! them can publish; then the partitions that jobs read, and the epoch again; then what is computed of these is computed
//! anew, day by day; then the history of Iceberg tables that holds them ends. Each step can be done twice: one that was interrupted is resumed by the same command, which a marker
//! without ids ([`Unfinished`]) calls for. Who was found is noted in the marker before anything of theirs is removed, and kept in
//! the lake's list of the erased (`millrace_lake::erasure::erased_ids`) when all is done: nobody is called erased before.

mod error;
mod history;
mod marker;
mod partitions;
mod persons;
mod rebuild;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_lake::erasure::refused_ids::LIST_AGE;
use millrace_lake::erasure::{Matches, Subjects, dead_letters, erased_ids, raw};
use millrace_lake::layout::Layer;
use millrace_lake::object_key::Key;
use millrace_lake::root_names::{STATE, UNFINISHED_ERASURES};
use millrace_lake::store::{EarlierVersions, LockGuard, Store, Versions, has_files};
use millrace_lake::{layout, raw_listing};
use millrace_tables::{Table, tables};

pub use self::error::ErasureError;
use self::history::Histories;
use self::marker::Begun;
pub use self::marker::{Unfinished, unfinished};
use self::partitions::Copies;
use self::persons::Remembered;
pub use self::persons::{CutShortPerson, ErasedPerson, Persons};
pub use self::rebuild::{Jobs, Rebuild};
pub use self::report::{EndedHistory, ErasureReport, Place};
use crate::erasure_epoch;
use crate::iceberg_tables::Lake;
use crate::job_error::JobError;
use crate::scratch::Scratch;

/// The longest that a put of an object may be tried on S3 (`S3Settings::deadline`), and some seconds.
const PUT: Duration = Duration::from_secs(125);

/// How often all is done again because rows about them landed meanwhile.
const ROUNDS: usize = 5;

/// Who is erased, and where scratch is.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// The persons, by their ids.
    pub subjects: Arc<Subjects>,
    /// When it began, in microseconds UTC.
    pub now: Micros,
    /// Where jobs spill rows: what killed ones left there goes too.
    pub scratch_dir: PathBuf,
    /// How long a landing may go on by a list that does not name them yet, see [`settle_time`]: after it is looked once more.
    pub settle: Duration,
}

/// [`Erasure::settle`] for the lake in `store`: on S3 a list may be [`LIST_AGE`] old when an object is put, and a put is tried for two
/// minutes; in a folder the list is read right before.
pub fn settle_time(store: &dyn Store) -> Duration {
    if has_files(store) { Duration::from_secs(2) } else { LIST_AGE + PUT }
}

/// What an erasure is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Raw rows and dead letters.
    Raw,
    /// The tables, and what is computed of them.
    Tables,
    /// The history of Iceberg tables.
    History,
    /// Landings that do not know yet may store a last object.
    Settling(Duration),
    /// Earlier versions of objects.
    Versions,
}

/// What [`erase`] would remove now. Changes nothing.
pub async fn preview(lake: impl Into<Lake>, erasure: &Erasure) -> Result<ErasureReport, ErasureError> {
    let lake = lake.into();
    let (store, subjects) = (&lake.store, &erasure.subjects);
    let histories = Histories::of(&lake).await?;
    let copies = Copies::new(store.as_ref(), &erasure.scratch_dir)?;
    let _locks = raw_locks(store.as_ref()).await?;
    let remembered = Remembered::read(store.as_ref()).await?;
    let mut report = ErasureReport::default();
    let mut all = Matches::default();
    for object in raw_objects(store.as_ref(), &BTreeSet::new()).await? {
        let matches = raw::find(store, &object.key, object.subject, subjects).await?;
        report.found(Place::Raw(object.table), matches.rows);
        all.add(matches);
    }
    for file in dead_letters::files(store.as_ref()).await? {
        let matches = dead_letters::find(store.as_ref(), &file, subjects).await?;
        report.found(Place::DeadLetters, matches.rows);
        all.add(matches);
    }
    let being_written = dead_letters::being_written(store.as_ref(), subjects)?;
    report.letters_being_written = being_written.rows;
    all.add(being_written);
    report.objects(Place::State, store.list(&format!("{STATE}/")).await?.len() as u64);
    for table in partitions::with_persons().into_iter().flatten() {
        for day in table.days(store.as_ref()).await? {
            let matches = table.find(store, day, subjects, &copies).await?;
            report.found(table.place(), matches.rows);
            if matches.rows > 0 {
                report.affected(day);
            }
            all.add(matches);
        }
    }
    if let Some(mut histories) = histories {
        let (history, matches) = histories.preview(store, subjects, &copies).await?;
        report.history = history;
        all.add(matches);
    }
    report.persons = remembered.persons(subjects, |id| all.ids.contains(id));
    report.unfinished = remembered.cut_short.told();
    report.earlier_versions = earlier_versions(store.as_ref(), Versions::Count).await?;
    Ok(report)
}

/// Erases `erasure.subjects` from the lake and has `rebuild` compute anew what was computed of them.
///
/// Safe beside landings, jobs, queries and compactions, which refuse these persons as soon as they read the marker. Where it fails or is
/// killed the same call resumes it. What a bucket keeps of earlier versions goes last, once nothing makes new ones.
pub async fn erase(
    lake: impl Into<Lake>,
    erasure: &Erasure,
    rebuild: &impl Rebuild,
    step: &(dyn Fn(Step) + Send + Sync),
) -> Result<ErasureReport, ErasureError> {
    let lake = lake.into();
    let store = Arc::clone(&lake.store);
    // Who may not list versions, or can't tell a table's history, is told before anything is removed.
    store.earlier_versions(UNFINISHED_ERASURES, Versions::Count).await?;
    Histories::of(&lake).await?;
    let _locks = raw_locks(store.as_ref()).await?;
    let remembered = Remembered::read(store.as_ref()).await?;
    let begun = Begun::mark(store.as_ref(), &erasure.subjects, erasure.now).await?;
    let (resumed, marked) = (begun.resumed, Instant::now());
    // Rows that killed jobs and writers left lie there too.
    drop(Scratch::new_in(&erasure.scratch_dir)?);
    let copies = Copies::new(store.as_ref(), &erasure.scratch_dir)?;
    let mut work = Work {
        lake: &lake,
        store: &store,
        subjects: &erasure.subjects,
        copies,
        step,
        begun,
        resumed,
        clean: BTreeSet::new(),
        report: ErasureReport { resumed, ..ErasureReport::default() },
    };
    store.sweep().await?;
    for _ in 0..ROUNDS {
        work.round(rebuild).await?;
        store.sweep().await?;
        let left = erasure.settle.saturating_sub(marked.elapsed());
        if !left.is_zero() {
            step(Step::Settling(left));
            tokio::time::sleep(left).await;
        }
        if !work.came_back().await? {
            step(Step::Versions);
            work.report.earlier_versions = earlier_versions(store.as_ref(), Versions::Remove).await?;
            let being_written = dead_letters::being_written(store.as_ref(), &erasure.subjects)?;
            work.begun.note(store.as_ref(), &being_written).await?;
            let Work { begun, mut report, .. } = work;
            report.persons = remembered.persons(&erasure.subjects, |id| begun.has_found(id));
            report.letters_being_written = being_written.rows;
            if being_written.rows == 0 {
                if !begun.found().is_empty() {
                    let erased_at = erasure.now.date_time().unwrap_or_default();
                    erased_ids::record(store.as_ref(), erased_at, begun.found().iter().copied()).await?;
                }
                begun.end(store.as_ref()).await?;
            }
            report.unfinished = unfinished(store.as_ref()).await?;
            tracing::info!(persons = erasure.subjects.len(), "erased");
            return Ok(report);
        }
        // All that came meanwhile has to go from what was made of it too.
        work.resumed = true;
    }
    Err(ErasureError::Restless)
}

/// An object of a raw table.
struct RawObject {
    table: &'static str,
    subject: &'static str,
    key: Key,
    size: u64,
}

/// The raw objects that are not in `clean`.
async fn raw_objects(
    store: &dyn Store,
    clean: &BTreeSet<(Key, u64)>,
) -> Result<Vec<RawObject>, ErasureError> {
    let mut found = Vec::new();
    for (table, subject) in raw_tables() {
        for object in raw_listing::exact(store, table).await? {
            let (key, size) = (object.key, object.size);
            if layout::raw_table_of(&key).is_some() && !clean.contains(&(key.clone(), size)) {
                found.push(RawObject { table, subject, key, size });
            }
        }
    }
    Ok(found)
}

/// The tables of every layer that state a data subject.
fn tables_of_persons() -> impl Iterator<Item = &'static Table> {
    tables().iter().filter(|table| table.data_subject.is_some())
}

/// The raw tables that state a data subject, and its column.
fn raw_tables() -> impl Iterator<Item = (&'static str, &'static str)> {
    let raw = tables_of_persons().filter(|table| table.layer == Layer::Raw);
    raw.filter_map(|table| Some((table.folder, table.data_subject?)))
}

/// The earlier versions of what lies where rows about persons do, whoever wrote or removed it: which of them hold somebody, only a reading
/// of each would tell.
async fn earlier_versions(
    store: &dyn Store,
    task: Versions,
) -> Result<BTreeMap<Place, EarlierVersions>, ErasureError> {
    let raw = raw_tables().map(|(table, _)| Place::Raw(table));
    let tables = partitions::with_persons().into_iter().flatten().map(partitions::PersonTable::place);
    let iceberg = tables_of_persons().map(|table| Place::Iceberg(table.layer, table.folder));
    let mut found = BTreeMap::new();
    for place in raw.chain([Place::DeadLetters, Place::State]).chain(tables).chain(iceberg) {
        let versions = store.earlier_versions(&format!("{}/", place.folder()), task).await?;
        if versions != EarlierVersions::default() {
            found.insert(place, versions);
        }
    }
    Ok(found)
}

/// Nobody compacts a raw table meanwhile. Taken in one order by everybody.
async fn raw_locks(store: &dyn Store) -> Result<Vec<Box<dyn LockGuard>>, ErasureError> {
    let mut locks = Vec::new();
    for (table, _) in raw_tables() {
        locks.push(store.lock(&layout::raw_lock(table)?).await?);
    }
    Ok(locks)
}

/// An erasure at work.
struct Work<'a> {
    lake: &'a Lake,
    store: &'a Arc<dyn Store>,
    subjects: &'a Arc<Subjects>,
    copies: Copies,
    step: &'a (dyn Fn(Step) + Send + Sync),
    begun: Begun,
    /// What was made of their rows may be left though the rows are gone.
    resumed: bool,
    /// Objects and sizes that were looked through.
    clean: BTreeSet<(Key, u64)>,
    report: ErasureReport,
}

impl Work<'_> {
    async fn round(&mut self, rebuild: &impl Rebuild) -> Result<(), ErasureError> {
        (self.step)(Step::Raw);
        self.raw().await?;
        self.letters().await?;
        (self.step)(Step::Tables);
        self.state().await?;
        erasure_epoch::raise(self.store.as_ref()).await?;
        let mut days = Vec::new();
        for of_job in partitions::with_persons() {
            days.extend(self.tables(&of_job).await?);
            // Jobs that read these partitions before must not publish what they make of them.
            erasure_epoch::raise(self.store.as_ref()).await?;
        }
        if let Some(first) = days.into_iter().min() {
            let days = rebuild::rebuild(self.store.as_ref(), first, rebuild).await?;
            self.report.rebuilt.extend(days);
        }
        self.history().await?;
        self.state().await
    }

    /// Behind all that is published: its days take the place of those that hold them.
    async fn history(&mut self) -> Result<(), ErasureError> {
        // Asked for in each round: the lake may have been given Iceberg tables since.
        let Some(mut histories) = Histories::of(self.lake).await? else { return Ok(()) };
        (self.step)(Step::History);
        let ended = histories.erase(self.store, self.subjects, &self.copies, &mut self.begun).await?;
        let replaced = ended.iter().flat_map(|ended| &ended.days);
        let days: BTreeSet<NaiveDate> = replaced.chain(&self.report.days).copied().collect();
        histories.follow(self.store, days.into_iter()).await?;
        ended.into_iter().for_each(|ended| self.report.ended(ended));
        Ok(())
    }

    async fn raw(&mut self) -> Result<(), ErasureError> {
        for RawObject { table, subject, key, size } in raw_objects(self.store.as_ref(), &self.clean).await? {
            let matches = raw::find(self.store, &key, subject, self.subjects).await?;
            if matches.rows > 0 {
                self.begun.note(self.store.as_ref(), &matches).await?;
                let rows = raw::rewrite(self.store, &key, subject, self.subjects).await?;
                self.report.found(Place::Raw(table), rows);
            } else {
                self.clean.insert((key, size));
            }
        }
        Ok(())
    }

    async fn letters(&mut self) -> Result<(), ErasureError> {
        for file in dead_letters::files(self.store.as_ref()).await? {
            let matches = dead_letters::find(self.store.as_ref(), &file, self.subjects).await?;
            self.begun.note(self.store.as_ref(), &matches).await?;
            let removed = dead_letters::rewrite(self.store.as_ref(), &file, self.subjects).await?;
            // Those that were put in place since.
            self.begun.note(self.store.as_ref(), &removed).await?;
            self.report.found(Place::DeadLetters, removed.rows);
        }
        Ok(())
    }

    async fn state(&mut self) -> Result<(), ErasureError> {
        let objects = self.store.list(&format!("{STATE}/")).await?;
        for object in &objects {
            self.store.delete(&object.key).await?;
        }
        self.report.objects(Place::State, objects.len() as u64);
        Ok(())
    }

    /// Takes them out of each partition of `tables`; answers the first day that held them, or may have.
    async fn tables(
        &mut self,
        tables: &[partitions::PersonTable],
    ) -> Result<Option<NaiveDate>, ErasureError> {
        let mut first = None;
        for table in tables {
            for day in table.days(self.store.as_ref()).await? {
                let all = self.resumed;
                let rows =
                    table.erase(self.store, day, self.subjects, &self.copies, all, &mut self.begun).await?;
                self.report.found(table.place(), rows);
                if rows > 0 || self.resumed {
                    first = Some(first.map_or(day, |first: NaiveDate| first.min(day)));
                    self.report.affected(day);
                }
            }
        }
        Ok(first)
    }

    /// Whether rows or letters about them came since they were looked for.
    async fn came_back(&self) -> Result<bool, ErasureError> {
        for RawObject { subject, key, .. } in raw_objects(self.store.as_ref(), &self.clean).await? {
            if raw::find(self.store, &key, subject, self.subjects).await?.rows > 0 {
                return Ok(true);
            }
        }
        for file in dead_letters::files(self.store.as_ref()).await? {
            if dead_letters::find(self.store.as_ref(), &file, self.subjects).await?.rows > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl From<millrace_lake::object_key::BadKey> for ErasureError {
    fn from(error: millrace_lake::object_key::BadKey) -> Self {
        Self::Job(JobError::Key(error))
    }
}
