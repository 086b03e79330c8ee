//! The broker of a run: one in this process, or a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use millrace_events::event::Event;
use millrace_lake::landed::LandedOffsets;
use millrace_lake::{Generation, Store};
use millrace_stream::client::ClientSettings;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::hold_back::HoldBack;
use millrace_stream::topics::{self, PARTITIONS, Topics, Watermarks};

use super::args::Plan;
use crate::broker_args::client;
use crate::clock;

/// Bytes that may be on their way in a partition of the embedded broker: a fifth less than it keeps, for what its
/// bookkeeping counts beside our own estimate.
const ON_THEIR_WAY: usize = EmbeddedBroker::KEPT_BYTES / 5 * 4;

/// A broker that is up, with its topics.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) settings: ClientSettings,
    pub(crate) generation: Generation,
    /// The consumer group of this run alone.
    pub(crate) group: String,
    /// Where this run's records begin.
    pub(crate) starts: BTreeMap<(String, i32), i64>,
    /// Of the embedded broker.
    pub(crate) hold_back: Option<Arc<HoldBack>>,
    /// Lives as long as the run.
    _embedded: Option<EmbeddedBroker>,
}

impl Broker {
    pub(crate) async fn start(plan: &Plan, store: &dyn Store) -> anyhow::Result<Self> {
        match (&plan.brokers, &plan.generation) {
            (Some(brokers), Some(generation)) => {
                Self::cluster(brokers, generation.clone(), &plan.streams, store).await
            }
            _ => Self::embedded(&plan.streams),
        }
    }

    fn embedded(streams: &[&'static Event]) -> anyhow::Result<Self> {
        let embedded = EmbeddedBroker::start()?;
        for event in streams {
            embedded.create_topic(event.topic(), PARTITIONS)?;
            embedded.create_topic(&topics::dead_letters_of(event.topic()), 1)?;
        }
        let mut settings = ClientSettings::new(embedded.brokers());
        // Within one process there is no network to spare.
        settings.compression = "none";
        let generation = Generation::drawn(clock::now_micros());
        Ok(Self {
            settings,
            group: format!("millrace-run-{generation}"),
            generation,
            starts: streams
                .iter()
                .flat_map(|event| (0..PARTITIONS).map(|partition| ((event.topic().to_owned(), partition), 0)))
                .collect(),
            hold_back: Some(Arc::new(HoldBack::new(ON_THEIR_WAY))),
            _embedded: Some(embedded),
        })
    }

    async fn cluster(
        brokers: &str,
        generation: Generation,
        streams: &[&'static Event],
        store: &dyn Store,
    ) -> anyhow::Result<Self> {
        let settings = client(brokers)?;
        let topics = Topics::connect(&settings)?;
        let mut starts = BTreeMap::new();
        for event in streams {
            let topic = event.topic();
            topics.ensure(topic).await?;
            let ends = topics.watermarks(topic)?;
            let landed = LandedOffsets::of_table(store, event.table())
                .await
                .context("the lake's raw objects could not be listed")?;
            topics::check_life(topic, generation.as_str(), &ends, &landed.of_life(topic, &generation))?;
            let starts_of =
                |(partition, watermarks): (i32, Watermarks)| ((topic.to_owned(), partition), watermarks.end);
            starts.extend(ends.into_iter().map(starts_of));
        }
        Ok(Self {
            settings,
            group: format!("millrace-run-{}", Generation::drawn(clock::now_micros())),
            generation,
            starts,
            hold_back: None,
            _embedded: None,
        })
    }
}
