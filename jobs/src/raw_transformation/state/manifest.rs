//! What a state is of, in one small object.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::checksum::checksum;
use super::coverage::Covered;
use super::unusable::Unusable;
use crate::publish::schema_fingerprint;
use crate::raw_transformation::raw_columns;

/// To be raised where the same raw rows would make another state: another rule of what is an id or of which version is
/// the newest. Left as it is then, users dropped by the old rule stay dropped.
const FORMAT: u32 = 1;

/// `_state/raw-transformation/manifest.json`, within its seal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::raw_transformation) struct Manifest {
    format: u32,
    /// Fingerprint of the columns of its rows.
    schema: String,
    /// The day whose end parts the rows that competed from those that wait.
    pub(in crate::raw_transformation) as_of: NaiveDate,
    /// A Parquet file: the rows that wait, then those that won.
    pub(in crate::raw_transformation) rows: StateObject,
    pub(in crate::raw_transformation) row_count: u64,
    /// See [`super::super::positions::Positions::bytes`].
    pub(in crate::raw_transformation) positions: StateObject,
    /// Rows of the covered objects that are not among its rows: their id has a newer one.
    pub(in crate::raw_transformation) duplicates: u64,
    /// The raw objects it stands for, in key order.
    pub(in crate::raw_transformation) covered: Vec<Covered>,
}

/// An object of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::raw_transformation) struct StateObject {
    pub(in crate::raw_transformation) key: String,
    pub(in crate::raw_transformation) bytes: u64,
    /// None for the rows: as with any Parquet object, size and structure must do, since it is read in pieces.
    checksum: Option<String>,
}

impl StateObject {
    pub(super) fn unsummed(key: String, bytes: u64) -> Self {
        Self { key, bytes, checksum: None }
    }

    pub(super) fn summed(key: String, body: &[u8]) -> Self {
        Self { key, bytes: body.len() as u64, checksum: Some(checksum(body)) }
    }

    /// Whether `body` is what was written.
    pub(super) fn is(&self, body: &[u8]) -> bool {
        self.bytes == body.len() as u64 && self.checksum.as_deref().is_none_or(|sum| sum == checksum(body))
    }
}

#[derive(Serialize)]
struct Sealed<'a> {
    manifest: &'a RawValue,
    checksum: String,
}

#[derive(Deserialize)]
struct Opened<'a> {
    #[serde(borrow)]
    manifest: &'a RawValue,
    checksum: String,
}

/// What is read of a manifest before all of it: another version's may have other fields.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Manifest {
    pub(super) fn new(
        as_of: NaiveDate,
        rows: StateObject,
        row_count: u64,
        positions: StateObject,
        duplicates: u64,
        covered: Vec<Covered>,
    ) -> Self {
        let schema = schema_fingerprint(&raw_columns::read());
        Self { format: FORMAT, schema, as_of, rows, row_count, positions, duplicates, covered }
    }

    /// That of the same rows, in these objects.
    pub(super) fn covering(self, covered: Vec<Covered>) -> Self {
        Self { covered, ..self }
    }

    /// The manifest's bytes, sealed by a checksum.
    pub(super) fn bytes(&self) -> serde_json::Result<Vec<u8>> {
        let manifest = serde_json::value::to_raw_value(self)?;
        let checksum = checksum(manifest.get().as_bytes());
        serde_json::to_vec(&Sealed { manifest: &manifest, checksum })
    }

    pub(super) fn read(body: &[u8]) -> Result<Self, Unusable> {
        let opened: Opened<'_> = serde_json::from_slice(body).map_err(|_| Unusable::BadManifest)?;
        let text = opened.manifest.get();
        if opened.checksum != checksum(text.as_bytes()) {
            return Err(Unusable::BadManifest);
        }
        let version: Version = serde_json::from_str(text).map_err(|_| Unusable::BadManifest)?;
        if version.format != FORMAT {
            return Err(Unusable::Format);
        }
        let manifest: Self = serde_json::from_str(text).map_err(|_| Unusable::BadManifest)?;
        if manifest.schema != schema_fingerprint(&raw_columns::read()) {
            return Err(Unusable::Schema);
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let day = NaiveDate::from_ymd_opt(2024, 3, 1).expect("a date");
        let covered =
            vec![Covered { key: "raw/users/a".into(), size: 7, replaces: vec!["raw/users/b".into()] }];
        let rows = StateObject::unsummed("r".into(), 9);
        Manifest::new(day, rows, 3, StateObject::summed("p".into(), b"xy"), 2, covered)
    }

    #[test]
    fn is_read_as_it_was_written_and_damage_anywhere_is_told() {
        let bytes = manifest().bytes().expect("encoded");
        assert_eq!(Manifest::read(&bytes), Ok(manifest()));
        for at in 0..bytes.len() {
            for flip in [1, 0x20] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                assert!(Manifest::read(&damaged).is_err(), "byte {at} of {}", bytes.len());
            }
            assert!(Manifest::read(&bytes[..at]).is_err());
        }
    }

    #[test]
    fn another_version_and_another_schema_are_told() {
        let other = Manifest { format: FORMAT + 1, ..manifest() };
        assert_eq!(Manifest::read(&other.bytes().expect("encoded")), Err(Unusable::Format));
        let other = Manifest { schema: "0".into(), ..manifest() };
        assert_eq!(Manifest::read(&other.bytes().expect("encoded")), Err(Unusable::Schema));
    }
}
