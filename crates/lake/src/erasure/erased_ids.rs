//! Who was erased from a lake: salted hashes of their ids, kept for good.
//!
//! `_erasures/erased/<instant>-<chance>.json`, one object an erasure that ended, written once and never changed:
//! `{"version":1,"erased_at":"2026-01-31T12:00:00.000000Z","ids":["<hash>",…]}`. A hash is the first 32 hexadecimal digits of the
//! SHA-256 of the lake's salt (`_erasures/salt.json`, made with the first erasure) followed by the id's own bytes.
//!
//! Whoever reads the list again and again keeps an [`Erased`] and [updates](Erased::update) it: one listing, and only
//! objects that are new.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::StreamExt;
use millrace_events::failure::{Class, Classified};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::object_key::{BadKey, Key};
use crate::random;
use crate::root_names::{ERASED_IDS as FOLDER, ERASURE_SALT as SALT};
use crate::store::{Store, StoreError};

/// Of both kinds of objects.
const VERSION: u32 = 1;
/// Objects read at once.
const AT_ONCE: usize = 16;

/// Why the list of the erased could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ErasedError {
    /// The list or the salt could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The name of a list's object cannot be a key.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// An object of the list, or the salt, is no JSON of its shape.
    #[error("{object} tells who was erased and cannot be read; restore it")]
    Unreadable {
        /// The object.
        object: Key,
        /// Where and why the JSON cannot be read.
        source: serde_json::Error,
    },
    /// A newer program wrote it.
    #[error("{object} has format version {version}, this program knows {VERSION}: take a newer program")]
    Version {
        /// The object.
        object: Key,
        /// The format version that it states.
        version: u32,
    },
    /// Somebody was erased, and the salt of their hashes is not there.
    #[error("{SALT} is gone, without which nobody can tell who was erased; restore it")]
    NoSalt,
}

impl Classified for ErasedError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            _ => Class::Stop,
        }
    }
}

/// The hash of an id under a lake's salt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdHash(u128);

impl fmt::Debug for IdHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for IdHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for IdHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| digits);
        number.map(Self).ok_or_else(|| D::Error::custom("a hash is no 32 hexadecimal digits"))
    }
}

/// What a lake's ids are hashed with. Lakes of one person cannot be matched by their hashes; who has the lake has its
/// salt too, and can try ids of which there are few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salt {
    version: u32,
    salt: String,
}

