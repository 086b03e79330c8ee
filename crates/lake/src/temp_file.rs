//! Files while they are written: a hidden, locked, temporary name in the folder of the final one.
//!
//! The lock tells the living from the dead: a temporary file that can be locked has no writer any more.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use crate::{file_lock, fsync};

/// Begins the name of every temporary object. Hidden from listings by its dot; removed by a sweep once its writer
/// is dead, so a name that begins so is nobody else's.
pub(crate) const PREFIX: &str = ".millrace-tmp-";

/// How often a writer tries again when a sweep took its new file between its creation and its lock.
const ATTEMPTS: usize = 16;

/// A new file in `folder` whose name begins with `prefix`, locked until it closes. It is its owner's alone to read: a lake is about
/// persons.
pub(crate) fn create(folder: &Path, prefix: &str) -> Result<(File, PathBuf)> {
    for _ in 0..ATTEMPTS {
        let (file, path) = new_file(folder, prefix)?;
        if file_lock::try_lock(&file, &path)? {
            return Ok((file, path));
        }
    }
    Err(Error::new(ErrorKind::ResourceBusy, "every new temporary file was swept before it could be locked"))
}

fn new_file(folder: &Path, prefix: &str) -> Result<(File, PathBuf)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).rand_bytes(12);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        builder.permissions(std::fs::Permissions::from_mode(0o600));
    }
    builder.tempfile_in(folder)?.keep().map_err(|kept| kept.error)
}

/// A temporary file that goes away unless it is published.
#[derive(Debug)]
pub(crate) struct TempFile {
    file: File,
    path: PathBuf,
    published: bool,
}

impl TempFile {
    /// A new temporary file in `folder`, which is created if it is not there.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        fsync::create_folders(folder)?;
        let (file, path) = create(folder, PREFIX)?;
        Ok(Self { file, path, published: false })
    }

    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes the bytes durable and gives them the name `path`, in the same folder, in one step.
    pub(crate) fn publish(mut self, path: &Path) -> Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, path)?;
        self.published = true;
        fsync::sync_parent(path)
    }

    /// The same where nothing has that name, which the caller makes durable; `false`: something has, and stays as it is.
    pub(crate) fn publish_new(self, path: &Path) -> Result<bool> {
        self.file.sync_all()?;
        match std::fs::hard_link(&self.path, path) {
            Ok(()) => {
                // The temporary name goes with the drop; the object has its own.
                drop(self);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            // A file system without links: of two at once the later stays, and both hold the same.
            Err(_) if path.exists() => Ok(false),
            Err(_) => self.publish(path).map(|()| true),
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove a temporary file, a later run sweeps it");
        }
    }
}

/// Opens and locks a leftover whose writer is dead. `None`: its writer lives, or it is gone.
pub(crate) fn lock_if_dead(path: &Path) -> Result<Option<File>> {
    match File::options().read(true).write(true).open(path) {
        Ok(file) => Ok(file_lock::try_lock(&file, path)?.then_some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a leftover whose writer is dead; `false`: its writer lives, or it is gone.
pub(crate) fn remove_if_dead(path: &Path) -> Result<bool> {
    // The lock is held until the name is gone: without it a writer that has just created the file could lock it
    // and then lose it.
    let Some(_locked) = lock_if_dead(path)? else { return Ok(false) };
    std::fs::remove_file(path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_spared_and_the_dead_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let (file, path) = create(folder.path(), PREFIX).unwrap();
        assert!(lock_if_dead(&path).unwrap().is_none());
        drop(file);
        assert!(lock_if_dead(&path).unwrap().is_some());
    }

    #[test]
    fn writers_and_sweepers_at_once_never_lose_a_file() {
        use std::sync::atomic::{AtomicBool, Ordering};

        let folder = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    for entry in std::fs::read_dir(folder.path()).unwrap() {
                        let path = entry.unwrap().path();
                        let name = path.file_name().unwrap().to_str().unwrap();
                        if name.starts_with(PREFIX) {
                            remove_if_dead(&path).unwrap();
                        }
                    }
                }
            });
            for index in 0..500 {
                let mut temp = TempFile::create(folder.path()).unwrap();
                std::io::Write::write_all(temp.file(), b"whole").unwrap();
                temp.publish(&folder.path().join(format!("object-{index}"))).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        let objects = std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("object-"))
            .count();
        assert_eq!(objects, 500);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let (file, _) = create(folder.path(), PREFIX).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
