//! The marks of erasures under way: who finds one knows that an erasure was interrupted, not whose.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use millrace_events::instant::Micros;
use millrace_lake::erasure::erased_ids::{IdHash, Salt};
use millrace_lake::erasure::refused_ids::is_marker;
use millrace_lake::erasure::{Matches, Subjects};
use millrace_lake::object_key::Key;
use millrace_lake::root_names::UNFINISHED_ERASURES as FOLDER;
use millrace_lake::store::Store;
use serde::{Deserialize, Serialize};

use super::error::ErasureError;
use crate::job_error::JobError;

/// An erasure that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// When it began, in microseconds UTC.
    pub begun_at: Micros,
    /// How many persons.
    pub persons: usize,
}

/// What a marker says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    told: Unfinished,
    /// Makes the marker's name say nothing to who does not know the ids.
    #[serde(default)]
    salt: String,
    /// None of an erasure that an earlier version began.
    #[serde(default)]
    hashes: Option<Hashes>,
}

/// Whose erasure it is, by hashes under the lake's salt.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Hashes {
    ids: BTreeSet<IdHash>,
    /// Of these, who was found in the lake. Noted before anything of theirs is removed: afterwards nobody could tell.
    found: BTreeSet<IdHash>,
}

/// A marker in its place.
#[derive(Debug, Clone)]
pub(super) struct Marker {
    key: Key,
    written: Written,
}

/// The erasures that were interrupted, or are at work now.
pub async fn unfinished(store: &dyn Store) -> Result<Vec<Unfinished>, ErasureError> {
    Ok(markers(store).await?.into_iter().map(|marker| marker.written.told).collect())
}

/// The erasure of `ids` that is marked as begun.
#[derive(Debug)]
pub(super) struct Begun {
    key: Key,
    written: Written,
    hashes: Hashes,
    salt: Salt,
    /// What was made of their rows may be left though the rows are gone: an erasure of some of them was interrupted.
    pub(super) resumed: bool,
}

impl Begun {
    /// Marks the erasure of `subjects` as begun at `now` (µs since 1970, UTC), or goes on with one that was interrupted.
    pub(super) async fn mark(
        store: &dyn Store,
        subjects: &Subjects,
        now: Micros,
    ) -> Result<Self, ErasureError> {
        let salt = Salt::made(store).await?;
        let ids: BTreeSet<IdHash> = subjects.ids().map(|id| salt.hash(id)).collect();
        let mut hashes = Hashes { ids: ids.clone(), found: BTreeSet::new() };
        let (mut own, mut resumed) = (None, false);
        for Marker { key, written } in markers(store).await? {
            let is_own = key == named(&written.salt, subjects)?;
            match &written.hashes {
                Some(theirs) => {
                    let found = theirs.found.intersection(&ids);
                    hashes.found.extend(found);
                    resumed |= is_own || !theirs.ids.is_disjoint(&ids);
                }
                // It doesn't say who was found: none of them is called missing.
                None if is_own => {
                    hashes.found.extend(&ids);
                    resumed = true;
                }
                None => {}
            }
            if is_own {
                own = Some((key, written));
            }
        }
        let (key, written) = match own {
            Some(own) => own,
            None => {
                let chance = || RandomState::new().build_hasher().finish();
                let name_salt = format!("{:016x}{:016x}", chance(), chance());
                let told = Unfinished { begun_at: now, persons: subjects.len() };
                let key = named(&name_salt, subjects)?;
                (key, Written { told, salt: name_salt, hashes: None })
            }
        };
        let begun = Self { key, written, hashes, salt, resumed };
        begun.write(store).await?;
        Ok(begun)
    }

    /// Notes that they were found, before anything of theirs is removed.
    pub(super) async fn note(&mut self, store: &dyn Store, matches: &Matches) -> Result<(), ErasureError> {
        let before = self.hashes.found.len();
        self.hashes.found.extend(matches.ids.iter().map(|id| self.salt.hash(id)));
        if self.hashes.found.len() > before { self.write(store).await } else { Ok(()) }
    }

    /// Whether the person was in the lake when this erasure began, or came since.
    pub(super) fn has_found(&self, id: &str) -> bool {
        self.hashes.found.contains(&self.salt.hash(id))
    }

    /// All who were found.
    pub(super) fn found(&self) -> &BTreeSet<IdHash> {
        &self.hashes.found
    }

    /// Takes the marker away, and those of interrupted erasures that this one has done too.
    pub(super) async fn end(self, store: &dyn Store) -> Result<(), ErasureError> {
        for Marker { key, written } in markers(store).await? {
            if key == self.key || written.hashes.is_some_and(|theirs| theirs.ids.is_subset(&self.hashes.ids))
            {
                store.delete(&key).await?;
            }
        }
        Ok(())
    }

    async fn write(&self, store: &dyn Store) -> Result<(), ErasureError> {
        let written = Written { hashes: Some(self.hashes.clone()), ..self.written.clone() };
        let body = serde_json::to_vec(&written);
        let body = body.map_err(|source| JobError::RunRecord { key: self.key.clone(), source })?;
        Ok(store.put(&self.key, body.into()).await?)
    }
}

/// Persons whose erasure was interrupted.
#[derive(Debug, Default)]
pub(super) struct CutShort {
    salt: Option<Salt>,
    markers: Vec<Marker>,
}

impl CutShort {
    pub(super) async fn read(store: &dyn Store) -> Result<Self, ErasureError> {
        Ok(Self { salt: Salt::of(store).await?, markers: markers(store).await? })
    }

    /// When the erasure of the person began, in microseconds UTC; of several the last.
    pub(super) fn begun_at(&self, id: &str) -> Option<Micros> {
        let hash = self.salt.as_ref()?.hash(id);
        let of_them = self.markers.iter().filter(|marker| {
            marker.written.hashes.as_ref().is_some_and(|hashes| hashes.found.contains(&hash))
        });
        of_them.map(|marker| marker.written.told.begun_at).max()
    }

    pub(super) fn told(&self) -> Vec<Unfinished> {
        self.markers.iter().map(|marker| marker.written.told.clone()).collect()
    }
}

async fn markers(store: &dyn Store) -> Result<Vec<Marker>, ErasureError> {
    let mut markers = Vec::new();
    for object in store.list(FOLDER).await?.into_iter().filter(|object| is_marker(&object.key)) {
        let body = match store.get(&object.key).await {
            Ok(body) => body,
            // Ended since it was listed.
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        let written = serde_json::from_slice(&body)
            .map_err(|source| JobError::RunRecord { key: object.key.clone(), source })?;
        markers.push(Marker { key: object.key, written });
    }
    Ok(markers)
}

/// The marker's key: FNV-1a over salt and ids, which another version of the program finds again.
fn named(salt: &str, subjects: &Subjects) -> Result<Key, ErasureError> {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in std::iter::once(salt).chain(subjects.ids()) {
        // The length keeps two short ids from being one long one.
        let length = (part.len() as u64).to_le_bytes();
        for byte in length.into_iter().chain(part.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(Key::new(format!("{FOLDER}{hash:016x}.json"))?)
}
