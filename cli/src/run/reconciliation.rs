//! Records in = records out + dead letters + those about erased persons, at every hop.

use std::collections::BTreeMap;

use fetch_users::Fetching;
use millrace_events::position::{Offset, TopicPartition};
use millrace_lake::topic_claims::{Claim, ClaimError};
use millrace_lake::{Store, TopicGeneration};
use millrace_stream::offset_set::OffsetSet;
use millrace_stream::topics::USERS_CREATED;

use super::landed_run::LandedRun;

/// What went through each hop of a run.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) generation: TopicGeneration,
    /// Whether the broker was in this process, so that its dead letters were drained into the lake.
    pub(crate) embedded: bool,
    pub(crate) fetching: Fetching,
    /// What was produced to each topic, users first.
    pub(crate) streams: Vec<StreamFlow>,
    /// The positions that the broker gave this run's records, of every topic.
    pub(crate) acknowledged: OffsetSet,
    pub(crate) landed: LandedRun,
    /// Dead letters that reached the lake, by the topic that they are of.
    pub(crate) letters: BTreeMap<String, u64>,
    /// Those about erased persons, which did not.
    pub(crate) letters_erased: BTreeMap<String, u64>,
    /// Of an embedded broker: the offsets that this run could give away, and the last that it gave, dead letters' too.
    pub(crate) claim: Option<Claim>,
    pub(crate) ends: BTreeMap<TopicPartition, Offset>,
}

/// What a run sent to one topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamFlow {
    pub(crate) topic: &'static str,
    pub(crate) produced: u64,
}

/// A hop at which records went missing or came from nowhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "the run does not add up at {hop}: {left}, but {right}; nothing is deleted, so keep the lake and report this"
)]
pub(crate) struct Unbalanced {
    hop: String,
    left: String,
    right: String,
}

impl Flow {
    /// Of this run's records of a topic, those that became rows.
    pub(crate) fn landed(&self, topic: &str) -> u64 {
        self.acknowledged.of_topic(topic).common(&self.landed.landed)
    }

    /// Of this run's records of a topic, those that became dead letters at landing.
    pub(crate) fn dead_lettered(&self, topic: &str) -> u64 {
        self.acknowledged.of_topic(topic).common(&self.landed.dead)
    }

    /// Of this run's records of a topic, those about persons who were erased from the lake.
    pub(crate) fn erased(&self, topic: &str) -> u64 {
        self.acknowledged.of_topic(topic).common(&self.landed.erased)
    }

    /// Dead letters of a topic that reached the lake.
    fn letters(&self, topic: &str) -> u64 {
        self.letters.get(topic).copied().unwrap_or(0)
    }

    /// Holds each hop against the one before it.
    pub(crate) fn check(&self) -> Result<(), Unbalanced> {
        let report = &self.fetching.report;
        balance(
            "the source".to_owned(),
            (report.fetched, format!("{} users fetched", report.fetched)),
            (
                report.rejected + report.produced,
                format!("{} rejected + {} produced", report.rejected, report.produced),
            ),
        )?;
        for stream in &self.streams {
            self.check_stream(stream)?;
        }
        balance(
            "the lake's objects".to_owned(),
            (self.landed.landed.len(), format!("{} rows taken", self.landed.landed.len())),
            (self.landed.counts.rows, format!("{} rows stored", self.landed.counts.rows)),
        )?;
        Ok(())
    }

    /// Says in the lake where this run ended, once its hops are [checked](Self::check): the next goes on there.
    pub(crate) async fn end_claim(&self, store: &dyn Store) -> Result<(), ClaimError> {
        let Some(claim) = &self.claim else { return Ok(()) };
        claim.end(store, &self.ends).await
    }

    fn check_stream(&self, &StreamFlow { topic, produced }: &StreamFlow) -> Result<(), Unbalanced> {
        let acknowledged = self.acknowledged.of_topic(topic).len();
        let (landed, dead, erased) = (self.landed(topic), self.dead_lettered(topic), self.erased(topic));
        balance(
            format!("the producer of {topic}"),
            (produced, format!("{produced} records produced")),
            (acknowledged, format!("{acknowledged} acknowledged")),
        )?;
        balance(
            format!("the landing of {topic}"),
            (produced, format!("{produced} records produced")),
            (
                landed + dead + erased,
                format!("{landed} landed + {dead} dead letters + {erased} about erased persons"),
            ),
        )?;
        if self.embedded {
            // Users alone are refused before they are records.
            let rejected = if topic == USERS_CREATED { self.fetching.report.rejected } else { 0 };
            let letters = self.letters(topic);
            let left_out = self.letters_erased.get(topic).copied().unwrap_or(0);
            balance(
                format!("the dead letters of {topic}"),
                (rejected + dead, format!("{rejected} rejected + {dead} dead at landing")),
                (
                    letters + left_out,
                    format!("{letters} dead letters in the lake + {left_out} about erased persons"),
                ),
            )?;
        }
        Ok(())
    }
}

fn balance(hop: String, left: (u64, String), right: (u64, String)) -> Result<(), Unbalanced> {
    if left.0 == right.0 {
        return Ok(());
    }
    Err(Unbalanced { hop, left: left.1, right: right.1 })
}
