//! How far each generation of a topic has landed, as the names of its raw objects tell.

use millrace_events::failure::{Class, Classified};
use millrace_events::position::Offset;
use std::collections::BTreeMap;

use crate::object_key::Key;
use crate::raw_listing::{self, ListingError};
use crate::raw_object_name::{RawNameError, RawObjectName};
use crate::store::{ObjectMeta, Store};
use crate::topic_generation::TopicGeneration;

/// The highest landed offset of every partition of every generation of a topic in one raw table.
///
/// A broker whose end lies at or below it is of another generation than the setting says: its offsets would collide with
/// landed ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DurableOffsets {
    highest: BTreeMap<(String, TopicGeneration), BTreeMap<i32, Offset>>,
    foreign: usize,
}

/// How far each partition of a topic generation is durable, as of one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DurablePartitions(BTreeMap<i32, Offset>);

impl DurablePartitions {
    /// The highest durable offset of a partition, inclusive; `None` where nothing of it is.
    pub fn highest_durable(&self, partition: i32) -> Option<Offset> {
        self.0.get(&partition).copied()
    }

    /// All partitions of which something is durable, by number.
    pub fn iter(&self) -> impl Iterator<Item = (i32, Offset)> {
        self.0.iter().map(|(partition, highest)| (*partition, *highest))
    }
}

impl FromIterator<(i32, Offset)> for DurablePartitions {
    fn from_iter<I: IntoIterator<Item = (i32, Offset)>>(partitions: I) -> Self {
        Self(partitions.into_iter().collect())
    }
}

/// Why the landed offsets could not be told.
#[derive(Debug, thiserror::Error)]
pub enum DurableOffsetsError {
    /// The table's objects could not be listed.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// The table's name is none of a raw table.
    #[error(transparent)]
    Table(#[from] RawNameError),
}

impl Classified for DurableOffsetsError {
    fn class(&self) -> Class {
        match self {
            Self::Listing(error) => error.class(),
            Self::Table(error) => error.class(),
        }
    }
}

impl DurableOffsets {
    /// Reads them from the names under `raw/<table>/`.
    pub async fn of_table(store: &dyn Store, table: &str) -> Result<Self, DurableOffsetsError> {
        if !crate::table_name::is_table(table) {
            return Err(RawNameError::Table(table.to_owned()).into());
        }
        Ok(Self::of_objects(&raw_listing::exact(store, table).await?, |key, error| {
            tracing::warn!(%key, %error, "a raw folder holds a file that is no raw object");
        }))
    }

    /// Reads them from the names of `objects`; what is no raw object is told to `foreign`.
    pub(crate) fn of_objects(objects: &[ObjectMeta], foreign: impl Fn(&Key, RawNameError)) -> Self {
        let mut landed = Self::default();
        for object in objects {
            match RawObjectName::of_key(&object.key) {
                Ok(name) => landed.add(&name),
                Err(error) => {
                    landed.foreign += 1;
                    foreign(&object.key, error);
                }
            }
        }
        landed
    }

    fn add(&mut self, name: &RawObjectName) {
        let generation =
            self.highest.entry((name.topic().to_owned(), name.generation().clone())).or_default();
        let highest = generation.entry(name.partition()).or_insert(name.last_offset());
        *highest = name.last_offset().max(*highest);
    }

    /// How far each partition of one generation of a topic is durable.
    pub fn of_generation(&self, topic: &str, generation: &TopicGeneration) -> DurablePartitions {
        let key = (topic.to_owned(), generation.clone());
        DurablePartitions(self.highest.get(&key).cloned().unwrap_or_default())
    }

    /// Every generation of a topic, and the highest landed offset of each of its partitions.
    pub fn generations(&self) -> impl Iterator<Item = (&str, &TopicGeneration, &BTreeMap<i32, Offset>)> {
        self.highest.iter().map(|((topic, generation), highest)| (topic.as_str(), generation, highest))
    }

    /// How many files lie there that are no raw objects; each was logged.
    pub fn foreign(&self) -> usize {
        self.foreign
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use millrace_events::instant::Micros;

    use super::*;
    use crate::memory_store::MemoryStore;

    #[tokio::test]
    async fn tells_lives_and_partitions_apart() {
        let store = MemoryStore::new();
        let put = async |generation: &str, partition, first, last, hour: i64| {
            let generation = TopicGeneration::new(generation).unwrap();
            let range = (Offset(first), Offset(last));
            let name = RawObjectName::new("users_created", generation, partition, range.0, range.1).unwrap();
            store.put(&name.key("users", Micros(hour * 3_600_000_000)).unwrap(), Bytes::new()).await.unwrap();
        };
        // A later hour does not mean higher offsets: producers' clocks differ.
        put("0001", 0, 100, 199, 1).await;
        put("0001", 0, 0, 99, 9).await;
        put("0001", 5, 0, 3, 1).await;
        put("0002", 0, 0, 7, 1).await;
        store.put(&Key::new("raw/users/notes.txt").unwrap(), Bytes::new()).await.unwrap();

        let landed = DurableOffsets::of_table(&store, "users").await.unwrap();
        let (first, second) = (TopicGeneration::new("0001").unwrap(), TopicGeneration::new("0002").unwrap());
        let generation = first.clone();
        let first = landed.of_generation("users_created", &first);
        assert_eq!(first.iter().collect::<Vec<_>>(), [(0, Offset(199)), (5, Offset(3))]);
        let second = landed.of_generation("users_created", &second);
        assert_eq!((second.highest_durable(0), second.highest_durable(5)), (Some(Offset(7)), None));
        assert_eq!(landed.of_generation("other", &generation), DurablePartitions::default());
        assert_eq!(landed.foreign(), 1);
        assert_eq!(DurableOffsets::of_table(&store, "other").await.unwrap(), DurableOffsets::default());
    }
}
