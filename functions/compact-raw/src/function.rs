//! The Lambda function: settings from the environment, as much of the work as an invocation has time for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, Utc};
use millrace_events::event::Event;
use millrace_events::event_catalogue::events;
use millrace_events::failure::{Class, Classified};
use millrace_lake::compaction::{
    self, ClosedHours, CompactionError, CompactionOrder, CompactionPolicy, CompactionReport, Hours, Limits,
};
use millrace_lake::{OpenError, Store};
use millrace_runtime::metrics::{
    BYTES_OUT, COLD_STARTS, OBJECTS_COMPACTED, OBJECTS_LEFT_ALONE, OBJECTS_WRITTEN, SMALL_OBJECTS,
};
use millrace_runtime::settings::{Environment, SettingsError};
use millrace_runtime::{Deadline, Meter};
use serde::Deserialize;

use crate::report::{Report, TableReport};
use crate::settings::Settings;

/// What is left of the deadline when the work is dropped where it is: time to give the locks back, to count and to answer.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What of that is left when nothing is listed any more.
const ANSWER: Duration = Duration::from_secs(3);

/// The event; what it leaves out the clock says: the start is now, the day is the one before the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The newest day that is looked at, `YYYY-MM-DD`.
    pub as_of: Option<NaiveDate>,
    /// The run's start, such as `2026-02-04T00:30:00Z`: an hour that had not ended by then is left alone.
    pub started_at: Option<DateTime<Utc>>,
}

