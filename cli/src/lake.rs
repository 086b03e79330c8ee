//! `--lake`: a folder, or a bucket's prefix on S3.

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use millrace_lake::Store;
use millrace_lake::lake_file::{self, Entered, LAKE_FILE, LakeError};
use millrace_sql::{Limits, Session};
use tokio::runtime::{Handle, Runtime};

use crate::output;

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

/// After how long a store that does not answer is told of.
const SLOW: Duration = Duration::from_secs(5);

impl LakeAddress {
    /// The folder, where it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        (!self.0.contains("://")).then_some(Path::new(&self.0))
    }

    /// The lake, for commands that write to what is there: one from before lakes said what they are is taken over, with a word.
    pub(crate) async fn enter(&self, missing: Missing) -> anyhow::Result<Arc<dyn Store>> {
        let store = self.open().await?;
        let entered = match missing {
            Missing::Create => self.awaited(lake_file::enter_or_create(store.as_ref())).await,
            _ => self.awaited(lake_file::enter(store.as_ref())).await,
        };
        if missing.entered(entered)? == Entered::Older {
            output::remark(format!(
                "{self} was made before lakes said what they are: it has a {LAKE_FILE} now"
            ));
        }
        Ok(store)
    }

    /// The lake, for commands that only read what is there.
    pub(crate) async fn look(&self, missing: Missing) -> anyhow::Result<Arc<dyn Store>> {
        if missing == Missing::Create {
            return self.enter(missing).await;
        }
        let store = self.open().await?;
        missing.entered(self.awaited(lake_file::look(store.as_ref())).await)?;
        Ok(store)
    }

    /// Whatever `work` answers; where it takes long, with a word of what is waited for.
    async fn awaited<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        match tokio::time::timeout(SLOW, &mut work).await {
            Ok(answer) => answer,
            Err(_) => {
                output::remark(format!(
                    "waiting for {self}, which has not answered yet; it is tried for two minutes"
                ));
                work.await
            }
        }
    }

    /// The store alone, whether it holds a lake or not.
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

    /// Answers queries within the usual limits. Called within a runtime or without one.
    pub(crate) fn session(&self, missing: Missing) -> anyhow::Result<Session> {
        self.session_within(missing, &Limits::default())
    }

    /// Answers queries within `limits`.
    pub(crate) fn session_within(&self, missing: Missing, limits: &Limits) -> anyhow::Result<Session> {
        let store = match Handle::try_current() {
            Ok(handle) => tokio::task::block_in_place(|| handle.block_on(self.look(missing)))?,
            Err(_) => background()?.block_on(self.look(missing))?,
        };
        Ok(Session::over(store, limits)?)
    }

    /// [`look`](Self::look), for commands that are not asynchronous themselves, and what runs its work.
    pub(crate) fn look_blocking(&self) -> anyhow::Result<(Arc<dyn Store>, Handle)> {
        let handle = background()?;
        Ok((handle.block_on(self.look(Missing::Refuse))?, handle))
    }

    /// The store, for commands that are not asynchronous themselves, and what runs its work.
    pub(crate) fn open_blocking(&self) -> anyhow::Result<(Arc<dyn Store>, Handle)> {
        let handle = background()?;
        Ok((handle.block_on(self.open())?, handle))
    }
}

/// What a command does where there is no lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It fails.
    Refuse,
    /// It fails and names the option by which it would not.
    OfferCreate,
    /// It makes one.
    Create,
}

impl Missing {
    /// Of a command with `--create`.
    pub(crate) fn unless(create: bool) -> Self {
        if create { Self::Create } else { Self::OfferCreate }
    }

    fn entered(self, entered: Result<Entered, LakeError>) -> anyhow::Result<Entered> {
        match entered {
            Err(error @ LakeError::NoLake { .. }) if self == Self::OfferCreate => {
                bail!("{error}; --create makes an empty one there")
            }
            entered => Ok(entered?),
        }
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
