//! Whom nobody takes in again: those who were erased from a lake, and those whose erasure is under way.
//!
//! Landing, replays and jobs look here before a row is theirs. A person is refused from the moment at which an erasure's marker
//! is there, so that nothing about them comes behind the back of the erasure, and for good once it has ended.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;
use tokio::sync::Mutex;

use super::erased_ids::{Erased, ErasedError, IdHash, Salt};
use crate::object_key::Key;
use crate::root_names::UNFINISHED_ERASURES;
use crate::store::{Store, has_files};

/// How long a list may be old where reading it again costs requests: whoever lands looks again after it. An erasure waits for
/// it before its last look.
pub const LIST_AGE: Duration = Duration::from_secs(60);

/// How often the list is read again because an erasure ended between its listing and the reading of its marker.
const TRIES: usize = 5;

/// Whom a reader refuses: one state of the list.
#[derive(Clone, Default)]
pub struct RefusedIds {
    /// There is one where anybody was erased or is about to be.
    salt: Option<Salt>,
    ids: HashSet<IdHash>,
}

/// Hashes are told by nobody, as ids are not.
impl fmt::Debug for RefusedIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefusedIds").field(&self.ids.len()).finish()
    }
}

impl RefusedIds {
    /// Reads the list once.
    ///
    /// # Errors
    /// It cannot be read: then nobody can tell who was erased, and nothing may be taken in.
    pub async fn read(store: &dyn Store) -> Result<Self, ErasedError> {
        let mut known = Known::default();
        known.update(store).await?;
        Ok(known.refused())
    }

    /// Those alone whose erasure is under way, whose rows may still be there: for who reads the tables. One listing where there are none.
    ///
    /// # Errors
    /// As [`RefusedIds::read`].
    pub async fn read_under_way(store: &dyn Store) -> Result<Self, ErasedError> {
        if !store.list(UNFINISHED_ERASURES).await?.iter().any(|marker| is_marker(&marker.key)) {
            return Ok(Self::default());
        }
        let mut known = Known::default();
        known.update(store).await?;
        known.erased = Erased::default();
        Ok(known.refused())
    }

    /// Whether the person of this id, byte for byte, is refused.
    pub fn contains(&self, id: &str) -> bool {
        !self.ids.is_empty() && self.salt.as_ref().is_some_and(|salt| self.ids.contains(&salt.hash(id)))
    }

