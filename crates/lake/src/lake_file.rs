//! What makes a place a lake: `_lake.json`, which whoever made it wrote first.
//!
//! It says by which version of the format the lake is kept, so that an older program refuses a newer lake instead of reading it
//! wrongly, and what its store was found able to do ([`Store::probe`]), so that nobody has to find out again. What it says follows
//! from the program and the store alone: of those who make one lake at once each would write the same, and one does.
//!
//! Lakes that are older than the file are known by what they hold, and get it from the next who writes to them.

use millrace_events::failure::{Class, Classified};
use serde::{Deserialize, Serialize};

use crate::layout;
use crate::object_key::{BadKey, Key};
use crate::root_names::{CLAIMS, DEAD_LETTERS, RAW, REMOVAL_MARKS, RUNS, STATE};
use crate::store::{Capabilities, PutNew, Store, StoreError};

/// Where the file is, below the lake's root.
pub use crate::root_names::LAKE_FILE;

/// The version of the format that this program keeps: folders, names and types of what a lake holds.
pub const FORMAT_VERSION: u32 = 1;

/// What a lake says of itself. What a later program adds is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeFile {
    /// [`FORMAT_VERSION`] of the program that made the lake.
    pub format_version: u32,
    /// The program that made the lake, or took it over.
    pub created_by: String,
    /// What the store was found able to do when the file was written.
    pub store: Capabilities,
}

/// How a place was found to be a lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It says so itself.
    Known,
    /// It is older than the file; now it has one, or, to who only reads, is as it was.
    Older,
    /// It was none before.
    Created,
}

/// Why a place is not entered as a lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The place holds no lake, and is only to be read.
    #[error(
        "there is no lake at {store}: fill one with `millrace run --lake {store}`, or name another with --lake"
    )]
    NoLake {
        /// The store's address.
        store: String,
    },
    /// A newer program made the lake.
    #[error(
        "the lake {store} is of format {found}, and this program ({version}) knows those up to {FORMAT_VERSION}: take a newer one",
        version = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The store's address.
        store: String,
        /// The format version that the lake states.
        found: u64,
    },
    /// [`LAKE_FILE`] is there and cannot be read as one.
    #[error(
        "{LAKE_FILE} of {store} is none of ours or was damaged: move it away, and the next `millrace land` or `job` writes it anew"
    )]
    Damaged {
        /// The store's address.
        store: String,
        /// Where and why the JSON cannot be read.
        source: serde_json::Error,
    },
    /// The store lacks what a lake rests on.
    #[error(
        "{store} cannot hold a lake: {lacks}; choose a store that honours conditional writes and reads what it wrote, as S3 does"
    )]
    Unfit {
        /// The store's address.
        store: String,
        /// What it lacks, in words.
        lacks: &'static str,
    },
    /// The store failed; its class says whether another try helps.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file's name is refused as a key, which does not happen.
    #[error(transparent)]
    Key(#[from] BadKey),
}

impl Classified for LakeError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            _ => Class::Stop,
        }
    }
}

/// What the place says of itself; `None` where it says nothing.
///
/// # Errors
/// What is there is of a newer format, damaged or not to be read.
pub async fn read(store: &dyn Store) -> Result<Option<LakeFile>, LakeError> {
    let body = match store.get(&Key::new(LAKE_FILE)?).await {
        Ok(body) => body,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let damaged = |source| LakeError::Damaged { store: store.address(), source };
    // The version before the rest: a newer format may say the rest otherwise.
    let version = serde_json::from_slice::<Version>(&body).map_err(damaged)?.format_version;
    if version > u64::from(FORMAT_VERSION) {
        return Err(LakeError::Newer { store: store.address(), found: version });
    }
    let file: LakeFile = serde_json::from_slice(&body).map_err(damaged)?;
    match file.store.lacks() {
        None => Ok(Some(file)),
        Some(lacks) => Err(LakeError::Unfit { store: store.address(), lacks }),
    }
}

#[derive(Deserialize)]
struct Version {
    format_version: u64,
}

/// For those who read: the place has to be a lake, and stays as it is.
///
/// # Errors
/// It is none, or cannot be read.
pub async fn look(store: &dyn Store) -> Result<Entered, LakeError> {
    if read(store).await?.is_some() {
        return Ok(Entered::Known);
    }
    match holds_a_lake(store).await? {
        true => Ok(Entered::Older),
        false => Err(LakeError::NoLake { store: store.address() }),
    }
}

/// For those who write to what is a lake: one that is older than the file is taken over.
///
/// # Errors
/// It is none, or its store is not fit for one.
pub async fn enter(store: &dyn Store) -> Result<Entered, LakeError> {
    let entered = look(store).await?;
    if entered == Entered::Older {
        describe(store).await?;
    }
    Ok(entered)
}

/// For those whose work makes a lake where there is none.
///
/// # Errors
/// The store is not fit for a lake, or the lake is none that this program can write to.
pub async fn enter_or_create(store: &dyn Store) -> Result<Entered, LakeError> {
    match enter(store).await {
        Err(LakeError::NoLake { .. }) => match describe(store).await? {
            PutNew::Created => Ok(Entered::Created),
            // Another was faster.
            PutNew::AlreadyThere => Ok(Entered::Known),
        },
        entered => entered,
    }
}

/// Finds out what the store can do and writes the file, unless another has meanwhile.
async fn describe(store: &dyn Store) -> Result<PutNew, LakeError> {
    let found = store.probe().await?;
    if let Some(lacks) = found.lacks() {
        return Err(LakeError::Unfit { store: store.address(), lacks });
    }
    let file = LakeFile {
        format_version: FORMAT_VERSION,
        created_by: concat!("millrace ", env!("CARGO_PKG_VERSION")).to_owned(),
        store: found,
    };
    let mut body = serde_json::to_vec_pretty(&file)
        .map_err(|source| LakeError::Damaged { store: store.address(), source })?;
    body.push(b'\n');
    let put = store.put_new(&Key::new(LAKE_FILE)?, body.into()).await?;
    // The other may be of another version.
    read(store).await?;
    Ok(put)
}

/// Whether the place holds anything that only a lake of ours has. What is few is looked at first.
async fn holds_a_lake(store: &dyn Store) -> Result<bool, StoreError> {
    let layers = layout::Layer::OF_JOBS.map(|layer| format!("{layer}/"));
    let few = [RUNS, STATE, REMOVAL_MARKS, CLAIMS, DEAD_LETTERS].map(|folder| format!("{folder}/"));
    for prefix in few.into_iter().chain(layers).chain([format!("{RAW}/")]) {
        if store.list(&prefix).await?.iter().any(|object| is_of_a_lake(&object.key)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_of_a_lake(key: &Key) -> bool {
    layout::run_of_record(key).is_some()
        || layout::partition_day(key).is_some()
        || layout::raw_table_of(key).is_some()
        || layout::is_dead_letters(key)
        || layout::claim_number(key).is_some()
        || key.as_str() == "_state/raw-transformation/manifest.json"
}
