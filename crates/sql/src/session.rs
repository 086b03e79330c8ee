//! An engine for those who wait for each answer.

use std::path::Path;
use std::sync::Arc;

use millrace_lake::{FolderStore, Store};

use crate::answer::Answer;
use crate::cancel::Cancel;
use crate::engine::{Engine, Limits};
use crate::error::QueryError;
use crate::lake::{Lake, LakeTable};
use crate::snapshot::Access;

/// Answers queries over the tables of one lake, for one who may read all of them. Its methods block.
#[derive(Debug, Clone)]
pub struct Session(Engine);

impl Session {
    /// Of the lake in a folder.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn open(root: &Path) -> Result<Self, QueryError> {
        if !root.is_dir() {
            return Err(QueryError::NoLake { path: root.to_owned() });
        }
        Self::over(Arc::new(FolderStore::new(root)), &Limits::default())
    }

    /// Of the lake in `store`.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn over(store: Arc<dyn Store>, limits: &Limits) -> Result<Self, QueryError> {
        Engine::new(store, limits).map(Self)
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.0
    }

    /// The lake's tables as they are now.
    ///
    /// # Errors
    /// A part of the lake cannot be read.
    pub fn lake(&self) -> Result<Lake, QueryError> {
        let store = Arc::clone(self.0.store());
        self.wait(async move { Lake::list(&store).await })
    }

    /// The table of this name; none where neither the catalogue nor the lake has it.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn table(&self, name: &str) -> Result<Option<LakeTable>, QueryError> {
        let (store, name) = (Arc::clone(self.0.store()), name.to_owned());
        self.wait(async move { LakeTable::list(&store, &name).await })
    }

    /// Rows of a table as its files' footers tell them; raw rows that overlap count in each object.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn rows_in_files(&self, table: &LakeTable) -> Result<u64, QueryError> {
        let (store, table) = (Arc::clone(self.0.store()), table.clone());
        self.wait(async move { table.rows_in_files(&store).await })
    }

    /// Starts one query: see [`Engine::query`].
    ///
    /// # Errors
    /// As there.
    pub fn query(&self, sql: &str) -> Result<Answer, QueryError> {
        self.query_until(sql, &Cancel::default())
    }

    /// The same, of a statement that another thread may end.
    ///
    /// # Errors
    /// As of [`Engine::query`].
    pub fn query_until(&self, sql: &str, cancel: &Cancel) -> Result<Answer, QueryError> {
        self.0.query(sql, Access::All, cancel)
    }

    /// Also within a runtime that isn't the engine's.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.0.handle().spawn(async move { drop(sender.send(work.await)) });
        receiver.recv().unwrap_or_else(|gone| Err(QueryError::Write(std::io::Error::other(gone))))
    }
}
