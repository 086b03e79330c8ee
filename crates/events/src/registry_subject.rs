//! What a schema registry is told of an event.

use crate::avro;
use crate::event::Event;
use crate::frame::Encoding;
use crate::json_schema;

impl Event {
    /// The registry's subject: `<topic>-value`.
    pub fn subject(&self) -> String {
        format!("{}-value", self.topic())
    }

    /// The text of the event's schema: the .proto file as it is committed, the derived Avro schema, the derived JSON
    /// Schema (draft 7). `None` for Protobuf where the description has no text.
    pub fn schema_text(&self, encoding: Encoding) -> Option<String> {
        match encoding {
            Encoding::Protobuf => self.description().proto.map(str::to_owned),
            Encoding::Avro => Some(self.avro_schema()),
            Encoding::Json => Some(pretty(&json_schema::of_event(self))),
        }
    }

    /// The event's Avro schema, as `proto/avro` holds it: indented, with a line feed at its end.
    pub fn avro_schema(&self) -> String {
        pretty(&avro::schema::of_event(self))
    }
}

fn pretty(schema: &impl serde::Serialize) -> String {
    // Nothing in a schema has a key that is no text, which is all that can fail.
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}
