//! Dead letters about persons out of the lake.

use std::path::Path;

use millrace_events::failure::{Class, Classified};

use super::{Matches, Subjects, letter_subject};
use crate::dead_letter_line::{BadLine, DeadLetter};
use crate::dead_letter_recovery;
use crate::layout;
use crate::object_key::Key;
use crate::root_names::DEAD_LETTERS;
use crate::store::{Store, StoreError};

/// Why dead letters could not be looked through.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// A file of letters could not be listed, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file holds a line that is no letter. The file stays as it was.
    #[error("line {line} of {object} is no dead letter; whom it is about cannot be told")]
    Line {
        /// The file.
        object: Key,
        /// From 1.
        line: usize,
        /// Where in the line, and why.
        source: BadLine,
    },
    /// A file is not UTF-8.
    #[error("{object} is no text; whom its lines are about cannot be told, move it out of the lake")]
    NoText {
        /// The file.
        object: Key,
    },
    /// A run's hidden file could not be read.
    #[error("the dead letters that a run is writing could not be read in {folder}")]
    BeingWritten {
        /// The folder of all letters, on this machine.
        folder: String,
        /// What the disk said.
        source: std::io::Error,
    },
}

impl Classified for LettersError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            _ => Class::Stop,
        }
    }
}

/// The files of dead letters that are in place.
pub async fn files(store: &dyn Store) -> Result<Vec<Key>, StoreError> {
    let listed = store.list(&format!("{DEAD_LETTERS}/")).await?;
    Ok(listed.into_iter().map(|object| object.key).filter(layout::is_dead_letters).collect())
}

/// The letters of the file `key` that are about `subjects`.
pub async fn find(store: &dyn Store, key: &Key, subjects: &Subjects) -> Result<Matches, LettersError> {
    let body = match store.get(key).await {
        Ok(body) => body,
        Err(error) if error.is_not_found() => return Ok(Matches::default()),
        Err(error) => return Err(error.into()),
    };
    Ok(parted(key, &body, subjects)?.1)
}

/// Writes the file `key` anew without the letters about `subjects`, in one step; answers those that went. A file that
/// loses all goes.
///
/// Under the lock of those who put letters in place: none of theirs is lost.
pub async fn rewrite(store: &dyn Store, key: &Key, subjects: &Subjects) -> Result<Matches, LettersError> {
    let _lock = store.lock(key).await?;
    let body = match store.get(key).await {
        Ok(body) => body,
        Err(error) if error.is_not_found() => return Ok(Matches::default()),
        Err(error) => return Err(error.into()),
    };
    let (kept, removed) = parted(key, &body, subjects)?;
    match (kept.is_empty(), removed.rows) {
        (_, 0) => {}
        (true, _) => store.delete(key).await?,
        (false, _) => store.put(key, kept.into()).await?,
    }
    Ok(removed)
}

/// The letters about `subjects` that living runs have written and that are not in place yet: nobody can take these out
/// before their run has ended.
pub fn being_written(store: &dyn Store, subjects: &Subjects) -> Result<Matches, LettersError> {
    let folder = Key::new(DEAD_LETTERS).ok().and_then(|key| store.local_path(&key));
    let mut letters = Matches::default();
    let Some(folder) = folder else { return Ok(letters) };
    let failed = |source| LettersError::BeingWritten { folder: folder.display().to_string(), source };
    for topic in dead_letter_recovery::folder_names(&folder).map_err(failed)? {
        let topic = folder.join(topic);
        for name in dead_letter_recovery::folder_names(&topic).map_err(failed)? {
            if dead_letter_recovery::is_hidden_name(&name) {
                letters.add(find_in(&topic.join(name), subjects).map_err(failed)?);
            }
        }
    }
    Ok(letters)
}

/// The last line may be in the middle of being written, and is no letter then.
fn find_in(path: &Path, subjects: &Subjects) -> std::io::Result<Matches> {
    let body = match std::fs::read(path) {
        Ok(body) => body,
        // Put in place since it was listed.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Matches::default()),
        Err(error) => return Err(error),
    };
    let lines = body.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let mut matches = Matches::default();
    for letter in lines.filter_map(|line| DeadLetter::from_line(line).ok()) {
        see(&letter, subjects, &mut matches);
    }
    Ok(matches)
}

/// Looks at a letter; answers whether it is about one of `subjects`.
fn see(letter: &DeadLetter, subjects: &Subjects, matches: &mut Matches) -> bool {
    let ids = letter_subject::whom(letter, subjects);
    matches.rows += u64::from(!ids.is_empty());
    matches.ids.extend(ids.iter().map(|id| (*id).to_owned()));
    !ids.is_empty()
}

