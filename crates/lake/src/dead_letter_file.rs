//! The dead letters of one generation of a topic, kept in the lake before an embedded broker dies with its process.
//!
//! They are lines of `_dead_letters/<topic>/<generation>.jsonl`, readable by their owner alone. While a run writes
//! them they live under a hidden, locked name beside it; `finish` gives them their place in one step. What a killed run
//! had acknowledged is put in place by the next [`crate::store::Store::sweep`].
//!
//! It works on a lake in a folder. Objects on S3 cannot be appended to: there each run has one of its own
//! ([`crate::dead_letter_store`]).

use millrace_events::failure::{Class, Classified};
use std::fs::File;
use std::io::{Error, ErrorKind, Result, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::dead_letter_line::DeadLetter;
use crate::dead_letter_recovery::{self, Place};
use crate::disk_error;
use crate::layout::{self, LayoutError};
use crate::store::StoreError;
use crate::temp_file;
use crate::topic_generation::TopicGeneration;

/// Takes dead letters as they come; each append is durable when it answers. See the module.
#[derive(Debug)]
pub struct DeadLetterFile {
    place: Place,
    // None once an append was cut off: what it acknowledged before waits for a sweep.
    open: Option<OpenFile>,
    letters: u64,
}

/// Why dead letters could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The disk refused; its class says whether another try helps.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The topic cannot name a file of letters.
    #[error(transparent)]
    Place(#[from] LayoutError),
}

impl Classified for DeadLetterError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Place(_) => millrace_events::failure::Class::Stop,
        }
    }
}

impl DeadLetterFile {
    /// Begins the letters of `topic`'s generation `generation` in the lake at `root`. They need not be the first: at `finish`
    /// they go behind those already there.
    pub async fn create(
        root: &Path,
        topic: &str,
        generation: &TopicGeneration,
    ) -> std::result::Result<Self, DeadLetterError> {
        let key = layout::dead_letters_key(topic, generation)?;
        let place = Place { root: root.to_owned(), key, generation: generation.clone() };
        let open = place.off_thread(OpenFile::create).await?;
        Ok(Self { place, open: Some(open), letters: 0 })
    }

    /// Appends `letters`, durably when it answers `Ok`; after an error none of them is kept, and the next append may
    /// try again.
    pub async fn append(&mut self, letters: &[DeadLetter]) -> std::result::Result<(), DeadLetterError> {
        let lines: String = letters.iter().map(DeadLetter::to_line).collect();
        let mut open = self.open.take().ok_or_else(|| self.place.cut_off())?;
        let (open, result) = self
            .place
            .off_thread(move |_| {
                let result = open.append(lines.as_bytes());
                Ok((open, result))
            })
            .await?;
        self.open = Some(open);
        result.map_err(|error| self.place.error(error))?;
        self.letters += letters.len() as u64;
        Ok(())
    }

    /// How many letters were appended.
    pub fn letters(&self) -> u64 {
        self.letters
    }

    /// Puts the letters in place, whole, behind those of the same generation already there, and answers how many they are.
    /// Without any letter it leaves no file.
    pub async fn finish(mut self) -> std::result::Result<u64, DeadLetterError> {
        let mut open = self.open.take().ok_or_else(|| self.place.cut_off())?;
        self.place
            .off_thread(move |place| {
                let _lock = place.lock()?;
                place.settle_dead()?;
                place.settle(&open.path, &mut open.file)
            })
            .await?;
        Ok(self.letters)
    }
}

impl Place {
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, StoreError> {
        let place = self.clone();
        tokio::task::spawn_blocking(move || work(&place))
            .await
            .unwrap_or_else(|gone| Err(Error::other(gone)))
            .map_err(|error| self.error(error))
    }

    fn error(&self, error: Error) -> StoreError {
        disk_error::classify(&self.root.display().to_string(), "write", self.key.as_str(), error)
    }

    fn cut_off(&self) -> StoreError {
        StoreError::Stop {
            store: self.root.display().to_string(),
            action: "write",
            key: self.key.to_string(),
            hint: "an earlier append was cut off; what it had acknowledged is put in place by the next run"
                .to_owned(),
            source: Error::from(ErrorKind::BrokenPipe),
        }
    }
}

/// The hidden, locked file of a run that is writing letters. It outlives its run: a sweep puts it in place.
#[derive(Debug)]
struct OpenFile {
    file: File,
    path: PathBuf,
    // The end of what was acknowledged.
    length: u64,
}

impl OpenFile {
    fn create(place: &Place) -> Result<Self> {
        crate::fsync::create_folders(&place.folder())?;
        let prefix = dead_letter_recovery::hidden_prefix(&place.generation);
        let (file, path) = temp_file::create(&place.folder(), &prefix)?;
        // Its name must outlive a crash of the machine, or what is appended would not.
        crate::fsync::sync_parent(&path)?;
        Ok(Self { file, path, length: 0 })
    }

    fn append(&mut self, lines: &[u8]) -> Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line in the middle would spoil the one behind it.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += lines.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use millrace_events::position::Offset;

    use super::*;
    use crate::dead_letter_recovery::{folder_names, marked};
    use crate::folder_store::FolderStore;
    use crate::store::Store;

    const PLACE: &str = "_dead_letters/users_created.dlq/0001.jsonl";

    fn letter(offset: i64) -> DeadLetter {
        DeadLetter { offset: Offset(offset), value: Some(b"bad".to_vec()), ..DeadLetter::default() }
    }

    async fn create(lake: &Path) -> DeadLetterFile {
        DeadLetterFile::create(lake, "users_created.dlq", &TopicGeneration::new("0001").unwrap())
            .await
            .unwrap()
    }

