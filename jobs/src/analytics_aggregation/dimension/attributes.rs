//! The attributes of a user whose change makes a version.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray, new_null_array,
};
use arrow_schema::{ArrowError, DataType};
use xxhash_rust::xxh3::Xxh3;

use crate::partition::ReadColumn;

const TEXTS: [&str; 7] = [
    "age_group",
    "generation",
    "gender",
    "country",
    "city",
    "email_provider_type",
    "account_tenure_category",
];

/// What is read of users_transformed.
pub fn read_columns_of_users() -> Vec<ReadColumn> {
    let mut columns = vec![ReadColumn::of("id", DataType::Utf8)];
    columns.extend(TEXTS.map(ReadColumn::repeating));
    columns.push(ReadColumn::of("data_quality_score", DataType::Float64));
    columns
}

/// What is read of the table's earlier partitions.
pub fn read_columns_of_versions() -> Vec<ReadColumn> {
    let mut columns = vec![ReadColumn::of("user_id", DataType::Utf8)];
    columns.extend(TEXTS.map(ReadColumn::repeating));
    columns.push(ReadColumn::of("data_quality_score", DataType::Float64));
    columns.push(ReadColumn::of("demographic_score", DataType::Float64));
    columns.push(ReadColumn::repeating("target_segment"));
    columns
}

/// The attributes of a batch of users, or of versions.
pub(super) struct Attributes {
    columns: HashMap<&'static str, ArrayRef>,
}

impl Attributes {
    /// Of rows of users_transformed: the score and the segment are computed.
    pub(super) fn of_users(users: &RecordBatch) -> Result<Self, ArrowError> {
        let mut columns = read(users, read_columns_of_users());
        let scored = {
            let text = |name: &str| Words::of(&columns[name]);
            let [age_group, generation, provider, tenure] =
                ["age_group", "generation", "email_provider_type", "account_tenure_category"].map(text);
            let scores = (0..users.num_rows()).map(|row| {
                demographic_score(age_group.at(row), generation.at(row), provider.at(row), tenure.at(row))
            });
            scores.collect::<Vec<i32>>()
        };
        let segments = StringArray::from(SEGMENTS.map(|(_, name)| name).to_vec());
        let places: Int32Array = scored.iter().map(|score| Some(segment(*score))).collect();
        columns.insert("target_segment", Arc::new(DictionaryArray::try_new(places, Arc::new(segments))?));
        let scores: Float64Array = scored.into_iter().map(|score| Some(f64::from(score))).collect();
        columns.insert("demographic_score", Arc::new(scores));
        Ok(Self { columns })
    }

    /// Of rows of the table.
    pub(super) fn of_versions(versions: &RecordBatch) -> Self {
        let mut columns = read(versions, read_columns_of_versions());
        if let Some(ids) = columns.remove("user_id") {
            columns.insert("id", ids);
        }
        Self { columns }
    }

    pub(super) fn column(&self, name: &str) -> &ArrayRef {
        &self.columns[name]
    }

    pub(super) fn ids(&self) -> &StringArray {
        self.columns["id"].as_string()
    }

    /// For each row 128 bits of hash over its attributes: two versions of a user that differ share theirs with a chance
    /// of 10^-38.
    pub(super) fn fingerprints(&self) -> Vec<u128> {
        let words: Vec<Words<'_>> =
            TEXTS.iter().chain(&["target_segment"]).map(|name| Words::of(&self.columns[name])).collect();
        let scores = ["data_quality_score", "demographic_score"]
            .map(|name| self.columns[name].as_primitive::<Float64Type>());
        let fingerprint = |row: usize| {
            let mut hash = Xxh3::new();
            for words in &words {
                match words.at(row) {
                    // The length parts one text from the next.
                    Some(text) => {
                        hash.update(&(text.len() as u64).to_le_bytes());
                        hash.update(text.as_bytes());
                    }
                    None => hash.update(&u64::MAX.to_le_bytes()),
                }
            }
            for scores in scores {
                let bits = if scores.is_valid(row) { scores.value(row).to_bits() } else { u64::MAX };
                hash.update(&bits.to_le_bytes());
            }
            hash.digest128()
        };
        (0..self.ids().len()).map(fingerprint).collect()
    }
}

/// The stated columns of a batch; one that it lacks is null in every row.
fn read(rows: &RecordBatch, stated: Vec<ReadColumn>) -> HashMap<&'static str, ArrayRef> {
    let columns = stated.into_iter().map(|column| {
        let found = rows.column_by_name(column.name).cloned();
        (column.name, found.unwrap_or_else(|| new_null_array(&column.read_as(), rows.num_rows())))
    });
    columns.collect()
}

/// The texts of a dictionary.
struct Words<'a> {
    keys: &'a Int32Array,
    values: &'a StringArray,
}

impl<'a> Words<'a> {
    fn of(column: &'a ArrayRef) -> Self {
        let dictionary = column.as_dictionary::<Int32Type>();
        Self { keys: dictionary.keys(), values: dictionary.values().as_string() }
    }

    fn at(&self, row: usize) -> Option<&'a str> {
        let value = usize::try_from(self.keys.is_valid(row).then(|| self.keys.value(row))?).ok()?;
        self.values.is_valid(value).then(|| self.values.value(value))
    }
}

fn demographic_score(
    age_group: Option<&str>,
    generation: Option<&str>,
    provider: Option<&str>,
    tenure: Option<&str>,
) -> i32 {
    let one_of = |value: Option<&str>, names: &[&str]| value.is_some_and(|value| names.contains(&value));
    let of_age = if one_of(age_group, &["25-34", "35-44"]) { 10 } else { 5 };
    let of_generation = if one_of(generation, &["Millennial", "Gen X"]) { 10 } else { 5 };
    let of_provider = if one_of(provider, &["Business"]) { 15 } else { 5 };
    let of_tenure = if one_of(tenure, &["Veteran"]) { 20 } else { 10 };
    of_age + of_generation + of_provider + of_tenure
}

/// Each segment and the points from which it begins. `Basic` cannot occur with today's points; the name is kept for
/// the interface.
const SEGMENTS: [(i32, &str); 3] = [(40, "Premium"), (25, "Standard"), (i32::MIN, "Basic")];

/// Its place in [`SEGMENTS`].
fn segment(demographic_score: i32) -> i32 {
    let reached = SEGMENTS.iter().take_while(|(from, _)| demographic_score < *from).count();
    reached as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_segments_are_those_of_the_contract() {
        let best = demographic_score(Some("25-34"), Some("Gen X"), Some("Business"), Some("Veteran"));
        let least = demographic_score(None, Some("Boomer"), Some("Personal"), Some("New"));
        assert_eq!((best, least), (55, 25));
        let name = |score| SEGMENTS[segment(score) as usize].1;
        assert_eq!([24, 25, 39, 40, 55].map(name), ["Basic", "Standard", "Standard", "Premium", "Premium"]);
    }
}
