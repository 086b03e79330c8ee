//! An object that is replaced under a statement where the store keeps no former ones, as S3: before the first row the statement begins
//! again, behind it it fails as a transaction that somebody else has crossed.

#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use millrace_lake::store::LockGuard;
use millrace_lake::{
    Capabilities, FolderStore, Key, ObjectMeta, ObjectReader, ObjectWriter, Store, StoreError,
};
use millrace_sql::{Limits, QueryError, Session};

/// A folder whose objects are gone at one read, which is counted over all objects.
#[derive(Debug)]
struct Vanishing {
    folder: FolderStore,
    reads: Arc<AtomicUsize>,
    gone_at: usize,
}

#[derive(Debug)]
struct Reader {
    key: Key,
    inner: Box<dyn ObjectReader>,
    reads: Arc<AtomicUsize>,
    gone_at: usize,
}

#[async_trait]
impl ObjectReader for Reader {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if self.reads.fetch_add(1, Ordering::SeqCst) + 1 == self.gone_at {
            return Err(StoreError::NotFound { store: "a bucket".to_owned(), key: self.key.clone() });
        }
        self.inner.read(range).await
    }
}

#[async_trait]
impl Store for Vanishing {
    async fn open(&self, key: &Key) -> Result<Box<dyn ObjectReader>, StoreError> {
        let inner = self.folder.open(key).await?;
        let reads = Arc::clone(&self.reads);
        Ok(Box::new(Reader { key: key.clone(), inner, reads, gone_at: self.gone_at }))
    }

    async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        self.folder.put(key, body).await
    }

    async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError> {
        self.folder.writer(key).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.folder.get(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        self.folder.list(prefix).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.folder.delete(key).await
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        self.folder.sweep().await
    }

    async fn lock(&self, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
        self.folder.lock(key).await
    }

    async fn probe(&self) -> Result<Capabilities, StoreError> {
        self.folder.probe().await
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.folder.local_path(key)
    }

    fn address(&self) -> String {
        self.folder.address()
    }
}

/// A day of users in row groups of 1,000, each of which is read by itself.
fn fill(root: &Path) {
    let path = root.join("curated/users_transformed/processing_date=2026-01-31/part-00000.parquet");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let ids = StringArray::from_iter_values((0..4_000).map(|n| format!("u{n:05}")));
    let batch = RecordBatch::try_from_iter([("id", Arc::new(ids) as ArrayRef)]).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1_000)).build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Rows that came, and the error behind them, where the read of this number fails.
fn ask(root: &Path, gone_at: usize) -> (usize, Option<QueryError>, usize) {
    let reads = Arc::new(AtomicUsize::new(0));
    let store = Vanishing { folder: FolderStore::new(root), reads: Arc::clone(&reads), gone_at };
    let session = Session::over(Arc::new(store), &Limits { threads: 1, ..Limits::default() }).unwrap();
    let mut rows = 0;
    let error = match session.query("SELECT id FROM users_transformed") {
        Err(error) => Some(error),
        Ok(answer) => answer.map(|batch| batch.map(|batch| rows += batch.len())).find_map(Result::err),
    };
    (rows, error, reads.load(Ordering::SeqCst))
}

#[test]
fn a_statement_begins_again_before_its_first_row_and_fails_behind_it() {
    let lake = tempfile::tempdir().unwrap();
    fill(lake.path());
    let (rows, error, reads) = ask(lake.path(), usize::MAX);
    assert!(error.is_none() && rows == 4_000 && reads >= 5, "{rows} rows by {reads} reads: {error:?}");
    let (mut again, mut failed) = (0, 0);
    for gone_at in 1..=reads {
        let (rows, error, _) = ask(lake.path(), gone_at);
        match error {
            None => {
                assert_eq!(rows, 4_000, "gone at read {gone_at}");
                again += 1;
            }
            Some(error) => {
                assert_eq!(error.state(), "40001", "gone at read {gone_at}: {error}");
                assert!((1..4_000).contains(&rows), "{rows} rows came before it");
                failed += 1;
            }
        }
    }
    assert!(again >= 2 && failed >= 2, "{again} began again, {failed} failed");
}
