//! Persons out of the whole lake: raw rows, dead letters, internal state, every partition of every table.
//!
//! The order is what makes it hold beside running jobs. Raw rows go first, then the epoch is raised, so no job that read
//! them can publish; then the partitions that jobs read, and the epoch again; then what is computed of these is computed
//! anew, day by day. Each step can be done twice: one that was interrupted is resumed by the same command, which a marker
//! without ids ([`Unfinished`]) calls for.

mod error;
mod marker;
mod partitions;
mod rebuild;
mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use millrace_lake::erasure::{Subjects, letters, raw};
use millrace_lake::key::Key;
use millrace_lake::store::{LockGuard, Store};
use millrace_lake::{layout, raw_listing};

pub use self::error::ForgetError;
pub use self::marker::{Unfinished, unfinished};
pub use self::rebuild::{Jobs, Rebuild};
pub use self::report::{ForgetReport, Place};
use crate::erasure;
use crate::job_error::JobError;
use crate::scratch::Scratch;

/// What jobs keep to be quicker; they make it anew.
const STATE: &str = "_state/";
/// How often all is done again because rows about them landed meanwhile.
const ROUNDS: usize = 5;

/// Who is erased, and where scratch is.
#[derive(Debug, Clone)]
pub struct Erasure {
    pub subjects: Arc<Subjects>,
    /// When it began, in microseconds UTC.
    pub now: i64,
    /// Where jobs spill rows: what killed ones left there goes too.
    pub scratch_dir: PathBuf,
}

/// What [`forget`] would remove now. Changes nothing.
pub async fn plan(store: &Arc<dyn Store>, subjects: &Arc<Subjects>) -> Result<ForgetReport, ForgetError> {
    let _locks = raw_locks(store.as_ref()).await?;
    let mut report = ForgetReport::default();
    for object in raw_objects(store.as_ref(), &BTreeSet::new()).await? {
        report.found(Place::Raw, raw::count(store, &object.0, subjects).await?);
    }
    for file in letters::files(store.as_ref()).await? {
        report.found(Place::DeadLetters, letters::count(store.as_ref(), &file, subjects).await?);
    }
    report.letters_being_written = letters::being_written(store.as_ref(), subjects)?;
    report.objects(Place::State, store.list(STATE).await?.len() as u64);
    for table in partitions::WITH_PERSONS {
        for day in table.days(store.as_ref()).await? {
            let rows = table.count(store, day, subjects).await?;
            report.found(table.place(), rows);
            if rows > 0 {
                report.affected(day);
            }
        }
    }
    report.unfinished = unfinished(store.as_ref()).await?;
    Ok(report)
}

/// Erases `erasure.subjects` from the lake and has `rebuild` compute anew what was computed of them.
///
/// Safe beside landings, jobs, queries and compactions. Where it fails or is killed the same call resumes it. Rows about
/// them that land later are new: their source has to stop first.
pub async fn forget(
    store: Arc<dyn Store>,
    erasure: &Erasure,
    rebuild: &impl Rebuild,
) -> Result<ForgetReport, ForgetError> {
    let _locks = raw_locks(store.as_ref()).await?;
    let (marker, resumed) = marker::begin(store.as_ref(), erasure).await?;
    let mut work = Work {
        store: &store,
        subjects: &erasure.subjects,
        resumed,
        clean: BTreeSet::new(),
        report: ForgetReport { resumed, ..ForgetReport::default() },
    };
    // Rows that killed jobs and writers left lie there too.
    drop(Scratch::new_in(&erasure.scratch_dir)?);
    store.sweep().await?;
    for _ in 0..ROUNDS {
        work.round(rebuild).await?;
        store.sweep().await?;
        if !work.came_back().await? {
            let mut report = work.report;
            report.letters_being_written = letters::being_written(store.as_ref(), &erasure.subjects)?;
            if report.letters_being_written == 0 {
                store.delete(&marker).await?;
            }
            report.unfinished = unfinished(store.as_ref()).await?;
            tracing::info!(persons = erasure.subjects.len(), "erased");
            return Ok(report);
        }
        // All that came meanwhile has to go from what was made of it too.
        work.resumed = true;
    }
    Err(ForgetError::Restless)
}

