//! What has been counted of some part of the users, and the merging of parts.

use std::collections::{HashMap, HashSet};

use arrow_array::RecordBatch;
use foldhash::fast::FixedState;

use super::cells::{Cell, Cells, KeyValue};
use super::dictionary::{ABSENT, AllCodes, Coded, NO_NUMBER};
use super::{Aggregate, Key, Measure, Text};
use crate::plan_error::PlanError;

/// The counts of `aggregates` over a part of the users.
///
/// `merge` of the partials of any split of the users is the partial of the whole.
#[derive(Debug, Clone)]
pub struct Partial {
    pub(super) aggregates: Vec<&'static Aggregate>,
    pub(super) codes: AllCodes,
    pub(super) groups: Vec<Groups>,
}

/// The groups of one aggregate.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    /// A group's number by its key's three codes, packed.
    numbers: HashMap<u128, u32, FixedState>,
    pub(super) keys: Vec<u128>,
    /// The sums of group g begin at `g * width`.
    pub(super) sums: Vec<i64>,
    /// For each distinct measure, pairs of group and code.
    pub(super) distinct: Vec<HashSet<u64, FixedState>>,
    pub(super) usernames: HashSet<u128, FixedState>,
    /// Distinct usernames that were counted elsewhere and are in no set.
    pub(super) usernames_elsewhere: i64,
}

impl Measure {
    /// How many sums it keeps for a group.
    fn sums(self) -> usize {
        match self {
            Self::Rows | Self::Where(_) | Self::Least(_) | Self::Greatest(_) => 1,
            Self::Sum(_) => 2,
            Self::Distinct(_) | Self::DistinctUsernames => 0,
        }
    }

    /// What its sums are of no user.
    pub(super) fn of_nobody(self) -> &'static [i64] {
        match self {
            Self::Rows | Self::Where(_) => &[0],
            Self::Sum(_) => &[0, 0],
            Self::Least(_) => &[i64::MAX],
            Self::Greatest(_) => &[i64::MIN],
            Self::Distinct(_) | Self::DistinctUsernames => &[],
        }
    }

    pub(super) fn merge(self, ours: &mut [i64], theirs: &[i64]) {
        for (ours, theirs) in ours.iter_mut().zip(theirs) {
            match self {
                Self::Least(_) => *ours = (*ours).min(*theirs),
                Self::Greatest(_) => *ours = (*ours).max(*theirs),
                // Sums of users stay far below; partials from elsewhere may hold anything.
                _ => *ours = ours.saturating_add(*theirs),
            }
        }
    }
}

impl Aggregate {
    pub(super) fn width(&self) -> usize {
        self.measures.iter().map(|measure| measure.sums()).sum()
    }

    /// Each measure and where its sums begin.
    pub(super) fn places(&self) -> impl Iterator<Item = (Measure, usize)> {
        self.measures.iter().scan(0, |next, measure| {
            let place = *next;
            *next += measure.sums();
            Some((*measure, place))
        })
    }

    /// The text of each distinct measure, in the order of the measures.
    pub(super) fn distinct_texts(&self) -> impl Iterator<Item = Text> {
        self.measures.iter().filter_map(|measure| match measure {
            Measure::Distinct(text) => Some(*text),
            _ => None,
        })
    }
}