/// The lines that are not about `subjects`, byte for byte, and those that are.
fn parted(key: &Key, body: &[u8], subjects: &Subjects) -> Result<(Vec<u8>, Matches), LettersError> {
    let text = std::str::from_utf8(body).map_err(|_| LettersError::NoText { object: key.clone() })?;
    let mut kept = Vec::with_capacity(body.len());
    let mut removed = Matches::default();
    for (line, text) in text.split_inclusive('\n').enumerate() {
        if !text.trim().is_empty() {
            let letter = DeadLetter::from_line(text.trim_end_matches(['\n', '\r']));
            let letter = letter.map_err(|source| LettersError::Line {
                object: key.clone(),
                line: line + 1,
                source,
            })?;
            if see(&letter, subjects, &mut removed) {
                continue;
            }
        }
        kept.extend_from_slice(text.as_bytes());
    }
    Ok((kept, removed))
}

#[cfg(test)]
mod tests {
    use millrace_events::position::Offset;

    use super::*;
    use crate::dead_letter_file::DeadLetterFile;
    use crate::folder_store::FolderStore;
    use crate::topic_generation::TopicGeneration;

    const PLACE: &str = "_dead_letters/users_created/0001.jsonl";

    fn letter(offset: i64, id: &str) -> DeadLetter {
        let value = Some(format!(r#"{{"login":{{"uuid":"{id}"}}}}"#).into_bytes());
        DeadLetter { offset: Offset(offset), value, ..DeadLetter::default() }
    }

    async fn write(lake: &Path, letters: &[DeadLetter]) -> DeadLetterFile {
        let generation = TopicGeneration::new("0001").unwrap();
        let mut file = DeadLetterFile::create(lake, "users_created", &generation).await.unwrap();
        file.append(letters).await.unwrap();
        file
    }

    fn offsets(lake: &Path) -> Vec<i64> {
        let text = std::fs::read_to_string(lake.join(PLACE)).unwrap_or_default();
        text.lines().map(|line| DeadLetter::from_line(line).unwrap().offset.get()).collect()
    }

    #[tokio::test]
    async fn the_letters_of_one_go_and_the_file_stays_private() {
        let lake = tempfile::tempdir().unwrap();
        let store = FolderStore::new(lake.path());
        let letters = [letter(0, "a"), letter(1, "b"), letter(2, "a"), letter(3, "c")];
        write(lake.path(), &letters).await.finish().await.unwrap();
        let key = Key::new(PLACE).unwrap();
        let subjects = Subjects::new(["a"]).unwrap();
        assert_eq!(files(&store).await.unwrap(), std::slice::from_ref(&key));
        let found = find(&store, &key, &subjects).await.unwrap();
        assert_eq!((found.rows, found.ids.iter().map(String::as_str).collect()), (2, vec!["a"]));
        assert_eq!(rewrite(&store, &key, &subjects).await.unwrap(), found);
        assert_eq!(rewrite(&store, &key, &subjects).await.unwrap(), Matches::default());
        assert_eq!(offsets(lake.path()), [1, 3]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let mode = std::fs::metadata(lake.path().join(PLACE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(rewrite(&store, &key, &Subjects::new(["b", "c"]).unwrap()).await.unwrap().rows, 2);
        assert!(store.list("").await.unwrap().is_empty(), "a file without letters goes");
    }

    #[tokio::test]
    async fn what_a_living_run_is_writing_is_told_and_kept() {
        let lake = tempfile::tempdir().unwrap();
        let store = FolderStore::new(lake.path());
        let living = write(lake.path(), &[letter(0, "a"), letter(1, "b")]).await;
        let subjects = Subjects::new(["a"]).unwrap();
        assert_eq!(being_written(&store, &subjects).unwrap().rows, 1);
        living.finish().await.unwrap();
        assert_eq!(being_written(&store, &subjects).unwrap().rows, 0);
        assert_eq!(offsets(lake.path()), [0, 1]);
    }

    #[tokio::test]
    async fn letters_that_come_while_others_go_are_kept() {
        let lake = tempfile::tempdir().unwrap();
        let store = FolderStore::new(lake.path());
        let (key, subjects) = (Key::new(PLACE).unwrap(), Subjects::new(["a"]).unwrap());
        let bring = async {
            for offset in 0..40 {
                let id = if offset % 2 == 0 { "a" } else { "b" };
                write(lake.path(), &[letter(offset, id)]).await.finish().await.unwrap();
            }
        };
        let take = async {
            for _ in 0..40 {
                rewrite(&store, &key, &subjects).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(bring, take);
        rewrite(&store, &key, &subjects).await.unwrap();
        assert_eq!(offsets(lake.path()), (0..40).filter(|offset| offset % 2 == 1).collect::<Vec<_>>());
    }
}