/// The raw objects, with their sizes, that are not in `clean`.
async fn raw_objects(
    store: &dyn Store,
    clean: &BTreeSet<(Key, u64)>,
) -> Result<Vec<(Key, u64)>, ForgetError> {
    let mut found = Vec::new();
    for table in raw_tables() {
        let objects = raw_listing::exact(store, table).await?.into_iter();
        let objects = objects.filter(|object| layout::raw_table_of(&object.key).is_some());
        found
            .extend(objects.map(|object| (object.key, object.size)).filter(|object| !clean.contains(object)));
    }
    Ok(found)
}

/// Every event is some person's.
fn raw_tables() -> impl Iterator<Item = &'static str> {
    millrace_events::catalogue::events().iter().map(|event| event.table())
}

/// Nobody compacts a raw table meanwhile. Taken in one order by everybody.
async fn raw_locks(store: &dyn Store) -> Result<Vec<Box<dyn LockGuard>>, ForgetError> {
    let mut locks = Vec::new();
    for table in raw_tables() {
        locks.push(store.lock(&layout::raw_lock(table)?).await?);
    }
    Ok(locks)
}

/// An erasure at work.
struct Work<'a> {
    store: &'a Arc<dyn Store>,
    subjects: &'a Arc<Subjects>,
    /// What was made of their rows may be left though the rows are gone.
    resumed: bool,
    /// Objects and sizes that were looked through.
    clean: BTreeSet<(Key, u64)>,
    report: ForgetReport,
}

impl Work<'_> {
    async fn round(&mut self, rebuild: &impl Rebuild) -> Result<(), ForgetError> {
        self.raw().await?;
        self.letters().await?;
        self.state().await?;
        erasure::raise(self.store.as_ref()).await?;
        let first = self.tables(&partitions::WITH_PERSONS[..1]).await?;
        // Jobs that read these partitions before must not publish what they make of them.
        erasure::raise(self.store.as_ref()).await?;
        let dimension = self.tables(&partitions::WITH_PERSONS[1..]).await?;
        if let Some(first) = first.into_iter().chain(dimension).min() {
            let days = rebuild::rebuild(self.store.as_ref(), first, rebuild).await?;
            self.report.rebuilt.extend(days);
        }
        self.state().await
    }

    async fn raw(&mut self) -> Result<(), ForgetError> {
        for (key, size) in raw_objects(self.store.as_ref(), &self.clean).await? {
            if raw::count(self.store, &key, self.subjects).await? > 0 {
                let rows = raw::rewrite(self.store, &key, self.subjects).await?;
                self.report.found(Place::Raw, rows);
            } else {
                self.clean.insert((key, size));
            }
        }
        Ok(())
    }

    async fn letters(&mut self) -> Result<(), ForgetError> {
        for file in letters::files(self.store.as_ref()).await? {
            let removed = letters::rewrite(self.store.as_ref(), &file, self.subjects).await?;
            self.report.found(Place::DeadLetters, removed);
        }
        Ok(())
    }

    async fn state(&mut self) -> Result<(), ForgetError> {
        let objects = self.store.list(STATE).await?;
        for object in &objects {
            self.store.delete(&object.key).await?;
        }
        self.report.objects(Place::State, objects.len() as u64);
        Ok(())
    }

    /// Takes them out of each partition of `tables`; answers the first day that held them, or may have.
    async fn tables(&mut self, tables: &[partitions::PersonTable]) -> Result<Option<NaiveDate>, ForgetError> {
        let mut first = None;
        for table in tables {
            for day in table.days(self.store.as_ref()).await? {
                let rows = table.erase(self.store, day, self.subjects, self.resumed).await?;
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
    async fn came_back(&self) -> Result<bool, ForgetError> {
        for (key, _) in raw_objects(self.store.as_ref(), &self.clean).await? {
            if raw::count(self.store, &key, self.subjects).await? > 0 {
                return Ok(true);
            }
        }
        for file in letters::files(self.store.as_ref()).await? {
            if letters::count(self.store.as_ref(), &file, self.subjects).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl From<millrace_lake::key::BadKey> for ForgetError {
    fn from(error: millrace_lake::key::BadKey) -> Self {
        Self::Job(JobError::Key(error))
    }
}
