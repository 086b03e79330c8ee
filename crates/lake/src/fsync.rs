//! Names in a file system that outlive a crash of the machine.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// Creates `folder` and what is missing above it, each durably.
pub(crate) fn create_folders(folder: &Path) -> Result<()> {
    if folder.is_dir() || folder.as_os_str().is_empty() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folders(parent)?;
    }
    match std::fs::create_dir(folder) {
        Ok(()) => sync_parent(folder),
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Error::from(ErrorKind::NotADirectory)),
        Err(error) => Err(error),
    }
}

/// Makes the name `path`, or its absence, outlive a crash of the machine.
pub(crate) fn sync_parent(path: &Path) -> Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(parent)?.sync_all() {
        // Some file systems take no fsync of a folder; their names are durable by other means or not at all.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}
