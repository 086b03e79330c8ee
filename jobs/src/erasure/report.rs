//! What an erasure removed, or would.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use millrace_lake::layout::Layer;
use millrace_lake::root_names::{DEAD_LETTERS, ICEBERG, RAW, STATE};
use millrace_lake::store::EarlierVersions;
use serde::{Serialize, Serializer};

use super::marker::Unfinished;
use super::persons::Persons;

/// Where persons are in a lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A raw table, by its folder's name: `users`.
    Raw(&'static str),
    /// All files of dead letters, whatever their topic.
    DeadLetters,
    /// Removed whole, whoever is in it; jobs make it anew.
    State,
    /// A table of a job, by its layer and name.
    Table(Layer, &'static str),
    /// The Iceberg table of a table, by its layer and name: all that it ever was.
    Iceberg(Layer, &'static str),
}

impl Place {
    /// Its folder in the lake.
    pub fn folder(self) -> String {
        match self {
            Self::Raw(table) => format!("{RAW}/{table}"),
            Self::DeadLetters => DEAD_LETTERS.to_owned(),
            Self::State => STATE.to_owned(),
            Self::Table(layer, table) => format!("{layer}/{table}"),
            Self::Iceberg(layer, table) => format!("{ICEBERG}/{}", layer.table_name(table)),
        }
    }

    /// What queries call it, where they can name it.
    fn name(self) -> String {
        match self {
            Self::Raw(table) => Layer::Raw.table_name(table),
            Self::DeadLetters => "dead_letters".to_owned(),
            Self::State => "state".to_owned(),
            Self::Table(layer, table) => layer.table_name(table),
            Self::Iceberg(..) => self.folder(),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

/// What was found in a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Objects that held them.
    pub objects: u64,
    /// Rows or letters about them; of the state, whose objects go whole, none is counted.
    pub rows: Option<u64>,
}

/// What an erasure ended of a table's history, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EndedHistory {
    /// The table.
    pub table: String,
    /// How many snapshots named files that held them. None where only files that nothing names did.
    pub snapshots: usize,
    /// When the first of these was committed.
    pub from: Option<DateTime<Utc>>,
    /// When the last was.
    pub to: Option<DateTime<Utc>>,
    /// Branches and tags that pointed to these.
    pub refs: BTreeSet<String>,
    /// Data files that held them, with those that no snapshot names.
    pub files: usize,
    /// Days that are replaced by what is published now.
    pub days: BTreeSet<NaiveDate>,
}

impl EndedHistory {
    pub(super) fn add(&mut self, more: Self) {
        self.snapshots += more.snapshots;
        self.from = self.from.into_iter().chain(more.from).min();
        self.to = self.to.max(more.to);
        self.refs.extend(more.refs);
        self.files += more.files;
        self.days.extend(more.days);
    }
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ErasureReport {
    /// What became of each person.
    #[serde(flatten)]
    pub persons: Persons,
    /// What was found, by place; one that was looked through and held nobody has zeros.
    pub places: BTreeMap<Place, Found>,
    /// The history of Iceberg tables that ended, or would.
    pub history: Vec<EndedHistory>,
    /// What the bucket kept below what is there now, or in its place, by place: versions of every object that lies where persons do.
    pub earlier_versions: BTreeMap<Place, EarlierVersions>,
    /// Days whose partitions held them, or may have when an interrupted erasure is resumed.
    pub days: BTreeSet<NaiveDate>,
    /// Days whose further tables were computed anew.
    pub rebuilt: BTreeSet<NaiveDate>,
    /// Letters about them that a living run has not put in place yet: once it has ended the erasure is to be run again.
    pub letters_being_written: u64,
    /// Whether an erasure of the same persons was interrupted before.
    pub resumed: bool,
    /// Erasures that were interrupted and not resumed, this one where letters are being written.
    pub unfinished: Vec<Unfinished>,
}

impl ErasureReport {
    /// An object of `place` that held `rows` about them, if any.
    pub(super) fn found(&mut self, place: Place, rows: u64) {
        let found = self.places.entry(place).or_default();
        found.objects += u64::from(rows > 0);
        *found.rows.get_or_insert(0) += rows;
    }

    pub(super) fn objects(&mut self, place: Place, objects: u64) {
        self.places.entry(place).or_default().objects += objects;
    }

    pub(super) fn affected(&mut self, day: NaiveDate) {
        self.days.insert(day);
    }

    pub(super) fn ended(&mut self, more: EndedHistory) {
        match self.history.iter_mut().find(|ended| ended.table == more.table) {
            Some(ended) => ended.add(more),
            None => self.history.push(more),
        }
    }

    /// Rows and letters about them in all places.
    pub fn rows(&self) -> u64 {
        self.places.values().filter_map(|found| found.rows).sum()
    }
}
