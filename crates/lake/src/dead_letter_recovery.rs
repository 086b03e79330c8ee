//! Putting dead letters in place: those of a run that ends, and those that a killed run left behind.
//!
//! Exactly once: letters are neither lost nor doubled wherever a run is killed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::file_lock::{self, NamedLock};
use crate::layout;
use crate::object_key::Key;
use crate::root_names::DEAD_LETTERS;
use crate::temp_file::{self, TempFile};
use crate::topic_generation::TopicGeneration;

/// Begins the hidden name of letters that are being written: `.millrace-dead-letters-<generation>-<chance>`. Unlike
/// [`temp_file::PREFIX`] it marks what a sweep must keep.
const PREFIX: &str = ".millrace-dead-letters-";

/// Follows in it once the letters are being put behind others, with the place where they begin. A run killed after that
/// step and before it removed the hidden name would otherwise have its letters put in place twice.
const MARK: &str = "-at-";

/// Bytes read at a time where files are compared or searched.
const CHUNK: usize = 64 * 1024;

/// Puts in place what dead runs left in the lake at `root`; answers how many files that were.
pub(crate) fn salvage(root: &Path) -> Result<usize> {
    let mut salvaged = 0;
    for topic in folder_names(&root.join(DEAD_LETTERS))? {
        let folder = root.join(DEAD_LETTERS).join(&topic);
        let names = folder_names(&folder)?;
        let generations: BTreeSet<TopicGeneration> =
            names.iter().filter_map(|name| generation_of(name)).collect();
        for generation in generations {
            let Ok(key) = layout::dead_letters_key(&topic, &generation) else { continue };
            let place = Place { root: root.to_owned(), key, generation };
            let _lock = place.lock()?;
            salvaged += place.settle_dead()?;
        }
    }
    Ok(salvaged)
}

/// The names in a folder; none where there is no folder.
pub(crate) fn folder_names(folder: &Path) -> Result<Vec<String>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| Ok(entry?.file_name()))
            .filter_map(|name| name.map(|name| name.into_string().ok()).transpose())
            .collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Begins the hidden names of one generation's letters.
pub(crate) fn hidden_prefix(generation: &TopicGeneration) -> String {
    format!("{PREFIX}{generation}-")
}

/// Whether `name` is that of letters which are being written, or were when their run was killed.
pub(crate) fn is_hidden_name(name: &str) -> bool {
    name.starts_with(PREFIX)
}

fn generation_of(name: &str) -> Option<TopicGeneration> {
    let (generation, _chance) = name.strip_prefix(PREFIX)?.split_once('-')?;
    TopicGeneration::new(generation).ok()
}

/// Where the letters of one generation belong.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) key: Key,
    pub(crate) generation: TopicGeneration,
}

impl Place {
    pub(crate) fn path(&self) -> PathBuf {
        self.root.join(self.key.as_str())
    }

    pub(crate) fn folder(&self) -> PathBuf {
        let mut folder = self.path();
        folder.pop();
        folder
    }

    /// Whoever puts letters in place holds this: two that read, add and rename at once would lose one's letters.
    pub(crate) fn lock(&self) -> Result<NamedLock> {
        NamedLock::take(&file_lock::lock_path(&self.root, self.key.as_str())?)
    }

    /// Puts in place what dead runs left of this life, under the lock.
    pub(crate) fn settle_dead(&self) -> Result<usize> {
        let mut settled = 0;
        for name in folder_names(&self.folder())? {
            if generation_of(&name).as_ref() != Some(&self.generation) {
                continue;
            }
            let path = self.folder().join(name);
            if let Some(mut file) = temp_file::lock_if_dead(&path)? {
                cut_torn_line(&mut file)?;
                self.settle(&path, &mut file)?;
                tracing::info!(key = %self.key, "kept the dead letters of a run that was killed");
                settled += 1;
            }
        }
        Ok(settled)
    }

    /// Puts the letters in `file`, whose hidden name is `hidden`, behind those in place, under the lock.
    pub(crate) fn settle(&self, hidden: &Path, file: &mut File) -> Result<()> {
        file.sync_all()?;
        let mut hidden = hidden.to_owned();
        if file.metadata()?.len() > 0 && !self.holds(&hidden, file)? {
            let mut old = match File::open(self.path()) {
                Ok(old) => old,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    std::fs::rename(&hidden, self.path())?;
                    return crate::fsync::sync_parent(&hidden);
                }
                Err(error) => return Err(error),
            };
            let gap: &[u8] = if ends_in_line_feed(&mut old)? { b"" } else { b"\n" };
            let marked = marked(&hidden, old.metadata()?.len() + gap.len() as u64);
            std::fs::rename(&hidden, &marked)?;
            crate::fsync::sync_parent(&marked)?;
            hidden = marked;

            let mut whole = TempFile::create(&self.folder())?;
            old.rewind()?;
            std::io::copy(&mut old, whole.file())?;
            whole.file().write_all(gap)?;
            file.rewind()?;
            std::io::copy(file, whole.file())?;
            whole.publish(&self.path())?;
        }
        std::fs::remove_file(&hidden)?;
        crate::fsync::sync_parent(&hidden)
    }

    /// Whether the letters in `file` are in place already, its run killed before it could remove their hidden name: it
    /// is marked with where they were to begin, and there they are.
    fn holds(&self, hidden: &Path, mut file: &File) -> Result<bool> {
        let Some(start) = mark_of(hidden) else { return Ok(false) };
        let mut old = match File::open(self.path()) {
            Ok(old) => old,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        if old.metadata()?.len() < start.saturating_add(length) {
            return Ok(false);
        }
        old.seek(SeekFrom::Start(start))?;
        file.rewind()?;
        let (mut left, mut right) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut remaining = length;
        while remaining > 0 {
            let chunk = usize::try_from(remaining).unwrap_or(CHUNK).min(CHUNK);
            old.read_exact(&mut left[..chunk])?;
            file.read_exact(&mut right[..chunk])?;
            if left[..chunk] != right[..chunk] {
                return Ok(false);
            }
            remaining -= chunk as u64;
        }
        Ok(true)
    }
}

/// The hidden name with the mark where its letters are to begin in the file they go to.
pub(crate) fn marked(hidden: &Path, start: u64) -> PathBuf {
    let name = hidden.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.rsplit_once(MARK).map_or(&*name, |(plain, _)| plain);
    hidden.with_file_name(format!("{plain}{MARK}{start}"))
}

fn mark_of(hidden: &Path) -> Option<u64> {
    hidden.file_name()?.to_str()?.rsplit_once(MARK)?.1.parse().ok()
}

/// Cuts what follows the last line feed: a line that was never acknowledged.
fn cut_torn_line(file: &mut File) -> Result<()> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut buffer = vec![0; CHUNK];
    while end > 0 {
        let chunk = usize::try_from(end).unwrap_or(CHUNK).min(CHUNK);
        let start = end - chunk as u64;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut buffer[..chunk])?;
        if let Some(at) = buffer[..chunk].iter().rposition(|byte| *byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length { file.set_len(end) } else { Ok(()) }
}

fn ends_in_line_feed(file: &mut File) -> Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_longer_than_a_chunk_is_cut_whole() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"kept\n").unwrap();
        file.write_all(&vec![b'x'; 3 * CHUNK]).unwrap();
        cut_torn_line(&mut file).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 5);
    }
}
