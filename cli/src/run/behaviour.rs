//! What the run's users do, simulated: interactions, videos and ads by users who were just sent to users_created.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_events::event_catalogue;
use millrace_events::instant::Millis;
use millrace_runtime::Shutdown;
use millrace_sources::{Batch, Behaviour, BehaviourSettings, Share, Stream};
use millrace_stream::producer::{Producer, Publisher};

use super::args::{RunArgs, RunPlan};
use crate::clock;
use crate::progress::Bars;
use crate::record_encoding::Outgoing;

/// Events for each user where the arguments say no number.
const EVENTS_A_USER: u64 = 10;

/// Records that are made at once.
const BATCH: usize = 1_000;

/// Produces what these users do; answers how many records went to each topic. The users themselves are not told again, and
/// nobody new comes: the users' tables are what they are without.
pub(super) async fn produce(
    args: &RunArgs,
    plan: &RunPlan,
    seed: u64,
    users: Vec<String>,
    producer: &Arc<Producer>,
    shutdown: &Shutdown,
    bars: &Bars,
) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let Some(streams) = args.streams.without(Stream::Users) else { return Ok(BTreeMap::new()) };
    let events = args.events.unwrap_or(EVENTS_A_USER * users.len() as u64);
    if users.is_empty() || events == 0 {
        bars.say("nobody is there who could do something: no events were simulated");
        return Ok(BTreeMap::new());
    }
    let day_start =
        |day: chrono::NaiveDate| Millis(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis());
    let start = plan.as_of.map_or_else(clock::now_millis, day_start);
    let settings = BehaviourSettings {
        broken: args.broken,
        repeat: args.repeat.unwrap_or(Share::NONE),
        late: args.late,
        // All of it happens within the first hours of the day, however many there are.
        acts_per_second: (events as f64 / 3_600.0).clamp(1.0, 2_000.0),
        ..BehaviourSettings::new(seed, start, streams)
    };
    let mut behaviour = Behaviour::among(settings, &users)?;
    let bar = bars.records(events, "simulated events");
    let (producer, shutdown) = (Arc::clone(producer), shutdown.clone());
    let work = tokio::task::spawn_blocking(move || {
        let mut outgoing = Outgoing::protobuf(event_catalogue::events());
        let mut batch = Batch::new();
        let mut left = events;
        while left > 0 && !shutdown.is_requested() {
            let records = left.min(BATCH as u64);
            batch.clear();
            behaviour.fill(&mut batch, usize::try_from(records)?)?;
            for record in batch.iter() {
                outgoing.publish(producer.as_ref(), &record)?;
            }
            left -= records;
            bar.inc(records);
        }
        producer.flush()?;
        bar.finish();
        Ok::<_, anyhow::Error>(
            streams.iter().map(|stream| (stream.topic(), behaviour.counts(stream).records)).collect(),
        )
    });
    work.await?
}
