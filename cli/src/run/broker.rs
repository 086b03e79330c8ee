//! The broker of a run: one in this process, or a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use millrace_events::event::Event;
use millrace_events::position::{Offset, TopicPartition};
use millrace_lake::raw_sink::RawSink;
use millrace_lake::topic_claims::{Claim, ClaimedTopic};
use millrace_lake::{Store, TopicGeneration};
use millrace_stream::backpressure::Backpressure;
use millrace_stream::base_offsets::BaseOffsets;
use millrace_stream::client::ClientSettings;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::topics::{self, PARTITIONS, Topics, Watermarks};

use super::args::RunPlan;
use crate::broker_args::client;
use crate::clock;

/// Bytes that may be on their way in a partition of the embedded broker: a fifth less than it keeps, for what its
/// bookkeeping counts beside our own estimate.
const ON_THEIR_WAY: usize = EmbeddedBroker::KEPT_BYTES / 5 * 4;

/// A broker that is up, with its topics.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) settings: ClientSettings,
    pub(crate) generation: TopicGeneration,
    /// The consumer group of this run alone.
    pub(crate) group: String,
    /// Where this run's records begin.
    pub(crate) starts: BTreeMap<TopicPartition, Offset>,
    /// Of the embedded broker.
    pub(crate) hold_back: Option<Arc<Backpressure>>,
    /// Of the embedded broker: the offsets of the lake's generation that this run may give away.
    pub(crate) claim: Option<Claim>,
    /// Lives as long as the run.
    _embedded: Option<EmbeddedBroker>,
}

impl Broker {
    pub(crate) async fn start(plan: &RunPlan, store: &Arc<dyn Store>) -> anyhow::Result<Self> {
        match (&plan.brokers, &plan.generation) {
            (Some(brokers), Some(generation)) => {
                Self::cluster(brokers, generation.clone(), &plan.streams, store).await
            }
            _ => Self::embedded(&plan.streams, store.as_ref()).await,
        }
    }

    async fn embedded(streams: &[&'static Event], store: &dyn Store) -> anyhow::Result<Self> {
        let embedded = EmbeddedBroker::start()?;
        let letters: Vec<_> = streams.iter().map(|event| topics::dead_letters_of(event.topic())).collect();
        let mut claimed = Vec::new();
        for (event, letters) in streams.iter().zip(&letters) {
            let (topic, table) = (event.topic(), Some(event.table()));
            claimed.push(ClaimedTopic { topic, table, partitions: PARTITIONS });
            claimed.push(ClaimedTopic { topic: letters, table: None, partitions: 1 });
        }
        for ClaimedTopic { topic, partitions, .. } in &claimed {
            embedded.create_topic(topic, *partitions)?;
        }
        let claim = Claim::of_lake(store, &claimed, &TopicGeneration::drawn(clock::now_micros()))
            .await
            .context("no offsets could be claimed in the lake")?;
        let first: BTreeMap<_, _> = claim.first().collect();
        let mut settings = ClientSettings::new(embedded.brokers());
        // Within one process there is no network to spare.
        settings.compression = "none";
        settings.base_offsets = BaseOffsets::new(&first);
        tracing::debug!(generation = %claim.generation(), ?first, "offsets claimed");
        Ok(Self {
            settings,
            group: format!("millrace-run-{}", claim.generation()),
            generation: claim.generation().clone(),
            // Dead letters are read by another consumer.
            starts: first.into_iter().filter(|(place, _)| !letters.contains(&place.topic)).collect(),
            hold_back: Some(Arc::new(Backpressure::new(ON_THEIR_WAY))),
            claim: Some(claim),
            _embedded: Some(embedded),
        })
    }

    async fn cluster(
        brokers: &str,
        generation: TopicGeneration,
        streams: &[&'static Event],
        store: &Arc<dyn Store>,
    ) -> anyhow::Result<Self> {
        let settings = client(brokers)?;
        let topics = Topics::connect(&settings)?;
        let mut starts = BTreeMap::new();
        for event in streams {
            let topic = event.topic();
            topics.ensure(topic).await?;
            let ends = topics.watermarks(topic)?;
            let sink = RawSink::new(Arc::clone(store), event, generation.clone());
            let durable = sink.durable().await.context("the lake's raw objects could not be listed")?;
            topics::check_generation(topic, generation.as_str(), &ends, durable.iter())?;
            let starts_of = |(partition, watermarks): (i32, Watermarks)| {
                (TopicPartition::new(topic, partition), watermarks.end)
            };
            starts.extend(ends.into_iter().map(starts_of));
        }
        Ok(Self {
            settings,
            group: format!("millrace-run-{}", TopicGeneration::drawn(clock::now_micros())),
            generation,
            starts,
            hold_back: None,
            claim: None,
            _embedded: None,
        })
    }
}
