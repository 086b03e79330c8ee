//! Dead letters kept in whatever store the lake is in.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::dead_letter_file::{DeadLetterError, DeadLetterFile};
use crate::dead_letter_line::DeadLetter;
use crate::layout;
use crate::object_key::Key;
use crate::store::Store;
use crate::topic_generation::TopicGeneration;

/// Takes the dead letters of one generation of a topic as they come; each append is durable when it answers.
#[derive(Debug)]
pub struct Letters(Kept);

#[derive(Debug)]
enum Kept {
    File(DeadLetterFile),
    /// An object cannot be appended to: all of it is put again. So each run has one of its own, named by its first letter;
    /// what other runs wrote is not touched, nor what was erased of it brought back.
    Object {
        store: Arc<dyn Store>,
        topic: String,
        generation: TopicGeneration,
        /// Once there is a letter.
        key: Option<Key>,
        body: Vec<u8>,
        letters: u64,
    },
}

impl Letters {
    /// Begins a run's letters of `topic`'s generation `generation` in `store`; `folder` is the lake's where it is one. No two runs
    /// of a generation may have letters of one offset.
    pub async fn create(
        store: &Arc<dyn Store>,
        folder: Option<&Path>,
        topic: &str,
        generation: &TopicGeneration,
    ) -> Result<Self, DeadLetterError> {
        if let Some(folder) = folder {
            return Ok(Self(Kept::File(DeadLetterFile::create(folder, topic, generation).await?)));
        }
        Ok(Self(Kept::Object {
            store: Arc::clone(store),
            topic: topic.to_owned(),
            generation: generation.clone(),
            key: None,
            body: Vec::new(),
            letters: 0,
        }))
    }

    /// Appends `new`, durably when it answers `Ok`; after an error none of them is kept.
    pub async fn append(&mut self, new: &[DeadLetter]) -> Result<(), DeadLetterError> {
        match &mut self.0 {
            Kept::File(file) => file.append(new).await,
            Kept::Object { store, topic, generation, key, body, letters } => {
                let Some(first) = new.first() else { return Ok(()) };
                let key = match key {
                    Some(key) => key,
                    none => none.insert(layout::dead_letters_part_key(topic, generation, first.offset)?),
                };
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
    use millrace_events::position::Offset;

    use super::*;
    use crate::memory_store::MemoryStore;

    #[tokio::test]
    async fn runs_of_one_life_leave_each_others_letters_alone() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let generation = TopicGeneration::new("g1").unwrap();
        // The first is of an earlier version.
        let old = Key::new("_dead_letters/ad_events/g1.jsonl").unwrap();
        let letter = |offset| DeadLetter { offset: Offset(offset), ..DeadLetter::default() };
        store.put(&old, Bytes::from(letter(0).to_line())).await.unwrap();
        let create = async || Letters::create(&store, None, "ad_events", &generation).await.unwrap();
        let (mut one, mut other) = (create().await, create().await);
        for offset in [5, 6] {
            one.append(&[]).await.unwrap();
            one.append(&[letter(offset)]).await.unwrap();
            other.append(&[letter(offset + 100)]).await.unwrap();
        }
        assert_eq!((one.finish().await.unwrap(), other.finish().await.unwrap()), (2, 2));
        let mut found = Vec::new();
        for object in store.list("_dead_letters/ad_events/").await.unwrap() {
            let body = store.get(&object.key).await.unwrap();
            let lines = std::str::from_utf8(&body).unwrap().lines();
            let offsets: Vec<_> =
                lines.map(|line| DeadLetter::from_line(line).unwrap().offset.get()).collect();
            found.push((object.key.name().to_owned(), offsets));
        }
        let name = |first: i64| format!("g1-{first:020}.jsonl");
        assert_eq!(
            found,
            [(name(5), vec![5, 6]), (name(105), vec![105, 106]), (old.name().to_owned(), vec![0])]
        );
    }
}
