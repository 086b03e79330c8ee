//! Locks on files that may be removed or renamed by whoever holds the lock.
//!
//! A lock belongs to the open file, not to its name: between opening and locking, the name may have gone to another
//! file or to none. Whoever locks therefore looks again whether the name still leads to what was locked.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use crate::root_names::LEASES;
use crate::store::LockGuard;

/// Locks `file`, opened under `path`, if nobody holds it and `path` still leads to it. `false`: leave it alone.
pub(crate) fn try_lock(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => leads_to(path, file),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(unix)]
fn leads_to(path: &Path, file: &File) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let opened = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok(named.dev() == opened.dev() && named.ino() == opened.ino()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn leads_to(path: &Path, _file: &File) -> Result<bool> {
    // Elsewhere an open file keeps its name.
    path.try_exists()
}

/// A named lock: an empty file, locked by its holder and removed on release.
#[derive(Debug)]
pub(crate) struct NamedLock {
    path: PathBuf,
    // Held for its lock, which the system releases when the file closes, also when the process is killed.
    _file: File,
}

impl NamedLock {
    /// Takes the lock if it is free; its folder must exist.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        Ok(try_lock(&file, path)?.then(|| Self { path: path.to_owned(), _file: file }))
    }

    /// Takes the lock, blocking this thread until it is free.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        loop {
            let file = open(path)?;
            file.lock()?;
            if leads_to(path, &file)? {
                return Ok(Self { path: path.to_owned(), _file: file });
            }
        }
    }
}

/// Its owner's alone, as all files of a lake.
fn open(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Drop for NamedLock {
    fn drop(&mut self) {
        // Removed before it is unlocked: whoever waits on this file sees that its name is gone and opens it anew.
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "could not remove a lock file");
        }
    }
}

impl LockGuard for NamedLock {}

/// Where the lock `name` (a path of `/`-separated parts) of the lake at `root` lives.
pub(crate) fn lock_path(root: &Path, name: &str) -> Result<PathBuf> {
    let path = root.join(LEASES).join(format!("{name}.lock"));
    let folder = path.parent().ok_or_else(|| Error::from(ErrorKind::InvalidFilename))?;
    crate::fsync::create_folders(folder)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_name_went_to_another_is_not_locked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let first = File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = File::create(&path).unwrap();
        assert!(!try_lock(&first, &path).unwrap());
        assert!(try_lock(&second, &path).unwrap());
    }

    #[test]
    fn a_lock_leaves_no_file_and_excludes_within_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = lock_path(folder.path(), "jobs/a").unwrap();
        let held = NamedLock::take(&path).unwrap();
        assert!(NamedLock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(!path.exists());
        assert!(NamedLock::try_take(&path).unwrap().is_some());
    }

    #[test]
    fn threads_that_queue_for_a_lock_get_it_one_at_a_time() {
        use std::sync::atomic::{AtomicBool, Ordering};

        let folder = tempfile::tempdir().unwrap();
        let path = lock_path(folder.path(), "busy").unwrap();
        let inside = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _held = NamedLock::take(&path).unwrap();
                        assert!(!inside.swap(true, Ordering::SeqCst), "two hold the lock at once");
                        std::thread::yield_now();
                        inside.store(false, Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
