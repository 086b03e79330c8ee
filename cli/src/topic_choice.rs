//! Events by the topics that a person names.

use anyhow::Context;
use millrace_events::catalogue;
use millrace_events::event::Event;

/// The event that travels on `topic`.
pub(crate) fn event_of(topic: &str) -> anyhow::Result<&'static Event> {
    catalogue::by_topic(topic).with_context(|| {
        let known: Vec<_> = catalogue::events().iter().map(Event::topic).collect();
        format!("no event travels on {topic:?}: give one of {}", known.join(", "))
    })
}

/// Those of `topics`; of none, all.
pub(crate) fn events_of(topics: &[String]) -> anyhow::Result<Vec<&'static Event>> {
    match topics {
        [] => Ok(catalogue::events().iter().collect()),
        topics => topics.iter().map(|topic| event_of(topic)).collect(),
    }
}
