//! What the registry told us, kept: schemas for ever, as they never change; ids that it does not know, for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_events::schema_references::Place;

use super::schema::{RegisteredSchema, Schema, SubjectVersion};

/// Schemas kept at most. A registry of a large company has some thousands; more would be a client that keeps asking for
/// what it never uses again.
const MOST_SCHEMAS: usize = 4_096;

/// Unknown ids kept at most. Values that merely look framed can hold any of four billion.
const MOST_UNKNOWN: usize = 1_024;

/// What is known of an id.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    Schema(Arc<RegisteredSchema>),
    /// The registry was asked lately and did not know it.
    Unknown,
}

/// Schemas by id and ids by subject and schema. Takes `now`: it has no clock.
#[derive(Debug)]
pub(super) struct Memory {
    schemas: HashMap<u32, Arc<RegisteredSchema>>,
    unknown: HashMap<u32, Instant>,
    /// What other schemas refer to.
    versions: HashMap<Place, Arc<SubjectVersion>>,
    ids: HashMap<(String, Schema), u32>,
    unknown_for: Duration,
}

impl Memory {
    pub(super) fn new(unknown_for: Duration) -> Self {
        Self {
            schemas: HashMap::new(),
            unknown: HashMap::new(),
            versions: HashMap::new(),
            ids: HashMap::new(),
            unknown_for,
        }
    }

    pub(super) fn unknown_for(&self) -> Duration {
        self.unknown_for
    }

    pub(super) fn schema(&self, id: u32, now: Instant) -> Option<Known> {
        if let Some(schema) = self.schemas.get(&id) {
            return Some(Known::Schema(Arc::clone(schema)));
        }
        let asked = *self.unknown.get(&id)?;
        (now.saturating_duration_since(asked) < self.unknown_for).then_some(Known::Unknown)
    }

    pub(super) fn keep(&mut self, schema: Arc<RegisteredSchema>) {
        if self.schemas.len() >= MOST_SCHEMAS {
            // Asking again is cheap; choosing whom to forget would cost more than it saves.
            self.schemas.clear();
        }
        self.unknown.remove(&schema.id);
        self.schemas.insert(schema.id, schema);
    }

    pub(super) fn version(&self, place: &Place) -> Option<Arc<SubjectVersion>> {
        self.versions.get(place).cloned()
    }

    pub(super) fn keep_version(&mut self, place: Place, version: Arc<SubjectVersion>) {
        if self.versions.len() >= MOST_SCHEMAS {
            self.versions.clear();
        }
        self.versions.insert(place, version);
    }

    pub(super) fn keep_unknown(&mut self, id: u32, now: Instant) {
        if self.unknown.len() >= MOST_UNKNOWN {
            let unknown_for = self.unknown_for;
            self.unknown.retain(|_, asked| now.saturating_duration_since(*asked) < unknown_for);
            if self.unknown.len() >= MOST_UNKNOWN {
                self.unknown.clear();
            }
        }
        self.unknown.insert(id, now);
    }

    pub(super) fn id(&self, subject: &str, schema: &Schema) -> Option<u32> {
        // A handful of subjects: looking through them saves the copy that a key of two owned parts would need.
        self.ids.iter().find(|((name, known), _)| name == subject && known == schema).map(|(_, id)| *id)
    }

    pub(super) fn keep_id(&mut self, subject: &str, schema: &Schema, id: u32) {
        if self.ids.len() >= MOST_SCHEMAS {
            self.ids.clear();
        }
        self.ids.insert((subject.to_owned(), schema.clone()), id);
        // The registry did not know it before.
        self.unknown.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SchemaType;

    fn schema(id: u32) -> Arc<RegisteredSchema> {
        let text = "\"string\"".to_owned();
        Arc::new(RegisteredSchema { id, schema_type: SchemaType::Avro, text, references: Vec::new() })
    }

    #[test]
    fn an_unknown_id_is_asked_for_again_after_a_while() {
        let mut memory = Memory::new(Duration::from_secs(30));
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(memory.schema(7, start), None);
        memory.keep_unknown(7, start);
        assert_eq!(memory.schema(7, after(29)), Some(Known::Unknown));
        assert_eq!(memory.schema(7, after(30)), None);
        memory.keep(schema(7));
        assert_eq!(memory.schema(7, after(1)), Some(Known::Schema(schema(7))));
    }

    #[test]
    fn an_id_that_we_registered_is_unknown_no_more() {
        let mut memory = Memory::new(Duration::from_secs(30));
        let now = Instant::now();
        memory.keep_unknown(7, now);
        let text = Schema::new(SchemaType::Avro, "\"string\"");
        memory.keep_id("users-value", &text, 7);
        assert_eq!(memory.schema(7, now), None);
        assert_eq!(memory.id("users-value", &text), Some(7));
        assert_eq!(memory.id("others-value", &text), None);
    }

    #[test]
    fn it_is_bounded_whatever_is_asked_for() {
        let mut memory = Memory::new(Duration::from_secs(30));
        let now = Instant::now();
        for id in 0..20_000 {
            memory.keep_unknown(id, now);
            memory.keep(schema(id + 100_000));
        }
        assert!(memory.unknown.len() <= MOST_UNKNOWN && memory.schemas.len() <= MOST_SCHEMAS);
        assert_eq!(memory.schema(19_999, now), Some(Known::Unknown), "the latest is kept");
    }
}
