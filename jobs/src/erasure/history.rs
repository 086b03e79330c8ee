//! Persons out of the history of Iceberg tables, whose earlier snapshots keep the files of days that were replaced.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{NaiveDate, Utc};
use millrace_iceberg::{AllDataFiles, Catalogue, IcebergError, LakeTables};
use millrace_lake::erasure::{Matches, Subjects};
use millrace_lake::object_key::Key;
use millrace_lake::root_names::ICEBERG;
use millrace_lake::store::Store;
use millrace_tables::job_names::RAW_TRANSFORMATION;
use millrace_tables::table_catalogue::{MadeBy, Table, tables};

use super::error::ErasureError;
use super::marker::Begun;
use super::partitions::{Copies, rows_about};
use super::report::EndedHistory;
use crate::erasure_epoch;
use crate::iceberg_adoption;
use crate::iceberg_tables::Lake;

/// How often a table is looked through again because somebody committed meanwhile.
const ROUNDS: usize = 5;

/// The Iceberg tables with rows about persons.
pub(super) struct Histories {
    iceberg: LakeTables,
    tables: Vec<(&'static Table, &'static str)>,
    /// Files that were looked through and hold none of them: a data file never changes.
    clean: BTreeSet<Key>,
}

/// What of a table holds them.
#[derive(Clone)]
struct Held {
    all: AllDataFiles,
    files: BTreeSet<Key>,
    matches: Matches,
}

impl Held {
    fn told(&self, table: &Table) -> EndedHistory {
        let history = self.all.history_of(&self.files);
        let times = || history.snapshots.iter().map(millrace_iceberg::Snapshot::timestamp);
        EndedHistory {
            table: table.name(),
            snapshots: history.snapshots.len(),
            from: times().min(),
            to: times().max(),
            files: self.files.len(),
            days: self.days().flatten().collect(),
            refs: history.refs,
        }
    }

    /// Of the files that are read now.
    fn days(&self) -> impl Iterator<Item = Option<NaiveDate>> {
        self.files.iter().filter_map(|file| self.all.live.get(file).copied())
    }
}

impl Histories {
    /// Those of `lake`, where it has Iceberg tables. What keeps their history from being told is told here, before anything is removed.
    pub(super) async fn of(lake: &Lake) -> Result<Option<Self>, ErasureError> {
        let Some(iceberg) = lake.iceberg().await? else {
            let left = lake.store.list(&format!("{ICEBERG}/")).await?;
            return if left.is_empty() { Ok(None) } else { Err(ErasureError::Unmarked) };
        };
        if let (Catalogue::Glue { database }, None) = (iceberg.catalogue(), &lake.glue) {
            return Err(ErasureError::OnlyByGlue { database: database.clone() });
        }
        let with_persons = tables().iter().filter_map(|table| Some((table, table.data_subject?)));
        let histories = Self { iceberg, tables: with_persons.collect(), clean: BTreeSet::new() };
        for (table, _) in &histories.tables {
            histories.data_files(table).await?;
        }
        Ok(Some(histories))
    }

    async fn data_files(&self, table: &Table) -> Result<AllDataFiles, ErasureError> {
        let failed = |source| ErasureError::History { table: table.name(), source: Box::new(source) };
        self.iceberg.table(&table.name()).map_err(failed)?.all_data_files().await.map_err(failed)
    }

    /// The files that hold them; by the subject's column alone.
    async fn held(
        &mut self,
        (table, column): (&'static Table, &'static str),
        store: &Arc<dyn Store>,
        subjects: &Arc<Subjects>,
        copies: &Copies,
    ) -> Result<Held, ErasureError> {
        let all = self.data_files(table).await?;
        let (mut files, mut matches) = (BTreeSet::new(), Matches::default());
        for key in &all.files {
            if self.clean.contains(key) {
                continue;
            }
            let about = rows_about(store, key, column, subjects, copies).await?;
            if about.rows == 0 {
                self.clean.insert(key.clone());
            } else {
                files.insert(key.clone());
                matches.add(about);
            }
        }
        Ok(Held { all, files, matches })
    }

