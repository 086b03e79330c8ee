//! The repository's own schemas under fixed ids, for where no registry is.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::event::Event;
use crate::event_catalogue::events;
use crate::frame::{Encoding, SchemaId};
use crate::writer_schemas::{WriterSchema, WriterSchemas};

/// The schemas of events as this repository states them.
///
/// | event | Protobuf | Avro | JSON |
/// |---|---|---|---|
/// | UserCreated | 9001 | 9002 | 9003 |
/// | UserInteraction | 9011 | 9012 | 9013 |
/// | VideoEngagement | 9021 | 9022 | 9023 |
/// | AdEvent | 9031 | 9032 | 9033 |
///
/// [`Event::schema_id`] gives them. A registry counts from 1, so that its ids hardly ever meet these.
#[derive(Debug)]
pub struct RepositorySchemas(HashMap<SchemaId, Arc<WriterSchema>>);

impl RepositorySchemas {
    /// Those of the contract's events, made once.
    pub fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<RepositorySchemas>> =
            LazyLock::new(|| Arc::new(RepositorySchemas::of(events())));
        SHARED.clone()
    }

    /// Those of these events.
    pub fn of(events: &[Event]) -> Self {
        let mut schemas = HashMap::new();
        for event in events {
            let protobuf = WriterSchema::of_message(vec![event.message_index()], event.message());
            schemas.insert(event.schema_id(Encoding::Protobuf), Arc::new(protobuf));
            schemas.insert(event.schema_id(Encoding::Json), Arc::new(WriterSchema::json()));
            // A schema derived from a message is one: a test parses them all.
            if let Ok(avro) = WriterSchema::avro(&event.avro_schema()) {
                schemas.insert(event.schema_id(Encoding::Avro), Arc::new(avro));
            }
        }
        Self(schemas)
    }
}

impl WriterSchemas for RepositorySchemas {
    fn get(&self, id: SchemaId) -> Option<Arc<WriterSchema>> {
        self.0.get(&id).cloned()
    }
}
