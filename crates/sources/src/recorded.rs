//! Answers of the API that were kept in files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use millrace_events::randomuser::{API, AnswerContext, UserPage, read_answer};

use crate::clock::Clock;
use crate::error::SourceError;
use crate::natural_order;
use crate::source::Source;

/// The largest answer that is read: 40 times the API's largest page. Without a bound, a file that only looks like an
/// answer would fill the memory.
const LARGEST_ANSWER: u64 = 256 << 20;

/// Users of recorded answers: of one file, or of all `*.json` of a folder in natural order of their names.
///
/// A bad file is an error of the call that reaches it: pages before it stay given, and it is reported again, not
/// passed over, when asked again. Memory: one file and its page.
#[derive(Debug)]
pub struct RecordedSource {
    files: Vec<PathBuf>,
    next: usize,
    limit: Option<u64>,
    given: u64,
    clock: Clock,
}

impl RecordedSource {
    /// Lists the answers at `path`, a file of any name or a folder, and reads none. `limit` counts users.
    ///
    /// # Errors
    /// The path is absent or may not be read, or a folder without a file named `*.json`.
    pub fn open(path: impl AsRef<Path>, limit: Option<u64>, clock: Clock) -> Result<Self, SourceError> {
        let path = path.as_ref();
        let unreadable = |source| SourceError::Unreadable { path: path.to_owned(), source };
        let files = if path.metadata().map_err(unreadable)?.is_dir() {
            answers_in(path).map_err(unreadable)?
        } else {
            vec![path.to_owned()]
        };
        if files.is_empty() {
            return Err(SourceError::NoAnswers { path: path.to_owned() });
        }
        Ok(Self { files, next: 0, limit, given: 0, clock })
    }

    /// The files in the order in which they are read.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

#[async_trait]
impl Source for RecordedSource {
    fn name(&self) -> &'static str {
        API
    }

    fn expected(&self) -> Option<u64> {
        self.limit
    }

    async fn next_page(&mut self) -> Result<Option<UserPage>, SourceError> {
        let left = self.limit.map_or(u64::MAX, |limit| limit - self.given);
        let Some(path) = self.files.get(self.next).filter(|_| left > 0) else {
            return Ok(None);
        };
        let body = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || read(&path)).await.map_err(|error| {
                SourceError::Unreadable {
                    path: self.files[self.next].clone(),
                    source: std::io::Error::other(error),
                }
            })??
        };
        let context = AnswerContext {
            source: API,
            page: i32::try_from(self.next + 1).unwrap_or(i32::MAX),
            clock: self.clock.of_answer(self.given),
            limit: usize::try_from(left).unwrap_or(usize::MAX),
        };
        let page = read_answer(&body, &context)
            .map_err(|source| SourceError::Recorded { path: path.clone(), source })?;
        self.next += 1;
        self.given += page.users.len() as u64;
        Ok(Some(page))
    }
}

fn answers_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            files.push(path);
        }
    }
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
    files.sort_by(|a, b| natural_order::compare(&name(a), &name(b)));
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, SourceError> {
    let unreadable = |source| SourceError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut body = Vec::new();
    file.take(LARGEST_ANSWER + 1).read_to_end(&mut body).map_err(unreadable)?;
    if body.len() as u64 > LARGEST_ANSWER {
        return Err(SourceError::TooLarge { path: path.to_owned(), limit: LARGEST_ANSWER });
    }
    Ok(body)
}
