//! What is measured on: simulated events, in each of their encodings.

use anyhow::{Context, ensure};
use millrace_events::event::Event;
use millrace_events::event_catalogue::by_topic;
use millrace_events::frame::Encoding;
use millrace_events::instant::Millis;
use millrace_events::row::RowBuffer;
use millrace_sources::{Batch, Behaviour, BehaviourSettings, Stream, Streams};

/// 2026-02-03 00:00, UTC.
const START: Millis = Millis(1_770_076_800_000);

/// A simulation in which nothing is broken, repeated or late, at a rate that keeps an object's rows within few hours.
pub(crate) fn behaviour(streams: Streams) -> anyhow::Result<Behaviour> {
    let mut settings = BehaviourSettings::new(7, START, streams);
    (settings.first_users, settings.acts_per_second) = (20_000, 1_000.0);
    Ok(Behaviour::new(settings)?)
}

/// A stream's records, owned.
pub(crate) struct Events {
    pub(crate) event: &'static Event,
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) timestamps: Vec<Millis>,
    /// Bare Protobuf.
    pub(crate) protobuf: Vec<Vec<u8>>,
}

pub(crate) fn simulated(stream: Stream, count: usize) -> anyhow::Result<Events> {
    let mut batch = Batch::new();
    behaviour(stream.into())?.fill(&mut batch, count)?;
    let event = by_topic(stream.topic()).context("the stream has an event")?;
    let mut events = Events { event, keys: Vec::new(), timestamps: Vec::new(), protobuf: Vec::new() };
    for record in batch.iter() {
        events.keys.push(record.key.context("the simulator gives keys")?.to_vec());
        events.timestamps.push(record.timestamp);
        events.protobuf.push(record.value.to_vec());
    }
    ensure!(events.protobuf.len() == count, "{} events instead of {count}", events.protobuf.len());
    Ok(events)
}

impl Events {
    /// The values in this encoding: Avro in Confluent's frame, without which nobody reads it, the others bare.
    pub(crate) fn values(&self, encoding: Encoding) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut row = RowBuffer::new(self.event);
        let schema = (encoding == Encoding::Avro).then(|| self.event.schema_id(encoding));
        let transcoded = self.protobuf.iter().map(|message| {
            let mut out = Vec::new();
            self.event.transcode(message, encoding, schema, &mut row, &mut out)?;
            Ok(out)
        });
        transcoded.collect()
    }
}

pub(crate) fn mean(values: &[Vec<u8>]) -> f64 {
    values.iter().map(Vec::len).sum::<usize>() as f64 / values.len() as f64
}
