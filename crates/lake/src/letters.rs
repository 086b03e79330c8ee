//! Dead letters kept in whatever store the lake is in.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::dead_letter::DeadLetter;
use crate::dead_letters::{DeadLetterError, DeadLetterFile};
use crate::generation::Generation;
use crate::key::Key;
use crate::layout;
use crate::store::Store;

/// Takes the dead letters of one life of a topic as they come; each append is durable when it answers.
#[derive(Debug)]
pub struct Letters(Kept);

#[derive(Debug)]
enum Kept {
    File(DeadLetterFile),
    /// An object cannot be appended to: all of it is put again. What is held is what a run has of letters, and only
    /// one process writes this life.
    Object {
        store: Arc<dyn Store>,
        key: Key,
        body: Vec<u8>,
        letters: u64,
    },
}

impl Letters {
    /// Begins the letters of `topic`'s life `generation` in `store`; `folder` is the lake's where it is one. On another
    /// store those already there are read first: at the end new ones stand behind them.
    pub async fn create(
        store: &Arc<dyn Store>,
        folder: Option<&Path>,
        topic: &str,
        generation: &Generation,
    ) -> Result<Self, DeadLetterError> {
        if let Some(folder) = folder {
            return Ok(Self(Kept::File(DeadLetterFile::create(folder, topic, generation).await?)));
        }
        let key = layout::dead_letters_key(topic, generation)?;
        let body = match store.get(&key).await {
            Ok(body) => body.to_vec(),
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self(Kept::Object { store: Arc::clone(store), key, body, letters: 0 }))
    }

    /// Appends `new`, durably when it answers `Ok`; after an error none of them is kept.
    pub async fn append(&mut self, new: &[DeadLetter]) -> Result<(), DeadLetterError> {
        match &mut self.0 {
            Kept::File(file) => file.append(new).await,
            Kept::Object { store, key, body, letters } => {
                let before = body.len();
                body.extend(new.iter().flat_map(|letter| letter.to_line().into_bytes()));
                if let Err(error) = store.put(key, Bytes::copy_from_slice(body)).await {
                    body.truncate(before);
                    return Err(error.into());
                }
                *letters += new.len() as u64;
                Ok(())
            }
        }
    }

    /// Puts the letters in place and answers how many were appended.
    pub async fn finish(self) -> Result<u64, DeadLetterError> {
        match self.0 {
            Kept::File(file) => file.finish().await,
            Kept::Object { letters, .. } => Ok(letters),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    #[tokio::test]
    async fn letters_stand_behind_those_already_there() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let generation = Generation::new("g1").unwrap();
        for offset in [1, 2] {
            let mut letters = Letters::create(&store, None, "ad_events", &generation).await.unwrap();
            letters.append(&[DeadLetter { offset, ..DeadLetter::default() }]).await.unwrap();
            assert_eq!(letters.finish().await.unwrap(), 1);
        }
        let body = store.get(&Key::new("_dead_letters/ad_events/g1.jsonl").unwrap()).await.unwrap();
        let lines = std::str::from_utf8(&body).unwrap().lines();
        let offsets: Vec<_> = lines.map(|line| DeadLetter::from_line(line).unwrap().offset).collect();
        assert_eq!(offsets, [1, 2]);
    }
}
