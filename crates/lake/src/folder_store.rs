//! The store in a folder of the local file system.

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Read, Result, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::dead_letter_recovery;
use crate::disk_error;
use crate::file_lock::{self, NamedLock};
use crate::folder_copy;
use crate::layout;
use crate::object_key::Key;
use crate::store::{
    Capabilities, Copied, LockGuard, ObjectMeta, ObjectReader, ObjectWriter, PutNew, Store, StoreError,
};
use crate::store_probe;
use crate::temp_file::{self, TempFile};

/// Bytes a writer gathers before it goes to the disk: small pieces would pay a thread hop each; larger ones hold
/// memory for every open object.
const PIECE: usize = 256 * 1024;

/// How long a waiter sleeps between two looks at a lock.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Objects as files under one folder, which is created by the first write.
///
/// A file is written under a hidden temporary name beside its final one, synced, renamed, and its folder synced.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: Arc<Path>,
}

impl FolderStore {
    /// Of the folder `root`, which need not be there: nothing is touched yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into().into() }
    }

    /// The folder, as given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Runs blocking work on files off the async threads.
    async fn off_thread<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &str,
        work: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, StoreError> {
        let root = Arc::clone(&self.root);
        tokio::task::spawn_blocking(move || work(&root))
            .await
            .unwrap_or_else(|gone| Err(Error::other(gone)))
            .map_err(|error| disk_error::classify(&self.address(), action, key, error))
    }
}

#[async_trait]
impl Store for FolderStore {
    async fn put(&self, key: &Key, body: Bytes) -> std::result::Result<(), StoreError> {
        let path = self.path(key);
        self.off_thread("write", key.as_str(), move |_| {
            let mut temp = create_beside(&path)?;
            temp.file().write_all(&body)?;
            temp.publish(&path)
        })
        .await
    }

    async fn put_new(&self, key: &Key, body: Bytes) -> std::result::Result<PutNew, StoreError> {
        let path = self.path(key);
        let created = self.off_thread("write", key.as_str(), move |_| {
            let is_new = !path.exists() && {
                let mut temp = create_beside(&path)?;
                temp.file().write_all(&body)?;
                temp.publish_new(&path)?
            };
            // Also of another's object: who wrote it may have died before this.
            crate::fsync::sync_parent(&path)?;
            Ok(is_new)
        });
        Ok(if created.await? { PutNew::Created } else { PutNew::AlreadyThere })
    }

    async fn copy_new(&self, from: &Key, to: &Key) -> std::result::Result<Copied, StoreError> {
        let (source, target) = (self.path(from), self.path(to));
        let copied = self.off_thread("copy", from.as_str(), move |_| folder_copy::copy_new(&source, &target));
        copied.await?.ok_or_else(|| StoreError::NotFound { store: self.address(), key: from.clone() })
    }

    async fn writer(&self, key: &Key) -> std::result::Result<Box<dyn ObjectWriter>, StoreError> {
        let path = self.path(key);
        let temp = self.off_thread("write", key.as_str(), move |_| create_beside(&path)).await?;
        Ok(Box::new(FolderWriter {
            store: self.clone(),
            key: key.clone(),
            temp: Some(temp),
            pending: Vec::new(),
            pending_bytes: 0,
            written: 0,
        }))
    }

    async fn get(&self, key: &Key) -> std::result::Result<Bytes, StoreError> {
        let path = self.path(key);
        let found = self.off_thread("read", key.as_str(), move |root| read_if_there(root, &path)).await?;
        found.ok_or_else(|| StoreError::NotFound { store: self.address(), key: key.clone() })
    }

    async fn open(&self, key: &Key) -> std::result::Result<Box<dyn ObjectReader>, StoreError> {
        let path = self.path(key);
        let opened = self.off_thread("open", key.as_str(), move |root| open_if_there(root, &path)).await?;
        let absent = || StoreError::NotFound { store: self.address(), key: key.clone() };
        let (file, size) = opened.ok_or_else(absent)?;
        Ok(Box::new(OpenFile { store: self.clone(), key: key.clone(), file: Arc::new(file), size }))
    }

    async fn list(&self, prefix: &str) -> std::result::Result<Vec<ObjectMeta>, StoreError> {
        let wanted = prefix.to_owned();
        self.off_thread("list", prefix, move |root| list(root, &wanted)).await
    }

