//! `--lake`: a folder, or a bucket's prefix on S3.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, bail};
use millrace_jobs::query::Session;
use millrace_lake::Store;
use tokio::runtime::{Handle, Runtime};

/// The lake's address as a person gives it: a folder's path, or `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct LakeAddress(String);

impl FromStr for LakeAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("give a folder's path or s3://bucket/prefix".to_owned()),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for LakeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LakeAddress {
    /// The folder, where it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        (!self.0.contains("://")).then_some(Path::new(&self.0))
    }

    /// For commands that have nothing to do in a lake that is not there.
    pub(crate) fn check_exists(&self) -> anyhow::Result<()> {
        match self.folder() {
            Some(folder) if !folder.is_dir() => bail!("there is no lake at {self}: name one with --lake"),
            _ => Ok(()),
        }
    }

    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        let store = millrace_lake::open(&self.0)
            .await
            .with_context(|| format!("the lake {self} could not be opened"))?;
        OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&store));
        Ok(store)
    }

    /// Where jobs spill rows: beside the tables, or in the system's folder for such.
    pub(crate) fn scratch_dir(&self) -> PathBuf {
        match self.folder() {
            Some(folder) => folder.join(".scratch"),
            None => std::env::temp_dir().join("millrace-scratch"),
        }
    }

    /// Answers queries. Called within a runtime or without one.
    pub(crate) fn session(&self) -> anyhow::Result<Session> {
        if let Some(folder) = self.folder() {
            return Ok(Session::open(folder)?);
        }
        let (handle, store) = match Handle::try_current() {
            Ok(handle) => {
                let store = tokio::task::block_in_place(|| handle.block_on(self.open()))?;
                (handle, store)
            }
            Err(_) => {
                let handle = background()?;
                let store = handle.block_on(self.open())?;
                (handle, store)
            }
        };
        Ok(Session::over(store, handle)?)
    }

    /// The store, for commands that are not asynchronous themselves, and what runs its work.
    pub(crate) fn open_blocking(&self) -> anyhow::Result<(Arc<dyn Store>, Handle)> {
        let handle = background()?;
        Ok((handle.block_on(self.open())?, handle))
    }
}

/// Every store of this process.
static OPENED: Mutex<Vec<Arc<dyn Store>>> = Mutex::new(Vec::new());

/// Waits until the stores have done what goes on behind a command's back: a lock that is not given back holds others
/// up for as long as its lease.
pub(crate) async fn settle() {
    let opened = std::mem::take(&mut *OPENED.lock().unwrap_or_else(PoisonError::into_inner));
    for store in opened {
        store.settle().await;
    }
}

/// A runtime for commands that have none, as long as the process.
fn background() -> anyhow::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(RUNTIME.get_or_init(|| runtime).handle().clone())
}