    fn offsets(lake: &Path) -> Vec<i64> {
        let text = std::fs::read_to_string(lake.join(PLACE)).unwrap_or_default();
        text.lines().map(|line| DeadLetter::from_line(line).unwrap().offset.get()).collect()
    }

    async fn sweep(lake: &Path) -> usize {
        FolderStore::new(lake).sweep().await.unwrap()
    }

    /// Ends a run as a kill would, as far as files go: nothing is finished, the lock is released.
    fn kill(file: DeadLetterFile) -> PathBuf {
        file.open.unwrap().path
    }

    #[tokio::test]
    async fn letters_are_in_place_after_finish_and_private() {
        let lake = tempfile::tempdir().unwrap();
        let mut file = create(lake.path()).await;
        file.append(&[letter(0), letter(1)]).await.unwrap();
        file.append(&[letter(2)]).await.unwrap();
        assert_eq!(sweep(lake.path()).await, 0, "the letters of a living run are left alone");
        assert!(FolderStore::new(lake.path()).list("").await.unwrap().is_empty());
        assert_eq!(file.finish().await.unwrap(), 3);
        assert_eq!(offsets(lake.path()), [0, 1, 2]);
        assert_eq!(FolderStore::new(lake.path()).list("").await.unwrap()[0].key.as_str(), PLACE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let mode = std::fs::metadata(lake.path().join(PLACE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_run_without_letters_leaves_no_file() {
        let lake = tempfile::tempdir().unwrap();
        assert_eq!(create(lake.path()).await.finish().await.unwrap(), 0);
        assert!(folder_names(&lake.path().join("_dead_letters/users_created.dlq")).unwrap().is_empty());
    }

    #[tokio::test]
    async fn later_letters_go_behind_earlier_ones_and_stay_private() {
        let lake = tempfile::tempdir().unwrap();
        let (mut first, mut second) = (create(lake.path()).await, create(lake.path()).await);
        second.append(&[letter(2)]).await.unwrap();
        first.append(&[letter(1)]).await.unwrap();
        first.finish().await.unwrap();
        second.finish().await.unwrap();
        assert_eq!(offsets(lake.path()), [1, 2]);
        assert_eq!(
            folder_names(&lake.path().join("_dead_letters/users_created.dlq")).unwrap(),
            ["0001.jsonl"]
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let mode = std::fs::metadata(lake.path().join(PLACE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_torn_line_is_cut_and_the_acknowledged_ones_are_kept() {
        let lake = tempfile::tempdir().unwrap();
        let mut file = create(lake.path()).await;
        file.append(&[letter(0), letter(1)]).await.unwrap();
        let left = kill(file);
        let torn = letter(2).to_line();
        File::options()
            .append(true)
            .open(&left)
            .unwrap()
            .write_all(&torn.as_bytes()[..torn.len() - 1])
            .unwrap();
        assert_eq!(sweep(lake.path()).await, 1);
        assert_eq!(offsets(lake.path()), [0, 1]);
        assert_eq!(sweep(lake.path()).await, 0);
        assert_eq!(offsets(lake.path()), [0, 1]);
    }

    #[tokio::test]
    async fn letters_in_place_whose_run_was_killed_before_it_removed_their_hidden_name_are_not_doubled() {
        let lake = tempfile::tempdir().unwrap();
        let mut first = create(lake.path()).await;
        first.append(&[letter(0)]).await.unwrap();
        first.finish().await.unwrap();
        let place = lake.path().join(PLACE);
        let before = std::fs::metadata(&place).unwrap().len();
        let (mut second, mut third) = (create(lake.path()).await, create(lake.path()).await);
        second.append(&[letter(1), letter(2)]).await.unwrap();
        third.append(&[letter(1), letter(1)]).await.unwrap();
        let lines = std::fs::read(&second.open.as_ref().unwrap().path).unwrap();
        // The second was killed behind the step, the third, which was to begin at the same place, before it.
        File::options().append(true).open(&place).unwrap().write_all(&lines).unwrap();
        for run in [second, third] {
            let hidden = kill(run);
            std::fs::rename(&hidden, marked(&hidden, before)).unwrap();
        }
        let mut fourth = create(lake.path()).await;
        fourth.append(&[letter(3)]).await.unwrap();
        fourth.finish().await.unwrap();
        assert_eq!(sweep(lake.path()).await, 0);
        assert_eq!(offsets(lake.path()), [0, 1, 2, 1, 1, 3]);
    }

    #[tokio::test]
    async fn letters_like_those_in_place_are_kept_too() {
        let lake = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let mut file = create(lake.path()).await;
            file.append(&[letter(0)]).await.unwrap();
            file.finish().await.unwrap();
            let mut file = create(lake.path()).await;
            file.append(&[letter(0)]).await.unwrap();
            kill(file);
            sweep(lake.path()).await;
        }
        assert_eq!(offsets(lake.path()), [0, 0, 0, 0]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn runs_that_end_at_once_lose_nothing() {
        let lake = tempfile::tempdir().unwrap();
        let mut runs = tokio::task::JoinSet::new();
        for offset in 0..20 {
            let lake = lake.path().to_owned();
            runs.spawn(async move {
                let mut file = create(&lake).await;
                file.append(&[letter(offset)]).await.unwrap();
                if offset % 4 == 0 {
                    drop(file)
                } else {
                    file.finish().await.unwrap();
                }
                FolderStore::new(&lake).sweep().await.unwrap();
            });
        }
        runs.join_all().await;
        let mut kept = offsets(lake.path());
        kept.sort_unstable();
        assert_eq!(kept, (0..20).collect::<Vec<_>>());
    }
}
