//! The one description of an event: where it travels, what its key is, which rules it keeps. Its fields are those of
//! the compiled message, and everything else follows from them.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::field::{Field, Kind, MessageError, message};
use crate::frame::{Encoding, SchemaId};
use crate::json_key::JsonKey;
use crate::raw_schema;
use crate::rule::{Check, Rule};

/// What a record's key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// This field's text, UTF-8.
    Text(&'static str),
    /// The 16 bytes of this field's uuid (8-4-4-4-12 hex digits of either case); its UTF-8 where it is no uuid.
    Uuid(&'static str),
}

/// What JSON and Avro do with a date or a coordinate that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The field is absent: values travel as their source gave them.
    Absent,
    /// The record is refused.
    Refused,
}

/// What is written down of an event; all else is derived.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The message's full name, such as `millrace.users.v1.UserCreated`: also the header `event-type`.
    pub message: &'static str,
    /// As the broker spells it.
    pub topic: &'static str,
    /// The raw table's name, such as `users`: its files lie in `raw/<table>`.
    pub table: &'static str,
    /// What the key of a record has to be.
    pub key: KeyRule,
    /// The text field with the id of the person whom the event is about; `None`: it is about nobody. Erasure goes by it.
    pub data_subject: Option<&'static str>,
    /// What the fields keep beyond their types; held against each record.
    pub rules: &'static [Rule],
    /// What becomes of a value that cannot be read as its field's type, where the field could be absent.
    pub unreadable: Unreadable,
    /// Where other teams write this event in older shapes of JSON: the field whose key tells ours from them.
    pub recognised_by: Option<&'static str>,
    /// The event's number, never used again: the repository's own schema ids come from it, see [`Event::schema_id`].
    pub number: u32,
    /// The .proto file's text, for a schema registry.
    pub proto: Option<&'static str>,
}

/// Why a description cannot be an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// The descriptors have no such message, or one that no event can have.
    #[error("event {event}: {source}")]
    Message {
        /// The message's full name.
        event: &'static str,
        /// What is wrong with it.
        source: MessageError,
    },
    /// A name in the description fits nothing in the message.
    #[error(
        "event {event}: {name} is no field or symbol that its rules, its key and its subject can name so"
    )]
    NoSuchName {
        /// The message's full name.
        event: &'static str,
        /// The name that fits nothing.
        name: &'static str,
    },
}

/// An event: its description together with its fields. Cheap to clone; two clones are the same event.
#[derive(Debug, Clone)]
pub struct Event(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    description: Description,
    fields: Vec<Field>,
    /// Of the fields' names.
    json_keys: Vec<JsonKey>,
    doc: Option<String>,
    /// Which message of its file it is.
    message_index: usize,
    /// The slots and kinds of the numbers below [`DENSE`].
    slots: Vec<Option<(u16, Kind)>>,
    checks: Vec<Check>,
    key_slot: usize,
    recognised_by_slot: Option<usize>,
    data_subject_slot: Option<usize>,
    schema: SchemaRef,
}

/// Field numbers below this are looked up in one step.
const DENSE: usize = 128;

