//! What users do in the simulation is what users could do, and its records are what was asked for.

// In a helper as in a test: what cannot be had ends the test.
#![allow(clippy::unwrap_used)]

mod ads;
mod records;
mod records_sent;
mod shop;
mod users;
mod videos;

use std::collections::HashMap;
use std::sync::LazyLock;

use millrace_sources::{BehaviourSettings, Stream};
use records_sent::{Event, settings, told};

/// A day of a small platform, with nothing wrong.
static WORLD: LazyLock<Vec<(Stream, i64, Event)>> = LazyLock::new(|| {
    let settings = BehaviourSettings { first_users: 1_000, acts_per_second: 2.0, ..settings(11) };
    told(settings, 150_000).iter().map(|told| (told.stream, told.timestamp, told.event())).collect()
});

/// Each session's events in their order.
fn sessions() -> HashMap<&'static str, Vec<(i64, &'static Event)>> {
    let mut sessions: HashMap<_, Vec<_>> = HashMap::new();
    for (stream, timestamp, event) in WORLD.iter() {
        if *stream != Stream::Users {
            sessions.entry(event.session()).or_default().push((*timestamp, event));
        }
    }
    sessions
}
