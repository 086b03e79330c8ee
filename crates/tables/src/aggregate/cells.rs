//! Counted groups, as the tables take them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::{Aggregate, Condition, Key, Measure, Number, Text};
use crate::plan_error::PlanError;

/// One value of a group's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    /// Of a text; [`UNKNOWN`](super::UNKNOWN) for an absent one.
    Text(Arc<str>),
    /// Of a part of the registration date, as [`Key`] has it.
    Number(i32),
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
    ///
    /// # Errors
    /// The groups have no such key.
    pub fn by(&self, keys: &[Key]) -> Result<Self, PlanError> {
        let place = |key: &Key| {
            let place = self.keys.iter().position(|ours| ours == key);
            place.ok_or(PlanError::NotAKey { aggregate: self.aggregate.name, key: *key })
        };
        let places: Vec<usize> = keys.iter().map(place).collect::<Result<_, _>>()?;
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
        let cells = merged.into_values().collect();
        Ok(Self { aggregate: self.aggregate, keys: keys.to_vec(), cells })
    }

    /// The groups, in the order of their keys.
    pub fn sorted(mut self) -> Self {
        self.cells.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self
    }

    /// Each group once, in no order unless [`sorted`](Self::sorted) or [`by`](Self::by) gave one.
    pub fn iter(&self) -> impl Iterator<Item = Counted<'_>> {
        self.cells.iter().map(|cell| Counted { aggregate: self.aggregate, cell })
    }

    /// All users of the aggregate as one group.
    ///
    /// # Errors
    /// The aggregate does not count rows.
    pub fn total(&self) -> Result<i64, PlanError> {
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

/// A group with the meaning of its counts. To ask for what its aggregate does not measure is an error: a 0 in its place would be
/// published.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    aggregate: &'static Aggregate,
    cell: &'a Cell,
}

impl<'a> Counted<'a> {
    /// The text of the key at `place`.
    ///
    /// # Errors
    /// There is no such key, or it is a number.
    pub fn text(&self, place: usize) -> Result<&'a str, PlanError> {
        match self.cell.key.get(place) {
            Some(KeyValue::Text(text)) => Ok(text),
            _ => Err(self.key_type(place, "text")),
        }
    }

    /// The number of the key at `place`.
    ///
    /// # Errors
    /// There is no such key, or it is a text.
    pub fn number(&self, place: usize) -> Result<i32, PlanError> {
        match self.cell.key.get(place) {
            Some(KeyValue::Number(number)) => Ok(*number),
            _ => Err(self.key_type(place, "number")),
        }
    }

    fn key_type(&self, place: usize, wanted: &'static str) -> PlanError {
        PlanError::KeyType { aggregate: self.aggregate.name, place, wanted }
    }

    /// How many users the group has.
    ///
    /// # Errors
    /// The aggregate does not count rows.
    pub fn rows(&self) -> Result<i64, PlanError> {
        self.sum_at(Measure::Rows, 0)
    }

    /// How many meet the condition.
    pub fn count(&self, condition: Condition) -> Result<i64, PlanError> {
        self.sum_at(Measure::Where(condition), 0)
    }

    /// The exact sum divided once; nothing where nobody has the number.
    pub fn average(&self, number: Number) -> Result<Option<f64>, PlanError> {
        let (sum, present) = self.sum(number)?;
        Ok((present > 0).then(|| sum as f64 / present as f64))
    }

    /// The sum, and how many have the number.
    pub fn sum(&self, number: Number) -> Result<(i64, i64), PlanError> {
        let measure = Measure::Sum(number);
        Ok((self.sum_at(measure, 0)?, self.sum_at(measure, 1)?))
    }

    /// The smallest number; nothing where nobody has it.
    ///
    /// # Errors
    /// The aggregate does not measure it.
    pub fn least(&self, number: Number) -> Result<Option<i64>, PlanError> {
        Ok(Some(self.sum_at(Measure::Least(number), 0)?).filter(|least| *least != i64::MAX))
    }

    /// The greatest number; nothing where nobody has it.
    ///
    /// # Errors
    /// The aggregate does not measure it.
    pub fn greatest(&self, number: Number) -> Result<Option<i64>, PlanError> {
        Ok(Some(self.sum_at(Measure::Greatest(number), 0)?).filter(|greatest| *greatest != i64::MIN))
    }

    /// How many distinct present values there are.
    pub fn distinct(&self, text: Text) -> Result<i64, PlanError> {
        let mut texts = self.aggregate.measures.iter().filter_map(|measure| match measure {
            Measure::Distinct(text) => Some(*text),
            _ => None,
        });
        let at = texts.position(|one| one == text);
        let at = at.ok_or_else(|| self.not_measured(Measure::Distinct(text)))?;
        Ok(self.cell.distinct[at].len() as i64)
    }

    /// How many distinct usernames are present.
    ///
    /// # Errors
    /// The aggregate does not count them.
    pub fn distinct_usernames(&self) -> Result<i64, PlanError> {
        if self.aggregate.measures.contains(&Measure::DistinctUsernames) {
            Ok(self.cell.usernames)
        } else {
            Err(self.not_measured(Measure::DistinctUsernames))
        }
    }

    fn sum_at(&self, measure: Measure, part: usize) -> Result<i64, PlanError> {
        let place = self.aggregate.places().find(|(one, _)| *one == measure);
        let (_, place) = place.ok_or_else(|| self.not_measured(measure))?;
        Ok(self.cell.sums[place + part])
    }

    fn not_measured(&self, measure: Measure) -> PlanError {
        PlanError::NotMeasured { aggregate: self.aggregate.name, measure }
    }
}