    /// What of them would end, and who was found in it.
    pub(super) async fn preview(
        &mut self,
        store: &Arc<dyn Store>,
        subjects: &Arc<Subjects>,
        copies: &Copies,
    ) -> Result<(Vec<EndedHistory>, Matches), ErasureError> {
        let (mut ended, mut matches) = (Vec::new(), Matches::default());
        for (table, column) in self.tables.clone() {
            let held = self.held((table, column), store, subjects, copies).await?;
            if !held.files.is_empty() {
                ended.push(held.told(table));
            }
            matches.add(held.matches);
        }
        Ok((ended, matches))
    }

    /// Ends the history that holds them; who was found in it is noted before. What is published must be without them already, and no job
    /// of an earlier epoch may publish.
    pub(super) async fn erase(
        &mut self,
        store: &Arc<dyn Store>,
        subjects: &Arc<Subjects>,
        copies: &Copies,
        begun: &mut Begun,
    ) -> Result<Vec<EndedHistory>, ErasureError> {
        let mut ended = Vec::new();
        for (table, column) in self.tables.clone() {
            ended.extend(self.erase_table((table, column), store, subjects, copies, begun).await?);
        }
        Ok(ended)
    }

    async fn erase_table(
        &mut self,
        (table, column): (&'static Table, &'static str),
        store: &Arc<dyn Store>,
        subjects: &Arc<Subjects>,
        copies: &Copies,
        begun: &mut Begun,
    ) -> Result<Option<EndedHistory>, ErasureError> {
        let failed =
            |source: IcebergError| ErasureError::History { table: table.name(), source: Box::new(source) };
        let mut ended: Option<EndedHistory> = None;
        for _ in 0..ROUNDS {
            let held = self.held((table, column), store, subjects, copies).await?;
            if held.files.is_empty() {
                return Ok(ended);
            }
            begun.note(store.as_ref(), &held.matches).await?;
            let days = self.replace(table, &held, store).await?;
            // Snapshots that were made by this name files of other days that hold them: they end too.
            let all = self.data_files(table).await?;
            let told = EndedHistory { days, ..Held { all, ..held.clone() }.told(table) };
            let target = self.iceberg.table(&table.name()).map_err(failed)?;
            // Nobody commits what is published, or puts a file of it there, while the files go.
            let epoch = erasure_epoch::epoch(store.as_ref()).await?;
            let _epoch = erasure_epoch::hold(store.as_ref(), epoch).await?;
            if target.remove_data_files(&held.files, Utc::now()).await.map_err(failed)? {
                match &mut ended {
                    Some(ended) => ended.add(told),
                    None => ended = Some(told),
                }
            }
        }
        Err(ErasureError::Contended { table: table.name() })
    }

    /// Replaces the days whose file holds them now; answers these.
    async fn replace(
        &self,
        table: &'static Table,
        held: &Held,
        store: &Arc<dyn Store>,
    ) -> Result<BTreeSet<NaiveDate>, ErasureError> {
        let mut days = BTreeSet::new();
        for day in held.days().collect::<BTreeSet<_>>() {
            let unpublished =
                || ErasureError::NotPublished { table: table.name(), day: day.map(|day| day.to_string()) };
            let day = day.ok_or_else(unpublished)?;
            if !iceberg_adoption::replace_by_published(&self.iceberg, store.as_ref(), table, day).await? {
                return Err(unpublished());
            }
            days.insert(day);
        }
        Ok(days)
    }

    /// Makes `days` of what raw-transformation counts what is published now: the erasure counts it anew itself, and no job publishes it.
    pub(super) async fn follow(
        &self,
        store: &Arc<dyn Store>,
        days: impl Iterator<Item = NaiveDate>,
    ) -> Result<(), ErasureError> {
        let is_counted = |table: &&Table| {
            table.data_subject.is_none()
                && matches!(&table.made_by, MadeBy::Job(job) if *job == RAW_TRANSFORMATION)
        };
        for day in days {
            for table in tables().iter().filter(is_counted) {
                iceberg_adoption::follow_published(&self.iceberg, store.as_ref(), table, day).await?;
            }
        }
        Ok(())
    }
}
