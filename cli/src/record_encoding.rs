//! Simulated records on their way to Kafka: encoded as asked, broken where they have to be, with their headers.

use std::collections::BTreeMap;

use anyhow::Context;
use millrace_events::event::Event;
use millrace_events::frame::{Encoding, SchemaId};
use millrace_events::row::RowBuffer;
use millrace_sources::{Record, RecordFault};
use millrace_stream::producer::Publisher;
use millrace_stream::record::OutgoingRecord;

/// Makes records of simulated ones. Its memory is used again and again.
pub(crate) struct Outgoing {
    encoding: Encoding,
    /// By topic: the event, and the schema id in the frame of its values.
    events: BTreeMap<&'static str, (Event, SchemaId)>,
    rows: BTreeMap<&'static str, RowBuffer>,
    value: Vec<u8>,
}

impl Outgoing {
    /// Bare Protobuf, as the simulator makes it.
    pub(crate) fn protobuf(events: &[Event]) -> Self {
        Self::encoded(events, Encoding::Protobuf, &BTreeMap::new())
    }

    /// In `encoding`; Avro is framed with the ids that a registry gave, by topic, or else with the repository's own.
    pub(crate) fn encoded(events: &[Event], encoding: Encoding, ids: &BTreeMap<String, u32>) -> Self {
        let id = |event: &Event| ids.get(event.topic()).map_or(event.schema_id(encoding), |id| SchemaId(*id));
        let rows = events.iter().map(|event| (event.topic(), RowBuffer::new(event))).collect();
        let events = events.iter().map(|event| (event.topic(), (event.clone(), id(event))));
        Self { encoding, events: events.collect(), rows, value: Vec::new() }
    }

    pub(crate) fn publish(&mut self, publisher: &dyn Publisher, record: &Record<'_>) -> anyhow::Result<()> {
        let (content_type, event_type) = self.encode(record)?;
        let headers: [(&str, Option<&[u8]>); 3] = [
            ("content-type", Some(content_type.as_bytes())),
            ("event-type", Some(event_type.as_bytes())),
            ("schema-version", Some(b"1")),
        ];
        publisher.publish(&OutgoingRecord {
            topic: record.stream.topic(),
            key: record.key,
            value: Some(&self.value),
            timestamp: record.timestamp,
            headers: &headers,
        })?;
        Ok(())
    }

    /// Encodes the record's value; answers its content type and event type.
    pub(crate) fn encode(&mut self, record: &Record<'_>) -> anyhow::Result<(&'static str, &'static str)> {
        let topic = record.stream.topic();
        let (event, id) = self.events.get(topic).with_context(|| format!("no event travels on {topic}"))?;
        self.value.clear();
        // A user who cannot be an event is no Protobuf to begin with.
        let refused = matches!(record.fault, Some(RecordFault::User(_)));
        let row = self.rows.get_mut(topic).filter(|_| !refused && self.encoding != Encoding::Protobuf);
        // JSON is told by its look, Avro by nothing but the schema in its frame.
        let schema = (self.encoding == Encoding::Avro).then_some(*id);
        let value = &mut self.value;
        let encoding = match row.map(|row| event.transcode(record.value, self.encoding, schema, row, value)) {
            Some(Ok(())) => self.encoding,
            // A symbol that its enum does not have can be written in Protobuf alone.
            Some(Err(_)) | None => {
                value.clear();
                value.extend_from_slice(record.value);
                Encoding::declared_by(record.content_type()).unwrap_or(self.encoding)
            }
        };
        if let Some(fault) = record.fault {
            fault.break_bytes(&mut self.value);
        }
        Ok((encoding.content_type(), event.message()))
    }
}
