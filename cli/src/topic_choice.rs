//! Events by the topics that a person names.

use anyhow::Context;
use millrace_events::event::Event;
use millrace_events::event_catalogue;

use millrace_sql::suggestion::did_you_mean;

/// The event that travels on `topic`.
pub(crate) fn event_of(topic: &str) -> anyhow::Result<&'static Event> {
    event_catalogue::by_topic(topic).with_context(|| {
        let known: Vec<_> = event_catalogue::events().iter().map(Event::topic).collect();
        let meant = did_you_mean(topic, known.iter().copied());
        format!("no event travels on {topic:?}: give one of {}{meant}", known.join(", "))
    })
}

/// That a broker has the topic among those that it told of.
pub(crate) fn is_there(topic: &str, told: &[&str], brokers: &str) -> anyhow::Result<()> {
    if told.contains(&topic) {
        return Ok(());
    }
    let meant = did_you_mean(topic, told.iter().copied());
    let meant =
        if meant.is_empty() { ": millrace topics lists those that are there".to_owned() } else { meant };
    anyhow::bail!("there is no topic {topic} at {brokers}{meant}")
}

/// Those of `topics`; of none, all.
pub(crate) fn events_of(topics: &[String]) -> anyhow::Result<Vec<&'static Event>> {
    match topics {
        [] => Ok(event_catalogue::events().iter().collect()),
        topics => topics.iter().map(|topic| event_of(topic)).collect(),
    }
}
