//! Counted groups, as the tables take them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::{Aggregate, Condition, Key, Measure, Number, Text};

/// One value of a group's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    Text(Arc<str>),
    Number(i32),
}

impl KeyValue {
    /// The text of a key that is one.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(_) => "",
        }
    }

    /// The number of a key that is one.
    pub fn number(&self) -> i32 {
        match self {
            Self::Number(number) => *number,
            Self::Text(_) => 0,
        }
    }
}

/// The groups of an aggregate.
#[derive(Debug, Clone)]
pub struct Cells {
    pub(super) aggregate: &'static Aggregate,
    pub(super) keys: Vec<Key>,
    pub(super) cells: Vec<Cell>,
}

/// One group: its key, and what was counted of it.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) key: Vec<KeyValue>,
    pub(super) sums: Vec<i64>,
    pub(super) distinct: Vec<HashSet<u32, FixedState>>,
    pub(super) usernames: i64,
}

impl Cells {
    /// The groups by fewer keys (some of these, in any order), in the order of these keys.
    pub fn by(&self, keys: &[Key]) -> Self {
        let places: Vec<usize> =
            keys.iter().filter_map(|key| self.keys.iter().position(|ours| ours == key)).collect();
        debug_assert_eq!(places.len(), keys.len(), "{} lacks a key", self.aggregate.name);
        let mut merged: BTreeMap<Vec<KeyValue>, Cell> = BTreeMap::new();
        for cell in &self.cells {
            let key: Vec<_> = places.iter().map(|place| cell.key[*place].clone()).collect();
            match merged.get_mut(&key) {
                Some(group) => group.merge(self.aggregate, cell),
                None => {
                    merged.insert(key.clone(), Cell { key, ..cell.clone() });
                }
            }
        }
        Self { aggregate: self.aggregate, keys: keys.to_vec(), cells: merged.into_values().collect() }
    }

    /// The groups, in the order of their keys.
    pub fn sorted(mut self) -> Self {
        self.cells.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = Counted<'_>> {
        self.cells.iter().map(|cell| Counted { aggregate: self.aggregate, cell })
    }

    /// All users of the aggregate as one group.
    pub fn total(&self) -> i64 {
        self.iter().map(|cell| cell.rows()).sum()
    }
}

impl Cell {
    fn merge(&mut self, aggregate: &Aggregate, other: &Self) {
        for (measure, place) in aggregate.places() {
            let sums = measure.of_nobody().len();
            measure.merge(&mut self.sums[place..place + sums], &other.sums[place..place + sums]);
        }
        for (ours, theirs) in self.distinct.iter_mut().zip(&other.distinct) {
            ours.extend(theirs);
        }
    }
}

/// A group with the meaning of its counts. Asking for what its aggregate does not measure answers nothing or 0.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    aggregate: &'static Aggregate,
    cell: &'a Cell,
}

impl<'a> Counted<'a> {
    pub fn key(&self, place: usize) -> &'a KeyValue {
        &self.cell.key[place]
    }

    pub fn text(&self, place: usize) -> &'a str {
        self.cell.key[place].text()
    }

    pub fn rows(&self) -> i64 {
        self.sum_at(Measure::Rows, 0).unwrap_or(0)
    }

    /// How many meet the condition.
    pub fn count(&self, condition: Condition) -> i64 {
        self.sum_at(Measure::Where(condition), 0).unwrap_or(0)
    }

    pub fn count_is(&self, text: Text, value: &'static str) -> i64 {
        self.count(Condition::Is(text, value))
    }

    /// The exact sum divided once; nothing where nobody has the number.
    pub fn average(&self, number: Number) -> Option<f64> {
        let (sum, present) = self.sum(number);
        (present > 0).then(|| sum as f64 / present as f64)
    }

    /// The sum, and how many have the number.
    pub fn sum(&self, number: Number) -> (i64, i64) {
        let part = |part| self.sum_at(Measure::Sum(number), part).unwrap_or(0);
        (part(0), part(1))
    }

    pub fn least(&self, number: Number) -> Option<i64> {
        self.sum_at(Measure::Least(number), 0).filter(|least| *least != i64::MAX)
    }

    pub fn greatest(&self, number: Number) -> Option<i64> {
        self.sum_at(Measure::Greatest(number), 0).filter(|greatest| *greatest != i64::MIN)
    }

    /// How many distinct present values there are.
    pub fn distinct(&self, text: Text) -> i64 {
        let mut texts = self.aggregate.measures.iter().filter_map(|measure| match measure {
            Measure::Distinct(text) => Some(*text),
            _ => None,
        });
        texts.position(|one| one == text).map_or(0, |at| self.cell.distinct[at].len() as i64)
    }

    pub fn distinct_usernames(&self) -> i64 {
        self.cell.usernames
    }

    fn sum_at(&self, measure: Measure, part: usize) -> Option<i64> {
        let place = self.aggregate.places().find(|(one, _)| *one == measure);
        debug_assert!(place.is_some(), "{} does not measure {measure:?}", self.aggregate.name);
        place.map(|(_, place)| self.cell.sums[place + part])
    }
}
