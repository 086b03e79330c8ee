//! The attributes of a user whose change makes a version.

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray, new_null_array,
};
use arrow_schema::{ArrowError, DataType};
use xxhash_rust::xxh3::Xxh3;

use crate::columns::{Texts, numbers};
use crate::kernel_error::KernelError;

/// The texts among them, in the order of the table's columns.
pub const TEXTS: [&str; 7] = [
    "age_group",
    "generation",
    "gender",
    "country",
    "city",
    "email_provider_type",
    "account_tenure_category",
];

/// What a text that repeats is kept as.
pub(super) fn repeating() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The attributes of a batch of users, or of versions.
#[derive(Debug)]
pub(super) struct Attributes {
    /// Plain.
    ids: ArrayRef,
    /// [`TEXTS`], as dictionaries.
    texts: Vec<ArrayRef>,
    quality: Float64Array,
    demographic: Float64Array,
    segment: ArrayRef,
}

impl Attributes {
    /// Of rows of users_transformed: the score and the segment are computed.
    pub(super) fn of_users(users: &RecordBatch) -> Result<Self, KernelError> {
        let texts = repeating_texts(users)?;
        let [age_group, generation, _, _, _, provider, tenure] = words(&texts)?;
        let scores: Vec<i32> = (0..users.num_rows())
            .map(|row| {
                demographic_score(age_group.at(row), generation.at(row), provider.at(row), tenure.at(row))
            })
            .collect();
        let segments = StringArray::from(SEGMENTS.map(|(_, name)| name).to_vec());
        let places: Int32Array = scores.iter().map(|score| Some(segment(*score))).collect();
        Ok(Self {
            ids: plain(users, "id")?,
            quality: scores_of(users, "data_quality_score")?,
            demographic: scores.into_iter().map(|score| Some(f64::from(score))).collect(),
            segment: Arc::new(DictionaryArray::try_new(places, Arc::new(segments))?),
            texts,
        })
    }

    /// Of rows of the table.
    pub(super) fn of_versions(versions: &RecordBatch) -> Result<Self, KernelError> {
        Ok(Self {
            ids: plain(versions, "user_id")?,
            texts: repeating_texts(versions)?,
            quality: scores_of(versions, "data_quality_score")?,
            demographic: scores_of(versions, "demographic_score")?,
            segment: repeating_text(versions, "target_segment")?,
        })
    }

    pub(super) fn ids(&self) -> Texts<'_> {
        Texts::of_array(&self.ids).unwrap_or(Texts::Absent)
    }

    pub(super) fn rows(&self) -> usize {
        self.ids.len()
    }

    /// Id, texts and data_quality_score.
    pub(super) fn as_given(&self) -> impl Iterator<Item = ArrayRef> {
        let quality: ArrayRef = Arc::new(self.quality.clone());
        std::iter::once(&self.ids).chain(&self.texts).cloned().chain([quality])
    }

    /// demographic_score and target_segment.
    pub(super) fn computed(&self) -> [ArrayRef; 2] {
        [Arc::new(self.demographic.clone()), Arc::clone(&self.segment)]
    }

    /// For each row 128 bits of hash over its attributes: two versions of a user that differ share theirs with a chance
    /// of 10^-38.
    pub(super) fn fingerprints(&self) -> Result<Vec<u128>, KernelError> {
        let words = self.texts.iter().chain([&self.segment]).map(|texts| {
            Texts::of_array(texts)
                .ok_or_else(|| KernelError::Table(ArrowError::SchemaError("no text".to_owned())))
        });
        let words: Vec<Texts<'_>> = words.collect::<Result<_, _>>()?;
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
            for scores in [&self.quality, &self.demographic] {
                let bits = if scores.is_valid(row) { scores.value(row).to_bits() } else { u64::MAX };
                hash.update(&bits.to_le_bytes());
            }
            hash.digest128()
        };
        Ok((0..self.rows()).map(fingerprint).collect())
    }
}

fn words(texts: &[ArrayRef]) -> Result<[Texts<'_>; TEXTS.len()], KernelError> {
    let words: Vec<_> = texts.iter().filter_map(Texts::of_array).collect();
    let lost = |_| KernelError::Table(ArrowError::SchemaError("an attribute is no text".to_owned()));
    words.try_into().map_err(lost)
}

fn repeating_texts(rows: &RecordBatch) -> Result<Vec<ArrayRef>, KernelError> {
    TEXTS.iter().map(|name| repeating_text(rows, name)).collect()
}

/// A text as a dictionary; one that the batch lacks is null in every row.
fn repeating_text(rows: &RecordBatch, name: &'static str) -> Result<ArrayRef, KernelError> {
    match rows.column_by_name(name) {
        None => Ok(new_null_array(&repeating(), rows.num_rows())),
        Some(column) if *column.data_type() == repeating() => Ok(Arc::clone(column)),
        Some(_) => {
            let texts = Texts::of(rows, name)?;
            let texts: DictionaryArray<Int32Type> = (0..rows.num_rows()).map(|row| texts.at(row)).collect();
            Ok(Arc::new(texts))
        }
    }
}

/// A text as it is in the table's files.
fn plain(rows: &RecordBatch, name: &'static str) -> Result<ArrayRef, KernelError> {
    match rows.column_by_name(name) {
        None => Ok(new_null_array(&DataType::Utf8, rows.num_rows())),
        Some(column) if *column.data_type() == DataType::Utf8 => Ok(Arc::clone(column)),
        Some(_) => {
            let texts = Texts::of(rows, name)?;
            Ok(Arc::new((0..rows.num_rows()).map(|row| texts.at(row)).collect::<StringArray>()))
        }
    }
}

fn scores_of(rows: &RecordBatch, name: &'static str) -> Result<Float64Array, KernelError> {
    let scores = numbers::<Float64Type>(rows, name)?.cloned();
    Ok(scores.unwrap_or_else(|| Float64Array::new_null(rows.num_rows())))
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