/// Why a compaction did not end well. What was done stays done, and the same event again goes on.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// The environment's settings are wrong. No retry helps.
    #[error(transparent)]
    Settings(#[from] Arc<SettingsError>),
    /// There is no lake, or it could not be opened.
    #[error("the lake could not be opened")]
    Lake(#[from] OpenError),
    /// A table could not be compacted; the others were.
    #[error("raw/{table} could not be compacted")]
    Compaction {
        /// The folder below raw.
        table: String,
        /// Why.
        source: CompactionError,
    },
}

impl Classified for FunctionError {
    fn class(&self) -> Class {
        match self {
            Self::Settings(_) => Class::Stop,
            Self::Lake(error) => error.class(),
            Self::Compaction { source, .. } => source.class(),
        }
    }
}

/// compact-raw as AWS runs it. A wrong setting is an error of the first invocation.
#[derive(Debug)]
pub struct Function {
    settings: Result<Settings, Arc<SettingsError>>,
    meter: Meter,
}

impl Function {
    /// Reads the settings only.
    pub fn new(environment: Environment) -> Self {
        let meter = Meter::new();
        meter.add(COLD_STARTS, "", 1);
        Self { settings: Settings::of(environment).map_err(Arc::new), meter }
    }

    /// What invocations are told to: emptied by `main` at the end of each, whatever came of it.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Whether this version would work: its settings are read, and an object of the probe's own is written to the lake, read and removed.
    /// Nothing else changes; where there is no lake yet, none is made.
    #[cfg(feature = "lambda")]
    pub async fn probe(&self) -> Result<millrace_lambda::Probed, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let store = millrace_lake::open(&settings.lake).await?;
        millrace_lake::lake_file::read(&*store).await.map_err(OpenError::from)?;
        millrace_lake::lake_probe::probe(&*store).await.map_err(OpenError::from)?;
        Ok(millrace_lambda::Probed { lake: Some(store.address()), broker: None })
    }

    /// Compacts the closed hours of the asked day and of those before it, until `deadline`.
    pub async fn invoke(
        &self,
        request: Request,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<Report, FunctionError> {
        let settings = self.settings.as_ref().map_err(Arc::clone)?;
        let store = millrace_lake::open_existing(&settings.lake).await?;
        let done = self.compact(settings, &store, request, now, deadline).await;
        // Locks are given back: an erasure or the next invocation need not wait until they run out.
        store.settle().await;
        done
    }

    async fn compact(
        &self,
        settings: &Settings,
        store: &Arc<dyn Store>,
        request: Request,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<Report, FunctionError> {
        let started_at = request.started_at.unwrap_or(now);
        let as_of = request.as_of.unwrap_or_else(|| started_at.date_naive() - Days::new(1));
        let order = order(settings, as_of, started_at, deadline);
        let mut report = Report { as_of, done: true, small_objects: 0, tables: Vec::new() };
        let mut failed = None;
        for event in events() {
            let outcome = within(deadline, store, event, &order).await;
            let small = match &outcome {
                Ok(Some(done)) => {
                    self.tell(event.table(), done);
                    report.done &= !done.stopped;
                    if done.before.objects > 0 {
                        report.tables.push(TableReport::of(event.table(), done));
                    }
                    Ok(done.small)
                }
                Ok(None) => {
                    report.done = false;
                    counted(deadline, store, event, &order).await
                }
                Err(_) => counted(deadline, store, event, &order).await,
            };
            let named = |source| FunctionError::Compaction { table: event.table().to_owned(), source };
            report.small_objects += small.as_ref().copied().unwrap_or_default();
            // The first failure is told, and the other tables are compacted all the same.
            let error = outcome.err().or(small.err());
            failed = failed.or(error.map(named));
        }
        self.meter.set(SMALL_OBJECTS, "", report.small_objects as f64);
        tracing::info!(
            as_of = %as_of,
            done = report.done,
            small_objects = report.small_objects,
            "raw_compacted"
        );
        failed.map_or(Ok(report), Err)
    }

    /// What was done with a table as metrics.
    fn tell(&self, table: &str, report: &CompactionReport) {
        if report.before.objects == 0 {
            return;
        }
        self.meter.add(BYTES_OUT, table, report.written_bytes);
        self.meter.add(OBJECTS_WRITTEN, table, report.written);
        self.meter.add(OBJECTS_COMPACTED, table, report.removed + report.leftovers);
        self.meter.set(OBJECTS_LEFT_ALONE, table, report.left_alone.len() as f64);
    }
}

fn order(
    settings: &Settings,
    as_of: NaiveDate,
    started_at: DateTime<Utc>,
    deadline: Deadline,
) -> CompactionOrder {
    let begin = Instant::now();
    let until = begin.checked_add(deadline.left(begin).saturating_sub(settings.write_reserve));
    CompactionOrder {
        policy: CompactionPolicy { target_bytes: settings.target, ..CompactionPolicy::default() },
        hours: Hours::Closed(ClosedHours::of_days(as_of, settings.days, started_at)),
        limits: Limits { memory_bytes: settings.memory, concurrency: settings.concurrency, until },
    }
}

/// What a table has to be merged, as far as there is time to list it: 0 where there is none, and the next invocation tells.
async fn counted(
    deadline: Deadline,
    store: &Arc<dyn Store>,
    event: &Event,
    order: &CompactionOrder,
) -> Result<u64, CompactionError> {
    let left = deadline.left(Instant::now()).saturating_sub(ANSWER);
    let counting = compaction::count_small(store.as_ref(), event.table(), order);
    tokio::time::timeout(left, counting).await.unwrap_or(Ok(0))
}

/// Compacts a table; `None` where the deadline came in the middle of an object or of the wait for an erasure, so that the work was
/// dropped there: what it had written is known to the next by its name, and nothing was removed that is not held.
async fn within(
    deadline: Deadline,
    store: &Arc<dyn Store>,
    event: &Event,
    order: &CompactionOrder,
) -> Result<Option<CompactionReport>, CompactionError> {
    let left = deadline.left(Instant::now()).saturating_sub(LAST_WORDS);
    let work = compaction::compact(Arc::clone(store), event.table(), event.schema(), order, &|_| {});
    tokio::time::timeout(left, work).await.ok().transpose()
}