impl Partial {
    /// Of no user.
    pub fn new(aggregates: &[&'static Aggregate]) -> Self {
        let groups = aggregates.iter().map(|aggregate| {
            let distinct = vec![HashSet::default(); aggregate.distinct_texts().count()];
            let mut groups = Groups { distinct, ..Groups::default() };
            if aggregate.keys.is_empty() {
                // All users are a group even where there is none.
                groups.number(aggregate, 0);
            }
            groups
        });
        let groups = groups.collect();
        Self { aggregates: aggregates.to_vec(), codes: AllCodes::default(), groups }
    }

    /// Of one made-up group for each aggregate, of whom nothing is known.
    pub(crate) fn sample(aggregates: &[&'static Aggregate]) -> Self {
        let mut sample = Self::new(aggregates);
        for (aggregate, groups) in aggregates.iter().zip(&mut sample.groups) {
            let codes = aggregate.keys.iter().map(|key| match key {
                Key::Text(text) => sample.codes.of_mut(*text).code("sample"),
                _ => 1,
            });
            let mut key = [0; 3];
            key.iter_mut().zip(codes).for_each(|(place, code)| *place = code);
            groups.number(aggregate, packed(key));
        }
        sample
    }

    /// Counts further users: rows with the columns of users_transformed that the aggregates need.
    pub fn add(&mut self, users: &RecordBatch) {
        let Self { aggregates, codes, groups } = self;
        let users = Coded::new(users, codes);
        for (aggregate, groups) in aggregates.iter().zip(groups) {
            groups.add(aggregate, &users, codes);
        }
    }

    /// Takes in what was counted of another part.
    pub fn merge(&mut self, other: Self) {
        let recoded = self.codes.absorb(&other.codes);
        for ((aggregate, ours), theirs) in self.aggregates.iter().zip(&mut self.groups).zip(other.groups) {
            ours.merge(aggregate, theirs, &recoded);
        }
    }

    /// Counts distinct usernames that were told apart elsewhere, where users come without the column: by an engine that shuffles
    /// millions of them, so that no partial holds their hashes.
    pub fn add_distinct_usernames(&mut self, count: u32) {
        for (aggregate, groups) in self.aggregates.iter().zip(&mut self.groups) {
            if aggregate.measures.contains(&Measure::DistinctUsernames) {
                groups.usernames_elsewhere = groups.usernames_elsewhere.saturating_add(count.into());
            }
        }
    }

    /// The counts of one aggregate.
    ///
    /// # Errors
    /// It was not counted.
    pub fn cells(&self, aggregate: &'static Aggregate) -> Result<Cells, PlanError> {
        let at = self.aggregates.iter().position(|one| *one == aggregate);
        let groups = &self.groups[at.ok_or(PlanError::NotCounted(aggregate.name))?];
        let width = aggregate.width();
        let keys = groups.keys.iter().enumerate();
        let mut cells: Vec<Cell> = keys
            .map(|(number, key)| Cell {
                key: self.key_values(aggregate, *key),
                sums: groups.sums[number * width..(number + 1) * width].to_vec(),
                distinct: vec![HashSet::default(); groups.distinct.len()],
                usernames: groups.usernames_elsewhere.saturating_add(groups.usernames.len() as i64),
            })
            .collect();
        for (which, pairs) in groups.distinct.iter().enumerate() {
            for pair in pairs {
                cells[(pair >> 32) as usize].distinct[which].insert(*pair as u32);
            }
        }
        Ok(Cells { aggregate, keys: aggregate.keys.to_vec(), cells })
    }

    fn key_values(&self, aggregate: &Aggregate, packed: u128) -> Vec<KeyValue> {
        let values = aggregate.keys.iter().zip(unpacked(packed)).map(|(key, code)| match key {
            Key::Text(text) => KeyValue::Text(self.codes.of(*text).value(code).clone()),
            _ => KeyValue::Number(code.cast_signed()),
        });
        values.collect()
    }
}

pub(super) fn packed(codes: [u32; 3]) -> u128 {
    codes.into_iter().fold(0, |packed, code| packed << 32 | u128::from(code))
}

pub(super) fn unpacked(packed: u128) -> [u32; 3] {
    [(packed >> 64) as u32, (packed >> 32) as u32, packed as u32]
}

impl Groups {
    /// The number of the group with this key, a new one where there was none.
    pub(super) fn number(&mut self, aggregate: &Aggregate, key: u128) -> u32 {
        *self.numbers.entry(key).or_insert_with(|| {
            self.keys.push(key);
            for measure in aggregate.measures {
                self.sums.extend_from_slice(measure.of_nobody());
            }
            self.keys.len() as u32 - 1
        })
    }

    fn add(&mut self, aggregate: &Aggregate, users: &Coded<'_>, codes: &mut AllCodes) {
        let groups = self.numbers_of(aggregate, users, codes);
        let width = aggregate.width();
        let mut which = 0;
        for (measure, place) in aggregate.places() {
            let sums = &mut self.sums;
            let mut each = |row: usize, add: &mut dyn FnMut(&mut [i64])| {
                if groups[row] != ABSENT {
                    add(&mut sums[groups[row] as usize * width + place..]);
                }
            };
            match measure {
                Measure::Rows => {
                    for group in groups.iter().filter(|group| **group != ABSENT) {
                        sums[*group as usize * width + place] += 1;
                    }
                }
                Measure::Where(condition) => {
                    for (group, holds) in groups.iter().zip(users.holds(condition, codes)) {
                        if *group != ABSENT {
                            sums[*group as usize * width + place] += i64::from(holds);
                        }
                    }
                }
                Measure::Sum(number) => {
                    for (group, value) in groups.iter().zip(users.number(number)) {
                        if *group != ABSENT && value != NO_NUMBER {
                            let sums = &mut sums[*group as usize * width + place..][..2];
                            sums[0] += value;
                            sums[1] += 1;
                        }
                    }
                }
                Measure::Least(number) | Measure::Greatest(number) => {
                    for (row, value) in users.number(number).into_iter().enumerate() {
                        if value != NO_NUMBER {
                            each(row, &mut |sums| measure.merge(&mut sums[..1], &[value]));
                        }
                    }
                }
                Measure::Distinct(text) => {
                    if let Some(values) = users.text(text) {
                        self.distinct[which].extend(pairs(&groups, values));
                    }
                    which += 1;
                }
                Measure::DistinctUsernames => self.usernames.extend(users.usernames()),
            }
        }
    }

    /// The number of each row's group; [`ABSENT`] where it is in none.
    fn numbers_of(&mut self, aggregate: &Aggregate, users: &Coded<'_>, codes: &mut AllCodes) -> Vec<u32> {
        if aggregate.keys.is_empty() {
            return vec![0; users.rows()];
        }
        let keys: Vec<Vec<u32>> = aggregate.keys.iter().map(|key| users.key(*key, codes)).collect();
        let mut last = None;
        let mut numbers = Vec::with_capacity(users.rows());
        for row in 0..users.rows() {
            let mut key = [0; 3];
            for (place, values) in key.iter_mut().zip(&keys) {
                *place = values[row];
            }
            if aggregate
                .keys
                .iter()
                .zip(key)
                .any(|(kind, code)| code == ABSENT && !matches!(kind, Key::Text(_)))
            {
                numbers.push(ABSENT);
                continue;
            }
            let key = packed(key);
            let number = match last {
                Some((same, number)) if same == key => number,
                _ => self.number(aggregate, key),
            };
            last = Some((key, number));
            numbers.push(number);
        }
        numbers
    }

    fn merge(&mut self, aggregate: &Aggregate, other: Self, recoded: &[Vec<u32>]) {
        let width = aggregate.width();
        let numbers: Vec<u32> = other
            .keys
            .iter()
            .map(|key| {
                let mut codes = unpacked(*key);
                for (code, key) in codes.iter_mut().zip(aggregate.keys) {
                    if let Key::Text(text) = key {
                        *code = recoded[*text as usize][*code as usize];
                    }
                }
                self.number(aggregate, packed(codes))
            })
            .collect();
        for (theirs, ours) in numbers.iter().enumerate() {
            for (measure, place) in aggregate.places() {
                let (ours, theirs) = (*ours as usize * width + place, theirs * width + place);
                let sums = measure.sums();
                measure.merge(&mut self.sums[ours..ours + sums], &other.sums[theirs..theirs + sums]);
            }
        }
        let texts = aggregate.distinct_texts();
        for ((ours, theirs), text) in self.distinct.iter_mut().zip(other.distinct).zip(texts) {
            let recoded = &recoded[text as usize];
            ours.extend(theirs.into_iter().map(|pair| {
                let (group, code) = ((pair >> 32) as usize, pair as u32);
                u64::from(numbers[group]) << 32 | u64::from(recoded[code as usize])
            }));
        }
        self.usernames_elsewhere = self.usernames_elsewhere.saturating_add(other.usernames_elsewhere);
        if self.usernames.len() < other.usernames.len() {
            let fewer = std::mem::replace(&mut self.usernames, other.usernames);
            self.usernames.extend(fewer);
        } else {
            self.usernames.extend(other.usernames);
        }
    }
}

/// Group and code of each row that has both, packed; equal neighbours once.
fn pairs<'a>(groups: &'a [u32], values: &'a [u32]) -> impl Iterator<Item = u64> + 'a {
    let mut last = None;
    groups.iter().zip(values).filter_map(move |(group, value)| {
        if *group == ABSENT || *value == ABSENT {
            return None;
        }
        let pair = u64::from(*group) << 32 | u64::from(*value);
        (last.replace(pair) != Some(pair)).then_some(pair)
    })
}
