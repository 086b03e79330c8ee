//! A batch of users as plain vectors: texts as codes, numbers as integers.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type};
use arrow_array::{Array, RecordBatch};
use chrono::Datelike;

use super::{Condition, Key, Number, Text, UNKNOWN};
use crate::ages;

/// The code of an absent text.
pub(super) const ABSENT: u32 = u32::MAX;
/// An absent number.
pub(super) const NO_NUMBER: i64 = i64::MIN;

/// The distinct values of one text column and their codes, in order of appearance.
#[derive(Debug, Clone, Default)]
pub(super) struct Codes {
    codes: HashMap<Arc<str>, u32, foldhash::fast::FixedState>,
    values: Vec<Arc<str>>,
}

impl Codes {
    pub(super) fn code(&mut self, value: &str) -> u32 {
        if let Some(code) = self.codes.get(value) {
            return *code;
        }
        let (code, value) = (self.values.len() as u32, Arc::<str>::from(value));
        self.values.push(value.clone());
        self.codes.insert(value, code);
        code
    }

    pub(super) fn value(&self, code: u32) -> &Arc<str> {
        &self.values[code as usize]
    }

    /// The values in the order of their codes, from 0.
    pub(super) fn values(&self) -> &[Arc<str>] {
        &self.values
    }

    /// For each code of `other` the code here.
    pub(super) fn absorb(&mut self, other: &Self) -> Vec<u32> {
        other.values.iter().map(|value| self.code(value)).collect()
    }
}

/// The codes of all text columns.
#[derive(Debug, Clone, Default)]
pub(super) struct AllCodes([Codes; Text::ALL.len()]);

impl AllCodes {
    pub(super) fn of(&self, text: Text) -> &Codes {
        &self.0[text as usize]
    }

    pub(super) fn of_mut(&mut self, text: Text) -> &mut Codes {
        &mut self.0[text as usize]
    }

    pub(super) fn absorb(&mut self, other: &Self) -> Vec<Vec<u32>> {
        self.0.iter_mut().zip(&other.0).map(|(ours, theirs)| ours.absorb(theirs)).collect()
    }
}

/// One batch of users. A column that the batch lacks is absent in every row.
pub(super) struct Coded<'a> {
    batch: &'a RecordBatch,
    texts: [Option<Vec<u32>>; Text::ALL.len()],
}

impl<'a> Coded<'a> {
    pub(super) fn new(batch: &'a RecordBatch, codes: &mut AllCodes) -> Self {
        let texts = Text::ALL
            .map(|text| batch.column_by_name(text.column()).map(|column| coded(column, codes.of_mut(text))));
        Self { batch, texts }
    }

    pub(super) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub(super) fn text(&self, text: Text) -> Option<&[u32]> {
        self.texts[text as usize].as_deref()
    }

    /// The values of a key; a row whose value is [`ABSENT`] is in no group.
    pub(super) fn key(&self, key: Key, codes: &mut AllCodes) -> Vec<u32> {
        if let Key::Text(text) = key {
            let unknown = codes.of_mut(text).code(UNKNOWN);
            return match self.text(text) {
                Some(values) => {
                    values.iter().map(|code| if *code == ABSENT { unknown } else { *code }).collect()
                }
                None => vec![unknown; self.rows()],
            };
        }
        let part = |day: i32| match key {
            Key::RegistrationWeekday => ages::weekday(day),
            Key::RegistrationYear => ages::date(day).year(),
            Key::RegistrationQuarter => ages::month(day).div_euclid(3),
            Key::RegistrationMonth | Key::Text(_) => ages::month(day),
        };
        let days = self.days("registration_date");
        days.map(|day| day.map_or(ABSENT, |day| part(day).cast_unsigned())).collect()
    }

