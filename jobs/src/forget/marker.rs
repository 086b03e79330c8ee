//! The marks of erasures under way: who finds one knows that an erasure was interrupted, not whose.

use std::hash::{BuildHasher, Hasher, RandomState};

use millrace_lake::erasure::Subjects;
use millrace_lake::key::Key;
use millrace_lake::store::Store;
use serde::{Deserialize, Serialize};

use super::{Erasure, ForgetError};
use crate::job_error::JobError;

const FOLDER: &str = "_erasures/unfinished/";

/// An erasure that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// When it began, in microseconds UTC.
    pub begun_at: i64,
    /// How many persons.
    pub persons: usize,
    /// Makes the marker's name say nothing to who does not know the ids.
    #[serde(default)]
    salt: String,
}

/// The erasures that were interrupted, or are at work now.
pub async fn unfinished(store: &dyn Store) -> Result<Vec<Unfinished>, ForgetError> {
    Ok(markers(store).await?.into_iter().map(|(_, marker)| marker).collect())
}

/// Marks the erasure as begun; answers its marker's key, and whether it had begun before.
pub(super) async fn begin(store: &dyn Store, erasure: &Erasure) -> Result<(Key, bool), ForgetError> {
    let subjects = &erasure.subjects;
    for (key, marker) in markers(store).await? {
        if key == named(&marker.salt, subjects)? {
            return Ok((key, true));
        }
    }
    let chance = || RandomState::new().build_hasher().finish();
    let salt = format!("{:016x}{:016x}", chance(), chance());
    let key = named(&salt, subjects)?;
    let marker = Unfinished { begun_at: erasure.now, persons: subjects.len(), salt };
    let body = serde_json::to_vec(&marker);
    let body = body.map_err(|source| JobError::RunRecord { key: key.clone(), source })?;
    store.put(&key, body.into()).await?;
    Ok((key, false))
}

async fn markers(store: &dyn Store) -> Result<Vec<(Key, Unfinished)>, ForgetError> {
    let mut markers = Vec::new();
    for object in store.list(FOLDER).await?.into_iter().filter(|object| is_marker(&object.key)) {
        let body = match store.get(&object.key).await {
            Ok(body) => body,
            // Ended since it was listed.
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        let marker = serde_json::from_slice(&body)
            .map_err(|source| JobError::RunRecord { key: object.key.clone(), source })?;
        markers.push((object.key, marker));
    }
    Ok(markers)
}

/// Whether a marker may have that key: what is none is somebody else's.
fn is_marker(key: &Key) -> bool {
    let name = key.as_str().strip_prefix(FOLDER).and_then(|name| name.strip_suffix(".json"));
    name.is_some_and(|name| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The marker's key: FNV-1a over salt and ids, which another version of the program finds again.
fn named(salt: &str, subjects: &Subjects) -> Result<Key, ForgetError> {
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