impl Event {
    /// Reads the message from `descriptors`, an encoded `google.protobuf.FileDescriptorSet` with its imports, such as
    /// [`millrace_proto::DESCRIPTORS`] or what protox compiles.
    pub fn new(description: Description, descriptors: &[u8]) -> Result<Self, DescriptionError> {
        let event = description.message;
        let set = FileDescriptorSet::decode(descriptors).map_err(MessageError::from);
        let message = set.and_then(|set| message(&set, event));
        let message = message.map_err(|source| DescriptionError::Message { event, source })?;
        let no_name = |name| DescriptionError::NoSuchName { event, name };
        let slot = |name: &'static str| {
            message.fields.iter().position(|field| field.name == name).ok_or_else(|| no_name(name))
        };
        let text_slot = |name: &'static str| {
            slot(name).and_then(|slot| match message.fields[slot].kind {
                Kind::Text => Ok(slot),
                _ => Err(no_name(name)),
            })
        };
        let checks = description.rules.iter().map(|rule| rule.check(&message.fields).map_err(no_name));
        let (KeyRule::Text(key) | KeyRule::Uuid(key)) = description.key;
        let mut slots = vec![None; DENSE];
        for (slot, field) in message.fields.iter().enumerate() {
            if let Some(place) = slots.get_mut(field.number as usize) {
                *place = Some((slot as u16, field.kind));
            }
        }
        Ok(Self(Arc::new(Compiled {
            checks: checks.collect::<Result<_, _>>()?,
            key_slot: slot(key)?,
            recognised_by_slot: description.recognised_by.map(slot).transpose()?,
            data_subject_slot: description.data_subject.map(text_slot).transpose()?,
            schema: raw_schema::of_fields(&message.fields),
            description,
            doc: message.doc,
            message_index: message.index,
            slots,
            json_keys: message.fields.iter().map(|field| JsonKey::new(&field.name)).collect(),
            fields: message.fields,
        })))
    }

    /// The message's full name.
    pub fn message(&self) -> &'static str {
        self.0.description.message
    }

    /// As the broker spells it.
    pub fn topic(&self) -> &'static str {
        self.0.description.topic
    }

    /// The raw table's name, without `raw/`.
    pub fn table(&self) -> &'static str {
        self.0.description.table
    }

    /// The column with the id of the person whom a row is about.
    pub fn data_subject(&self) -> Option<&'static str> {
        self.0.description.data_subject
    }

    /// The field of [`data_subject`](Self::data_subject).
    pub fn data_subject_field(&self) -> Option<&Field> {
        self.0.data_subject_slot.map(|slot| &self.0.fields[slot])
    }

    /// What the event was made from.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// In the order of their numbers, which is the order of the columns too. A field's index here is its slot.
    pub fn fields(&self) -> &[Field] {
        &self.0.fields
    }

    /// In the order of the fields.
    pub(crate) fn json_keys(&self) -> &[JsonKey] {
        &self.0.json_keys
    }

    /// The .proto file's words on the message.
    pub fn doc(&self) -> Option<&str> {
        self.0.doc.as_deref()
    }

    /// The raw table's columns: the fields, all nullable, then [`raw_schema::source_position`].
    pub fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    /// The slot of the field of this name.
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.0.fields.iter().position(|field| field.name == name)
    }

    #[inline]
    pub(crate) fn slot_of_number(&self, number: u32) -> Option<(usize, Kind)> {
        match self.0.slots.get(number as usize) {
            Some(place) => place.map(|(slot, kind)| (usize::from(slot), kind)),
            None => {
                let slot = self.0.fields.binary_search_by_key(&number, |field| field.number).ok()?;
                Some((slot, self.0.fields[slot].kind))
            }
        }
    }

    /// Which message of its .proto file it is, from 0.
    pub(crate) fn message_index(&self) -> usize {
        self.0.message_index
    }

    pub(crate) fn recognised_by_slot(&self) -> Option<usize> {
        self.0.recognised_by_slot
    }

    pub(crate) fn unreadable(&self) -> Unreadable {
        self.0.description.unreadable
    }

    /// Whether both are clones of one event.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The id that the repository's own schemas have, where no registry gives ids: `9000 + 10 × number`, and 1 for
    /// Protobuf, 2 for Avro, 3 for JSON.
    pub fn schema_id(&self, encoding: Encoding) -> SchemaId {
        let last = match encoding {
            Encoding::Protobuf => 1,
            Encoding::Avro => 2,
            Encoding::Json => 3,
        };
        SchemaId(9_000 + 10 * self.0.description.number + last)
    }

    /// The rules, in the places of the fields.
    #[inline]
    pub(crate) fn checks(&self) -> &[Check] {
        &self.0.checks
    }

    /// The slot of the field that makes a record's key.
    pub(crate) fn key_slot(&self) -> usize {
        self.0.key_slot
    }
}