impl Salt {
    /// The lake's; `None` where nobody was erased from it so far.
    pub async fn of(store: &dyn Store) -> Result<Option<Self>, ErasedError> {
        let key = Key::new(SALT)?;
        let body = match store.get(&key).await {
            Ok(body) => body,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let salt: Self = read(&key, &body)?;
        Ok(Some(salt))
    }

    /// The lake's, made where there is none. Of those who make it at once one does, and all have that one's.
    pub async fn made(store: &dyn Store) -> Result<Self, ErasedError> {
        if let Some(salt) = Self::of(store).await? {
            return Ok(salt);
        }
        let key = Key::new(SALT)?;
        let made = Self { version: VERSION, salt: random::name() };
        store.put_new(&key, written(&key, &made)?.into()).await?;
        Self::of(store).await?.ok_or(ErasedError::NoSalt)
    }

    /// Of the id's own bytes, nothing trimmed.
    pub fn hash(&self, id: &str) -> IdHash {
        let digest = Sha256::new_with_prefix(&self.salt).chain_update(id).finalize();
        IdHash(digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

#[derive(Serialize, Deserialize)]
struct Erasure {
    version: u32,
    erased_at: DateTime<Utc>,
    ids: Vec<IdHash>,
}

/// Keeps that the persons of `ids` were erased by an erasure that began at `erased_at`. Answers the object's key.
///
/// For erasures that have ended: who is in the list is nowhere in the lake.
pub async fn record(
    store: &dyn Store,
    erased_at: DateTime<Utc>,
    ids: impl IntoIterator<Item = IdHash>,
) -> Result<Key, ErasedError> {
    let ids: BTreeSet<IdHash> = ids.into_iter().collect();
    let instant = erased_at.to_rfc3339_opts(SecondsFormat::Micros, true).replace([':', '-'], "");
    let key = Key::new(format!("{FOLDER}{instant}-{}.json", random::name()))?;
    let erasure = Erasure { version: VERSION, erased_at, ids: ids.into_iter().collect() };
    // Nobody else has the name: one that is there already is this one, whose answer was lost.
    store.put_new(&key, written(&key, &erasure)?.into()).await?;
    Ok(key)
}

/// Who was erased from a lake, and when.
#[derive(Debug, Clone, Default)]
pub struct Erased {
    /// There is one where anybody was erased.
    salt: Option<Salt>,
    known: BTreeSet<Key>,
    when: HashMap<IdHash, DateTime<Utc>>,
}

impl Erased {
    /// Reads the whole list; where nobody was erased, it is empty.
    pub async fn read(store: &dyn Store) -> Result<Self, ErasedError> {
        let mut erased = Self::default();
        erased.update(store).await?;
        Ok(erased)
    }

    /// Takes in what was erased since; answers whether anything was. Objects of others in the folder are passed over.
    pub async fn update(&mut self, store: &dyn Store) -> Result<bool, ErasedError> {
        let mut new: Vec<Key> = store.list(FOLDER).await?.into_iter().map(|object| object.key).collect();
        new.retain(|key| is_record(key) && !self.known.contains(key));
        if new.is_empty() {
            return Ok(false);
        }
        if self.salt.is_none() {
            self.salt = Some(Salt::of(store).await?.ok_or(ErasedError::NoSalt)?);
        }
        let mut bodies = futures::stream::iter(new.into_iter().map(|key| async {
            let body = store.get(&key).await;
            (key, body)
        }))
        .buffer_unordered(AT_ONCE);
        while let Some((key, body)) = bodies.next().await {
            let erasure: Erasure = read(&key, &body?)?;
            for id in erasure.ids {
                let when = self.when.entry(id).or_insert(erasure.erased_at);
                *when = erasure.erased_at.max(*when);
            }
            self.known.insert(key);
        }
        Ok(true)
    }

    /// The hashes of all of them.
    pub(super) fn hashes(&self) -> impl Iterator<Item = IdHash> {
        self.when.keys().copied()
    }

    /// What they are hashed with, where anybody was erased.
    pub(super) fn salt(&self) -> Option<&Salt> {
        self.salt.as_ref()
    }

    /// When the person was erased last; `None`: never.
    pub fn when(&self, id: &str) -> Option<DateTime<Utc>> {
        self.when.get(&self.salt.as_ref()?.hash(id)).copied()
    }

    /// How many persons.
    pub fn len(&self) -> usize {
        self.when.len()
    }

    /// Whether nobody was ever erased.
    pub fn is_empty(&self) -> bool {
        self.when.is_empty()
    }
}

/// Whether an object of the list may have that key: what is none is somebody else's.
fn is_record(key: &Key) -> bool {
    let name = key.as_str().strip_prefix(FOLDER).and_then(|name| name.strip_suffix(".json"));
    let chance = name.and_then(|name| name.rsplit_once('-')).map(|(_, chance)| chance);
    chance.is_some_and(|chance| chance.len() == 32 && chance.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Any object of the list: its version is looked at before the rest, which another version may say otherwise.
fn read<T: for<'de> Deserialize<'de>>(key: &Key, body: &[u8]) -> Result<T, ErasedError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let unreadable = |source| ErasedError::Unreadable { object: key.clone(), source };
    let Versioned { version } = serde_json::from_slice(body).map_err(unreadable)?;
    if version != VERSION {
        return Err(ErasedError::Version { object: key.clone(), version });
    }
    serde_json::from_slice(body).map_err(unreadable)
}

fn written(key: &Key, value: &impl Serialize) -> Result<Vec<u8>, ErasedError> {
    serde_json::to_vec(value).map_err(|source| ErasedError::Unreadable { object: key.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder_store::FolderStore;
    use crate::memory_store::MemoryStore;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    async fn erase(store: &dyn Store, second: i64, ids: &[&str]) -> Key {
        let salt = Salt::made(store).await.unwrap();
        record(store, at(second), ids.iter().map(|id| salt.hash(id))).await.unwrap()
    }

    #[tokio::test]
    async fn who_was_erased_is_known_with_the_date_and_without_an_id() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path());
        assert!(Erased::read(&store).await.unwrap().is_empty());
        assert_eq!(Salt::of(&store).await.unwrap(), None, "reading makes none");
        let key = erase(&store, 10, &["leaver-1", "leaver-2"]).await;
        assert!(key.as_str().starts_with("_erasures/erased/19700101T000010.000000Z-"), "{key}");
        erase(&store, 30, &["leaver-2"]).await;
        erase(&store, 20, &["leaver-2"]).await;
        let erased = Erased::read(&store).await.unwrap();
        assert_eq!(erased.len(), 2);
        assert_eq!((erased.when("leaver-1"), erased.when("leaver-2")), (Some(at(10)), Some(at(30))));
        assert_eq!((erased.when("leaver-"), erased.when("LEAVER-1")), (None, None));
        for object in store.list("").await.unwrap() {
            let body = store.get(&object.key).await.unwrap();
            assert!(!body.windows(6).any(|bytes| bytes == b"leaver"), "{} tells an id", object.key);
        }
    }

    /// The figures are those of `printf %s%s SALT ID | sha256sum | cut -c1-32`.
    #[test]
    fn a_hash_is_what_the_documents_say() {
        let salt = Salt { version: 1, salt: "000102030405060708090a0b0c0d0e0f".to_owned() };
        let hash = |id| format!("{:?}", salt.hash(id));
        assert_eq!(hash("7a0eed16-9430-4d68-901f-c0d4c1c3bf00"), "2fd13271fa9f358c7abf16e1d0348a4e");
        assert_eq!(hash("42"), "c5d45f2db6c05621500f4b2cc658307f");
    }

    #[tokio::test]
    async fn those_who_make_the_salt_at_once_have_one() {
        let store = MemoryStore::new();
        let (left, right) = tokio::join!(Salt::made(&store), Salt::made(&store));
        let (left, right) = (left.unwrap(), right.unwrap());
        assert_eq!(left, right);
        assert_eq!(Salt::of(&store).await.unwrap(), Some(left));
        assert_ne!(Salt::made(&MemoryStore::new()).await.unwrap(), right, "each lake has its own");
    }

    #[tokio::test]
    async fn an_update_reads_what_is_new_alone() {
        let store = MemoryStore::new();
        let first = erase(&store, 1, &["a"]).await;
        let mut erased = Erased::read(&store).await.unwrap();
        erase(&store, 2, &["b"]).await;
        // Were it read again, it would not be JSON.
        store.put(&first, "spoilt".into()).await.unwrap();
        for foreign in ["README.md", "notes.json", "of-2026/x.json"] {
            let key = Key::new(format!("_erasures/erased/{foreign}")).unwrap();
            store.put(&key, "foreign".into()).await.unwrap();
        }
        erased.update(&store).await.unwrap();
        assert_eq!((erased.when("a"), erased.when("b")), (Some(at(1)), Some(at(2))));
        let error = Erased::read(&store).await.unwrap_err();
        assert!(matches!(&error, ErasedError::Unreadable { object, .. } if *object == first), "{error}");
    }

    #[tokio::test]
    async fn what_cannot_be_told_is_an_error_and_no_empty_list() {
        let store = MemoryStore::new();
        let key = erase(&store, 1, &["a"]).await;
        store.put(&key, r#"{"version":2,"filter":"…"}"#.into()).await.unwrap();
        assert!(matches!(Erased::read(&store).await, Err(ErasedError::Version { version: 2, .. })));
        store.delete(&Key::new(SALT).unwrap()).await.unwrap();
        assert!(matches!(Erased::read(&store).await, Err(ErasedError::NoSalt)));
        let hash: Result<IdHash, _> = serde_json::from_str(r#""+123456789abcdef0123456789abcdef0""#);
        assert!(hash.is_err());
    }
}
