//! The generation of an embedded broker's topics, which each run into the lake goes on with.
//!
//! Such a broker counts its offsets from 0 at each start. So that all runs into a lake are one generation of its topics, and their
//! small objects can become large ones, a run adds to them what stands before it. It may not find that out by looking at the
//! lake: another run may be at work, an object of a killed one may still be on its way, and what was erased leaves no trace.
//! Instead it **claims** offsets before its first record: `_lives/<number>.json` says which offset is the next to be given
//! away, topic by topic.
//!
//! - The claim of a run at work says [`RANGE`] more than its first offsets. Whoever comes meanwhile begins behind that.
//! - A run that ended well says in its claim where it really ended, and the next goes on right there.
//! - A killed run says nothing more: the rest of its range is never given away, so nothing of its can meet another's.
//! - Claims are numbered, and only the one with the highest number counts; a number is created once
//!   ([`Store::put_new`]) and never goes back, so no two runs have the same.
//!
//! Where there is no claim, or its word cannot be held up, a new generation begins: that is always safe.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use millrace_events::failure::{Class, Classified};
use millrace_events::position::{Offset, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::durable_offsets::DurableOffsets;
use crate::layout::{self, LayoutError};
use crate::random;
use crate::raw_listing::{self, ListingError};
use crate::root_names::CLAIMS;
use crate::store::{PutNew, Store, StoreError};
use crate::topic_generation::TopicGeneration;

/// Offsets of each partition that a run at work keeps for itself: more than it can ever produce, and eight million times
/// fewer than there are.
pub const RANGE: i64 = 1 << 40;

/// How often a claim is begun again where another one was created in between.
const ATTEMPTS: usize = 100;

/// Offsets by topic and partition.
type Offsets = BTreeMap<String, BTreeMap<i32, i64>>;

/// A topic that a run is going to land.
#[derive(Debug, Clone, Copy)]
pub struct ClaimedTopic<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The raw table of its rows; a topic of dead letters has none.
    pub table: Option<&'a str>,
    /// How many the run's broker gives it.
    pub partitions: i32,
}

/// The offsets that a run may give away.
#[derive(Debug, Clone)]
pub struct Claim {
    number: u64,
    record: ClaimRecord,
    first: Offsets,
}

/// What a claim's object says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ClaimRecord {
    generation: TopicGeneration,
    /// By chance: tells one's own object from another's of the same number.
    run: String,
    /// Whether the run has said where it ended.
    ended: bool,
    /// The offsets that nobody has: the next run's first ones.
    next: Offsets,
}

/// Why no offsets could be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The claims could not be read or written; its class says whether another try helps.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What has landed could not be listed.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// The place of claims cannot be a key, which does not happen.
    #[error(transparent)]
    Place(#[from] LayoutError),
    /// Another run was faster each time.
    #[error("other runs claimed offsets in each of {ATTEMPTS} attempts; try again when fewer start at once")]
    Crowded,
}

impl Classified for ClaimError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Listing(error) => error.class(),
            Self::Place(_) => Class::Stop,
            Self::Crowded => Class::Retry,
        }
    }
}

