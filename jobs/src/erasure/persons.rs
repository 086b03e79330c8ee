//! What became of each person whom an erasure was asked for.

use std::fmt;

use chrono::{DateTime, Utc};
use millrace_events::instant::Micros;
use millrace_lake::erasure::Subjects;
use millrace_lake::erasure::erased_ids::Erased;
use millrace_lake::store::Store;
use serde::Serialize;

use super::error::ErasureError;
use super::marker::CutShort;

/// See the module. Each person is one of these.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Persons {
    /// How many were in the lake.
    pub found: usize,
    /// Those who are nowhere, and of whom an interrupted erasure has removed something.
    pub cut_short: Vec<CutShortPerson>,
    /// Those who are nowhere because they were erased.
    pub erased_before: Vec<ErasedPerson>,
    /// Those who are nowhere and never were erased.
    pub missing: Vec<String>,
}

/// See [`Persons::cut_short`].
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CutShortPerson {
    /// Their id.
    pub id: String,
    /// When the interrupted erasure began; of several the last.
    pub begun_at: DateTime<Utc>,
}

/// See [`Persons::erased_before`].
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ErasedPerson {
    /// Their id.
    pub id: String,
    /// When the erasure that removed them began; of several the last.
    pub erased_at: DateTime<Utc>,
}

/// Ids never reach a log.
impl fmt::Debug for Persons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persons")
            .field("found", &self.found)
            .field("cut_short", &self.cut_short.len())
            .field("erased_before", &self.erased_before.len())
            .field("missing", &self.missing.len())
            .finish()
    }
}

impl fmt::Debug for CutShortPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CutShortPerson").field("begun_at", &self.begun_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for ErasedPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErasedPerson").field("erased_at", &self.erased_at).finish_non_exhaustive()
    }
}

/// What the lake remembers of erasures, read before anything is removed or noted.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) erased: Erased,
    pub(super) cut_short: CutShort,
}

impl Remembered {
    pub(super) async fn read(store: &dyn Store) -> Result<Self, ErasureError> {
        Ok(Self { erased: Erased::read(store).await?, cut_short: CutShort::read(store).await? })
    }

    /// What each of `subjects` is, by who `is_found`.
    pub(super) fn persons(&self, subjects: &Subjects, is_found: impl Fn(&str) -> bool) -> Persons {
        let mut persons = Persons::default();
        for id in subjects.ids() {
            if is_found(id) {
                persons.found += 1;
                continue;
            }
            let begun_at = self.cut_short.begun_at(id).and_then(Micros::date_time);
            match (begun_at, self.erased.when(id)) {
                // An erasure of others too that was cut short, and another one of this person that was not.
                (Some(begun_at), Some(erased_at)) if erased_at >= begun_at => {
                    persons.erased_before.push(ErasedPerson { id: id.to_owned(), erased_at });
                }
                (Some(begun_at), _) => persons.cut_short.push(CutShortPerson { id: id.to_owned(), begun_at }),
                (None, Some(erased_at)) => {
                    persons.erased_before.push(ErasedPerson { id: id.to_owned(), erased_at });
                }
                (None, None) => persons.missing.push(id.to_owned()),
            }
        }
        persons
    }
}