    pub(super) fn number(&self, number: Number) -> Vec<i64> {
        let i32s = |name| -> Vec<i64> {
            match self.batch.column_by_name(name) {
                Some(column) => {
                    let values = column.as_primitive::<Int32Type>().iter();
                    values.map(|value| value.map_or(NO_NUMBER, i64::from)).collect()
                }
                None => vec![NO_NUMBER; self.rows()],
            }
        };
        match number {
            Number::Age => i32s("age_years"),
            Number::AccountAge => i32s("account_age_days"),
            Number::Quality => match self.batch.column_by_name("data_quality_score") {
                Some(column) => {
                    let scores = column.as_primitive::<Float64Type>().iter();
                    scores.map(|score| score.map_or(NO_NUMBER, |score| score as i64)).collect()
                }
                None => vec![NO_NUMBER; self.rows()],
            },
            Number::RegistrationDay => {
                self.days("registration_date").map(|day| day.map_or(NO_NUMBER, i64::from)).collect()
            }
            Number::AgeAtRegistration => {
                let pairs = self.days("birth_date").zip(self.days("registration_date"));
                let age = |birth, registered| ages::age_years(birth, ages::date(registered));
                pairs
                    .map(|(birth, registered)| age(birth?, registered?))
                    .map(|age| age.map_or(NO_NUMBER, i64::from))
                    .collect()
            }
        }
    }

    pub(super) fn holds(&self, condition: Condition, codes: &mut AllCodes) -> Vec<bool> {
        let nowhere = || vec![false; self.rows()];
        let flags = |name| match self.batch.column_by_name(name) {
            Some(column) => column.as_boolean().iter().map(|flag| flag == Some(true)).collect(),
            None => nowhere(),
        };
        match condition {
            Condition::Is(text, value) => {
                let wanted = codes.of_mut(text).code(value);
                self.text(text)
                    .map_or_else(nowhere, |found| found.iter().map(|code| *code == wanted).collect())
            }
            Condition::EmailValid => flags("email_valid"),
            Condition::PhoneValid => flags("phone_valid"),
            Condition::HasId => match self.batch.column_by_name("id") {
                Some(ids) => (0..ids.len()).map(|row| ids.is_valid(row)).collect(),
                None => nowhere(),
            },
            Condition::HasIssues => match self.batch.column_by_name("quality_issues") {
                Some(issues) => {
                    let lists = issues.as_list::<i32>();
                    (0..lists.len()).map(|row| lists.is_valid(row) && lists.value_length(row) > 0).collect()
                }
                None => nowhere(),
            },
            Condition::QualityFrom(from, below) => {
                let scores = self.number(Number::Quality).into_iter();
                scores.map(|score| score != NO_NUMBER && (from..below).contains(&score)).collect()
            }
        }
    }

    /// A hash of each present username.
    pub(super) fn usernames(&self) -> Vec<u128> {
        let Some(names) = self.batch.column_by_name("username") else { return Vec::new() };
        let names = names.as_string::<i32>().iter().flatten();
        names.map(|name| xxhash_rust::xxh3::xxh3_128(name.as_bytes())).collect()
    }

    fn days(&self, name: &str) -> Box<dyn Iterator<Item = Option<i32>> + '_> {
        match self.batch.column_by_name(name) {
            Some(days) => Box::new(days.as_primitive::<Date32Type>().iter()),
            None => Box::new(std::iter::repeat_n(None, self.rows())),
        }
    }
}

/// A column of texts, as a dictionary or not, as codes.
fn coded(column: &dyn Array, codes: &mut Codes) -> Vec<u32> {
    if let Some(plain) = column.as_string_opt::<i32>() {
        return plain.iter().map(|value| value.map_or(ABSENT, |value| codes.code(value))).collect();
    }
    let dictionary = column.as_dictionary::<Int32Type>();
    let values = dictionary.values().as_string::<i32>();
    // A value of the dictionary may be in no row: it gets its code when a row has it.
    let mut known = vec![ABSENT; values.len()];
    let keys = dictionary.keys().iter().map(|key| {
        let key = usize::try_from(key?).ok()?;
        if known[key] == ABSENT && values.is_valid(key) {
            known[key] = codes.code(values.value(key));
        }
        Some(known[key])
    });
    keys.map(|code| code.unwrap_or(ABSENT)).collect()
}