impl Claim {
    /// Claims offsets of `topics`, in the lake's generation where it can go on, else in `new`.
    pub async fn of_lake(
        store: &dyn Store,
        topics: &[ClaimedTopic<'_>],
        new: &TopicGeneration,
    ) -> Result<Self, ClaimError> {
        // Before the claims are looked at: whatever lands after this was claimed by then, or is behind our own claim.
        let mut landed = Vec::new();
        for table in topics.iter().filter_map(|topic| topic.table) {
            // Foreign files are told of by whoever reads raw.
            landed.push(DurableOffsets::of_objects(&raw_listing::exact(store, table).await?, |_, _| ()));
        }
        let _lock = store.lock(&layout::lives_lock()?).await?;
        for _ in 0..ATTEMPTS {
            let found = Found::newest(store).await?;
            let number = found.as_ref().map_or(0, |found| found.number + 1);
            let claim = Self::behind(found.and_then(|found| found.going_on(&landed)), number, topics, new);
            if claim.create(store).await? {
                claim.remove_older(store).await;
                return Ok(claim);
            }
        }
        Err(ClaimError::Crowded)
    }

    /// The claim that follows `before`, or begins a generation.
    fn behind(
        before: Option<ClaimRecord>,
        number: u64,
        topics: &[ClaimedTopic<'_>],
        new: &TopicGeneration,
    ) -> Self {
        let (generation, mut next) = match before {
            Some(before) => (before.generation, before.next),
            None => (new.clone(), Offsets::new()),
        };
        let mut first = Offsets::new();
        for topic in topics {
            let next = next.entry(topic.topic.to_owned()).or_default();
            let first = first.entry(topic.topic.to_owned()).or_default();
            for partition in 0..topic.partitions {
                let next = next.entry(partition).or_default();
                first.insert(partition, *next);
                *next += RANGE;
            }
        }
        Self { number, record: ClaimRecord { generation, run: random::name(), ended: false, next }, first }
    }

    /// The generation that the run's rows get.
    pub fn generation(&self) -> &TopicGeneration {
        &self.record.generation
    }

    /// The run's first offsets: what is to be added to a broker's that counts from 0.
    pub fn first(&self) -> impl Iterator<Item = (TopicPartition, Offset)> {
        self.first.iter().flat_map(|(topic, partitions)| {
            let of = move |(partition, first): (&i32, &i64)| {
                (TopicPartition::new(topic, *partition), Offset(*first))
            };
            partitions.iter().map(of)
        })
    }

    /// Says that the run has ended, that all it gave away is durable, and that `last` are its last offsets, by topic and
    /// partition. A run that does not say it leaves its range unused for ever, and nothing worse.
    pub async fn end(
        &self,
        store: &dyn Store,
        last: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), ClaimError> {
        let mut record = ClaimRecord { ended: true, ..self.record.clone() };
        for (topic, partitions) in &self.first {
            for (partition, first) in partitions {
                let last = last.get(&TopicPartition::new(topic, *partition));
                let next = last.map_or(*first, |last| last.next().get().max(*first));
                record.next.entry(topic.clone()).or_default().insert(*partition, next);
            }
        }
        Ok(store.put(&layout::claim_key(self.number)?, record.to_json().into()).await?)
    }

    /// Creates the claim's object; false where another claim came before.
    async fn create(&self, store: &dyn Store) -> Result<bool, ClaimError> {
        let key = layout::claim_key(self.number)?;
        if store.put_new(&key, self.record.to_json().into()).await? == PutNew::AlreadyThere {
            // Perhaps our own, the answer to an earlier try lost.
            let there = match store.get(&key).await {
                Ok(body) => ClaimRecord::from_json(&body),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error.into()),
            };
            if there.is_none_or(|there| there.run != self.record.run) {
                return Ok(false);
            }
        }
        // A number is free again once later claims are there and it was removed: then it does not count.
        Ok(Found::numbers(store).await?.into_iter().max() == Some(self.number))
    }

    /// What no longer counts goes, if it can.
    async fn remove_older(&self, store: &dyn Store) {
        let older = async {
            for number in Found::numbers(store).await? {
                if number < self.number {
                    store.delete(&layout::claim_key(number)?).await?;
                }
            }
            Ok::<_, ClaimError>(())
        };
        if let Err(error) = older.await {
            tracing::debug!(%error, "claims that no longer count could not be removed; the next run tries again");
        }
    }
}

impl ClaimRecord {
    fn to_json(&self) -> Vec<u8> {
        // Texts and numbers under text keys always make JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn from_json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Why the generation is not gone on with, if so.
    fn misfit(&self, landed: &[DurableOffsets]) -> Option<&'static str> {
        let next = |topic: &str, partition| self.next.get(topic).and_then(|next| next.get(&partition));
        let mut given = self.next.values().flat_map(BTreeMap::values);
        if !given.all(|next| (0..=i64::MAX - 2 * RANGE).contains(next)) {
            return Some("its offsets are used up");
        }
        for (topic, generation, highest) in landed.iter().flat_map(DurableOffsets::generations) {
            if *generation == self.generation {
                let behind = |(partition, last): (&i32, &Offset)| {
                    next(topic, *partition).is_none_or(|next| *next <= last.get())
                };
                if highest.iter().any(behind) {
                    return Some("it is behind what has landed, as a copy of an earlier day is");
                }
            } else if generation.is_drawn() && *generation > self.generation {
                // Its rows would count as newer than ours for ever.
                return Some(
                    "a later generation has landed, as an earlier version of this program draws one",
                );
            }
        }
        None
    }
}

/// The claim that counts.
struct Found {
    number: u64,
    /// `None` for one that cannot be read.
    record: Option<ClaimRecord>,
}

impl Found {
    async fn newest(store: &dyn Store) -> Result<Option<Self>, ClaimError> {
        for _ in 0..ATTEMPTS {
            let Some(number) = Self::numbers(store).await?.into_iter().max() else { return Ok(None) };
            match store.get(&layout::claim_key(number)?).await {
                Ok(body) => return Ok(Some(Self { number, record: ClaimRecord::from_json(&body) })),
                // A later one is there by now.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ClaimError::Crowded)
    }

    /// The numbers of the claims there are; what has another name is none.
    async fn numbers(store: &dyn Store) -> Result<Vec<u64>, ClaimError> {
        let listed = store.list(&format!("{CLAIMS}/")).await?;
        Ok(listed.iter().filter_map(|object| layout::claim_number(&object.key)).collect())
    }

    /// The record, if its generation can go on.
    fn going_on(self, landed: &[DurableOffsets]) -> Option<ClaimRecord> {
        let claim = self.number;
        let Some(record) = self.record else {
            tracing::warn!(
                claim,
                "the claim of the last run cannot be read: a new generation of the topics begins"
            );
            return None;
        };
        if let Some(reason) = record.misfit(landed) {
            tracing::warn!(claim, reason, "the last run's generation is not gone on with: a new one begins");
            return None;
        }
        if !record.ended {
            tracing::debug!(
                claim,
                "another run is at work, or was killed: offsets go on behind all that it may give away"
            );
        }
        Some(record)
    }
}
