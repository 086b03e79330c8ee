//! Copies in a folder: a second name of the same file. No file of a store's is ever written to again, so that neither name sees the other
//! replaced or removed.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

use crate::fsync;
use crate::store::Copied;
use crate::temp_file::TempFile;

const PIECE: usize = 1 << 20;

/// Gives the file at `source` the name `target`, durably, unless something has it. `None`: there is no file at `source`.
pub(crate) fn copy_new(source: &Path, target: &Path) -> Result<Option<Copied>> {
    let from = match File::open(source) {
        Ok(file) if file.metadata()?.is_file() => file,
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let folder = target.parent().ok_or_else(|| Error::from(ErrorKind::InvalidFilename))?;
    fsync::create_folders(folder)?;
    let created = match std::fs::hard_link(source, target) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        // Another disk, one without links, or a file that has as many names as the disk allows: by its bytes.
        Err(_) => {
            let mut temp = TempFile::create(folder)?;
            std::io::copy(&mut &from, temp.file())?;
            temp.publish_new(target)?
        }
    };
    let copied = if created {
        Copied::Created
    } else if is_same(&from, &File::open(target)?)? {
        Copied::AlreadyThere
    } else {
        return Ok(Some(Copied::Taken));
    };
    // Also of another's name: who gave it may have died before this.
    fsync::sync_parent(target)?;
    Ok(Some(copied))
}

fn is_same(left: &File, right: &File) -> Result<bool> {
    let (of_left, of_right) = (left.metadata()?, right.metadata()?);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        if (of_left.dev(), of_left.ino()) == (of_right.dev(), of_right.ino()) {
            return Ok(true);
        }
    }
    if of_left.len() != of_right.len() {
        return Ok(false);
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    loop {
        first.clear();
        second.clear();
        left.take(PIECE as u64).read_to_end(&mut first)?;
        right.take(PIECE as u64).read_to_end(&mut second)?;
        if first != second {
            return Ok(false);
        }
        if first.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_by_the_file_or_by_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let body = vec![7; 3 * PIECE / 2];
        std::fs::write(path("a"), &body).unwrap();
        assert_eq!(copy_new(&path("a"), &path("new/b")).unwrap(), Some(Copied::Created));
        assert_eq!(copy_new(&path("a"), &path("new/b")).unwrap(), Some(Copied::AlreadyThere));
        // Published anew with the same bytes: another file.
        std::fs::remove_file(path("a")).unwrap();
        std::fs::write(path("a"), &body).unwrap();
        assert_eq!(copy_new(&path("a"), &path("new/b")).unwrap(), Some(Copied::AlreadyThere));
        let mut other = body;
        other[3 * PIECE / 2 - 1] = 8;
        std::fs::write(path("a"), other).unwrap();
        assert_eq!(copy_new(&path("a"), &path("new/b")).unwrap(), Some(Copied::Taken));
        assert_eq!(copy_new(&path("gone"), &path("c")).unwrap(), None);
        assert_eq!(copy_new(folder.path(), &path("c")).unwrap(), None);
    }
}