    async fn size(&self, key: &Key) -> std::result::Result<Option<u64>, StoreError> {
        let path = self.path(key);
        self.off_thread("look at", key.as_str(), move |_| match std::fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn delete(&self, key: &Key) -> std::result::Result<(), StoreError> {
        let path = self.path(key);
        self.off_thread("delete", key.as_str(), move |_| match std::fs::remove_file(&path) {
            Ok(()) => crate::fsync::sync_parent(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    async fn sweep(&self) -> std::result::Result<usize, StoreError> {
        self.off_thread("sweep", "leftovers", |root| {
            let mut removed = 0;
            visit(root, root, &mut |path, name| {
                if name.starts_with(temp_file::PREFIX) {
                    removed += usize::from(temp_file::remove_if_dead(path)?);
                }
                Ok(())
            })?;
            Ok(removed + dead_letter_recovery::salvage(root)?)
        })
        .await
    }

    async fn lock(&self, key: &Key) -> std::result::Result<Box<dyn LockGuard>, StoreError> {
        loop {
            let name = key.clone();
            // Looked at again and again rather than waited for in a thread: such a wait could not be called off, and
            // would keep the process from ending after Ctrl-C.
            let taken = self.off_thread("lock", key.as_str(), move |root| {
                NamedLock::try_take(&file_lock::lock_path(root, name.as_str())?)
            });
            if let Some(lock) = taken.await? {
                return Ok(Box::new(lock));
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    async fn probe(&self) -> std::result::Result<Capabilities, StoreError> {
        let key = store_probe::key();
        let found = store_probe::by_port(self, &key).await;
        if let Some(folder) = self.path(&key).parent() {
            // Empty where the object went; where it did not, that is what is told.
            let _ = std::fs::remove_dir(folder);
        }
        found
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.path(key))
    }

    fn address(&self) -> String {
        self.root.display().to_string()
    }
}

fn create_beside(path: &Path) -> Result<TempFile> {
    let folder = path.parent().ok_or_else(|| Error::from(ErrorKind::InvalidFilename))?;
    TempFile::create(folder)
}

fn read_if_there(root: &Path, path: &Path) -> Result<Option<Bytes>> {
    let Some((mut file, size)) = open_if_there(root, path)? else { return Ok(None) };
    let mut body = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.read_to_end(&mut body)?;
    Ok(Some(body.into()))
}

/// The file with its size.
fn open_if_there(root: &Path, path: &Path) -> Result<Option<(File, u64)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // A file where the key has a folder: no such object, unless the lake itself is that file.
        Err(error) if error.kind() == ErrorKind::NotADirectory && root.is_dir() => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    Ok((!metadata.is_dir()).then_some((file, metadata.len())))
}

/// What is open stays as it was: a file whose name goes to another, or to none, keeps its bytes for whoever has it open.
#[derive(Debug)]
struct OpenFile {
    store: FolderStore,
    key: Key,
    file: Arc<File>,
    size: u64,
}

#[async_trait]
impl ObjectReader for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, range: Range<u64>) -> std::result::Result<Bytes, StoreError> {
        let file = Arc::clone(&self.file);
        self.store
            .off_thread("read", self.key.as_str(), move |_| {
                let mut bytes = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut bytes, range.start)?;
                Ok(bytes.into())
            })
            .await
    }
}

fn list(root: &Path, prefix: &str) -> Result<Vec<ObjectMeta>> {
    // Whole parts of the prefix lead to a folder, which saves walking the rest of the lake.
    let folder = match prefix.rsplit_once('/') {
        None => root.to_owned(),
        Some((folder, _)) if Key::new(folder).is_ok() => root.join(folder),
        Some(_) => return Ok(Vec::new()),
    };
    let mut objects = Vec::new();
    visit(root, &folder, &mut |path, _| {
        // A hidden name is no key, so a temporary file is never seen.
        let Some(key) = key_of(root, path) else { return Ok(()) };
        if key.as_str().starts_with(prefix) {
            match std::fs::metadata(path) {
                Ok(metadata) => objects.push(ObjectMeta { key, size: metadata.len() }),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })?;
    objects.sort_unstable_by(|left, right| left.key.cmp(&right.key));
    Ok(objects)
}

/// Walks the files under `folder`, hidden ones included but not into hidden folders. What goes away meanwhile is not
/// there; a folder that was never there is empty.
fn visit(root: &Path, folder: &Path, each: &mut impl FnMut(&Path, &str) -> Result<()>) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory && root.is_dir() => return Ok(()),
        // Such as the lost+found of a disk that is all lake: what is not ours need not be readable.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && is_of_others(root, folder) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if leads_back(&path) {
            continue;
        }
        // A name that is no text is no object's.
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() && !name.starts_with('.') => visit(root, &path, each)?,
            Ok(metadata) if metadata.is_file() => each(&path, name)?,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a folder is none of the lake's layers and records.
fn is_of_others(root: &Path, folder: &Path) -> bool {
    let first =
        folder.strip_prefix(root).ok().and_then(|place| place.iter().next()).and_then(|part| part.to_str());
    first.is_none_or(|first| !layout::is_folder_of_lakes(first)) && folder != root
}

/// Whether a path is a link to a folder that it lies in: whoever followed it would walk for ever.
fn leads_back(path: &Path) -> bool {
    if !std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return false;
    }
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (path.canonicalize(), folder) {
        (Ok(target), Some(folder)) => folder.starts_with(target),
        // Its target is gone, or links lead to one another.
        (Err(_), _) => true,
        (Ok(_), None) => false,
    }
}

fn key_of(root: &Path, path: &Path) -> Option<Key> {
    let parts: Option<Vec<&str>> =
        path.strip_prefix(root).ok()?.components().map(|part| part.as_os_str().to_str()).collect();
    Key::new(parts?.join("/")).ok()
}

/// Writes one file. See [`Store::writer`].
#[derive(Debug)]
struct FolderWriter {
    store: FolderStore,
    key: Key,
    // None once a write failed: the temporary file is gone with it.
    temp: Option<TempFile>,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    written: u64,
}

impl FolderWriter {
    async fn flush(&mut self) -> std::result::Result<(), StoreError> {
        let mut temp = self.take()?;
        let pieces = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let written = self.store.off_thread("write", self.key.as_str(), move |_| {
            let mut file = BufWriter::with_capacity(PIECE, temp.file());
            for piece in &pieces {
                file.write_all(piece)?;
            }
            file.flush()?;
            drop(file);
            Ok(temp)
        });
        self.temp = Some(written.await?);
        Ok(())
    }

    fn take(&mut self) -> std::result::Result<TempFile, StoreError> {
        self.temp.take().ok_or_else(|| StoreError::Stop {
            store: self.store.address(),
            action: "write",
            key: self.key.to_string(),
            hint: "an earlier write of this object failed; begin it again with a new writer".to_owned(),
            source: Error::from(ErrorKind::BrokenPipe),
        })
    }
}

#[async_trait]
impl ObjectWriter for FolderWriter {
    async fn write(&mut self, bytes: Bytes) -> std::result::Result<(), StoreError> {
        self.written += bytes.len() as u64;
        self.pending_bytes += bytes.len();
        self.pending.push(bytes);
        if self.pending_bytes >= PIECE { self.flush().await } else { Ok(()) }
    }

    async fn finish(mut self: Box<Self>) -> std::result::Result<u64, StoreError> {
        self.flush().await?;
        let temp = self.take()?;
        let path = self.store.path(&self.key);
        self.store.off_thread("write", self.key.as_str(), move |_| temp.publish(&path)).await?;
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        conformance::suite(&FolderStore::new(folder.path().join("lake"))).await;
    }

    #[tokio::test]
    async fn leftovers_of_the_dead_go_and_hidden_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path());
        let living = store.writer(&key("raw/a")).await.unwrap();
        std::fs::write(folder.path().join("raw/.millrace-tmp-dead"), "half").unwrap();
        std::fs::write(folder.path().join("raw/.DS_Store"), "").unwrap();
        assert_eq!(store.sweep().await.unwrap(), 1);
        assert!(!folder.path().join("raw/.millrace-tmp-dead").exists());
        assert!(folder.path().join("raw/.DS_Store").exists());
        assert_eq!(living.finish().await.unwrap(), 0);
        assert_eq!(store.list("").await.unwrap().len(), 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_others_left_in_the_folder_ends_no_listing() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path().join("lake"));
        store.put(&key("raw/users/a"), Bytes::new()).await.unwrap();
        symlink("..", folder.path().join("lake/raw/users/up")).unwrap();
        symlink(".", folder.path().join("lake/here")).unwrap();
        symlink("nowhere", folder.path().join("lake/raw/dangling")).unwrap();
        symlink("to-itself", folder.path().join("lake/raw/to-itself")).unwrap();
        // A layer on another disk is the lake's.
        std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
        std::fs::write(folder.path().join("elsewhere/b"), "").unwrap();
        symlink("../elsewhere", folder.path().join("lake/curated")).unwrap();
        assert_eq!(store.sweep().await.unwrap(), 0);
        let keys: Vec<_> =
            store.list("").await.unwrap().into_iter().map(|object| object.key.to_string()).collect();
        assert_eq!(keys, ["curated/b", "raw/users/a"]);
    }

    #[tokio::test]
    async fn a_file_where_the_lake_should_be_stops_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lake");
        std::fs::write(&root, "").unwrap();
        let store = FolderStore::new(&root);
        for error in [
            store.put(&key("a"), Bytes::new()).await.unwrap_err(),
            store.get(&key("a")).await.unwrap_err(),
            store.list("").await.unwrap_err(),
            store.lock(&key("a")).await.unwrap_err(),
        ] {
            assert!(error.to_string().contains("is a file, not a folder"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_prefix_does_not_lead_out_of_the_lake() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "").unwrap();
        let store = FolderStore::new(folder.path().join("lake"));
        store.put(&key("a"), Bytes::new()).await.unwrap();
        assert!(store.list("../").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path());
        let held = store.lock(&key("jobs/a")).await.unwrap();
        let waiting = store.clone();
        let waiter = tokio::spawn(async move { waiting.lock(&key("jobs/a")).await.map(drop) });
        tokio::task::yield_now().await;
        waiter.abort();
        assert!(waiter.await.unwrap_err().is_cancelled());
        drop(held);
        store.lock(&key("jobs/a")).await.unwrap();
    }
}