    /// Whether this list has somebody whom `before` has not.
    pub fn adds_to(&self, before: &Self) -> bool {
        !self.ids.is_subset(&before.ids)
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// The list for somebody who stays: read again where it is older than it may be.
#[derive(Debug)]
pub struct RefusalWatch {
    store: Arc<dyn Store>,
    age: Duration,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    known: Known,
    current: Arc<RefusedIds>,
    /// By both clocks: one stands still while a function is frozen, the other may be set.
    at: Option<(Instant, SystemTime)>,
    /// An update that failed may have taken in a part.
    torn: bool,
}

impl RefusalWatch {
    /// Of the lake in `store`. In a folder the list is read at each look, as that costs a listing of a folder; elsewhere it
    /// may be [`LIST_AGE`] old.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let age = if has_files(store.as_ref()) { Duration::ZERO } else { LIST_AGE };
        Self::with_age(store, age)
    }

    /// The same with an age of one's own.
    pub fn with_age(store: Arc<dyn Store>, age: Duration) -> Self {
        Self { store, age, read: Mutex::default() }
    }

    /// The list, read again where it is too old. The same pointer means the same list.
    ///
    /// # Errors
    /// As [`RefusedIds::read`].
    pub async fn current(&self) -> Result<Arc<RefusedIds>, ErasedError> {
        let mut read = self.read.lock().await;
        let asked = (Instant::now(), SystemTime::now());
        let is_young = |(by_one, by_other): (Instant, SystemTime)| {
            asked.0.duration_since(by_one) < self.age
                && asked.1.duration_since(by_other).is_ok_and(|age| age < self.age)
        };
        if !read.torn && read.at.is_some_and(is_young) {
            return Ok(Arc::clone(&read.current));
        }
        let was_torn = std::mem::replace(&mut read.torn, true);
        if read.known.update(self.store.as_ref()).await? || was_torn {
            read.current = Arc::new(read.known.refused());
        }
        read.torn = false;
        read.at = Some(asked);
        Ok(Arc::clone(&read.current))
    }
}

/// What was read of the list so far.
#[derive(Debug, Default)]
struct Known {
    erased: Erased,
    under_way: BTreeMap<Key, BTreeSet<IdHash>>,
    /// Of the markers, as long as nobody has been erased for good.
    salt: Option<Salt>,
}

/// What a marker of an erasure says to those who refuse; the rest is its writer's.
#[derive(Deserialize)]
struct Marker {
    #[serde(default)]
    hashes: Option<Hashes>,
}

#[derive(Deserialize)]
struct Hashes {
    ids: BTreeSet<IdHash>,
}

impl Known {
    /// Takes in what has changed; answers whether anything has.
    async fn update(&mut self, store: &dyn Store) -> Result<bool, ErasedError> {
        let mut changed = false;
        for _ in 0..TRIES {
            // The markers before the list: an erasure that ends in between is in the list then.
            let mut markers = store.list(UNFINISHED_ERASURES).await?;
            markers.retain(|marker| is_marker(&marker.key));
            let before = self.under_way.len();
            self.under_way.retain(|key, _| markers.iter().any(|marker| marker.key == *key));
            changed |= self.under_way.len() != before;
            let mut ended = false;
            for marker in markers {
                if self.under_way.contains_key(&marker.key) {
                    continue;
                }
                let body = match store.get(&marker.key).await {
                    Ok(body) => body,
                    Err(error) if error.is_not_found() => {
                        ended = true;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                let read: Marker = serde_json::from_slice(&body)
                    .map_err(|source| ErasedError::Unreadable { object: marker.key.clone(), source })?;
                // An earlier version's says not whose it is, until its erasure is resumed.
                if let Some(Hashes { ids }) = read.hashes {
                    self.under_way.insert(marker.key, ids);
                    changed = true;
                }
            }
            changed |= self.erased.update(store).await?;
            if self.salt.is_none() && self.under_way.values().any(|ids| !ids.is_empty()) {
                self.salt = Some(Salt::of(store).await?.ok_or(ErasedError::NoSalt)?);
            }
            if !ended {
                break;
            }
        }
        Ok(changed)
    }

    fn refused(&self) -> RefusedIds {
        let ids = self.under_way.values().flatten().copied().chain(self.erased.hashes()).collect();
        RefusedIds { salt: self.salt.clone().or_else(|| self.erased.salt().cloned()), ids }
    }
}

/// Whether a marker may have that key: what is none is somebody else's.
pub fn is_marker(key: &Key) -> bool {
    let name = key.as_str().strip_prefix(UNFINISHED_ERASURES).and_then(|name| name.strip_suffix(".json"));
    name.is_some_and(|name| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::erased_ids::record;
    use super::*;
    use crate::memory_store::MemoryStore;

    const NAME: &str = "0123456789abcdef";

    async fn marker(store: &dyn Store, ids: &[&str]) -> Key {
        let salt = Salt::made(store).await.unwrap();
        let ids: Vec<_> = ids.iter().map(|id| salt.hash(id)).collect();
        let key = Key::new(format!("{UNFINISHED_ERASURES}{NAME}.json")).unwrap();
        let body = json!({"begun_at": 1, "persons": ids.len(), "hashes": {"ids": ids, "found": []}});
        store.put(&key, body.to_string().into()).await.unwrap();
        key
    }

    #[tokio::test]
    async fn whoever_is_erased_or_about_to_be_is_refused() {
        let store = Arc::new(MemoryStore::new());
        let watch = RefusalWatch::with_age(store.clone(), Duration::ZERO);
        let nobody = watch.current().await.unwrap();
        assert!(nobody.is_empty() && !nobody.contains("a"));
        let key = marker(store.as_ref(), &["a", "b"]).await;
        let first = watch.current().await.unwrap();
        assert_eq!((first.contains("a"), first.contains("b"), first.contains("c")), (true, true, false));
        assert!(Arc::ptr_eq(&first, &watch.current().await.unwrap()), "nothing has changed");
        // The erasure ends: b was nowhere.
        let salt = Salt::made(store.as_ref()).await.unwrap();
        record(store.as_ref(), chrono::DateTime::UNIX_EPOCH, [salt.hash("a")]).await.unwrap();
        store.delete(&key).await.unwrap();
        let ended = watch.current().await.unwrap();
        assert_eq!((ended.contains("a"), ended.contains("b")), (true, false));
        assert_eq!(format!("{ended:?}"), "RefusedIds(1)");
        assert!(RefusedIds::read(store.as_ref()).await.unwrap().contains("a"));
        assert!(RefusedIds::read_under_way(store.as_ref()).await.unwrap().is_empty());
        marker(store.as_ref(), &["c"]).await;
        let under_way = RefusedIds::read_under_way(store.as_ref()).await.unwrap();
        assert_eq!((under_way.contains("a"), under_way.contains("c")), (false, true));
    }

    #[tokio::test]
    async fn what_an_update_took_in_before_it_failed_is_not_forgotten() {
        use crate::faulty_store::{FaultPoint, FaultyStore, InjectedFault};

        let inner = MemoryStore::new();
        marker(&inner, &["a"]).await;
        let foreign = Key::new(format!("{UNFINISHED_ERASURES}notes.json")).unwrap();
        inner.put(&foreign, "no marker".into()).await.unwrap();
        let store = Arc::new(FaultyStore::new(inner));
        let watch = RefusalWatch::with_age(store.clone(), Duration::from_secs(3600));
        // The markers are listed and read; the list of those who were erased is not.
        store.script(FaultPoint::List, [InjectedFault::Pass, InjectedFault::Retry]);
        watch.current().await.unwrap_err();
        let now = watch.current().await.unwrap();
        assert!(now.contains("a") && now.adds_to(&RefusedIds::default()) && !now.adds_to(&now));
    }

    #[tokio::test]
    async fn a_list_is_read_again_when_it_is_old_and_not_before() {
        let store = Arc::new(MemoryStore::new());
        let old = RefusalWatch::with_age(store.clone(), Duration::from_secs(3600));
        assert!(old.current().await.unwrap().is_empty());
        marker(store.as_ref(), &["a"]).await;
        assert!(!old.current().await.unwrap().contains("a"));
        assert!(RefusalWatch::new(store).current().await.unwrap().contains("a"));
    }

    #[tokio::test]
    async fn what_cannot_be_read_refuses_everybody() {
        let store = MemoryStore::new();
        let key = marker(&store, &["a"]).await;
        store.put(&key, "{".into()).await.unwrap();
        let error = RefusedIds::read(&store).await.unwrap_err();
        assert!(matches!(&error, ErasedError::Unreadable { object, .. } if *object == key), "{error}");
    }
}
