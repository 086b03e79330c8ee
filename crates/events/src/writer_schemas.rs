//! Who knows the schemas that wrote framed values: a port, and what it hands out.

use crate::failure::{Class, Classified};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use apache_avro::schema::Schema;

use crate::avro::{self, Plan};
use crate::decode_error::DecodeError;
use crate::event::Event;
use crate::frame::{Encoding, MessagePath, SchemaId};
use crate::{proto_descriptor, proto_text};

/// The schemas by id, as far as they are known.
///
/// This answers at once and fetches nothing: before a record is decoded, its caller asks [`SchemaId::needed_by`] and
/// fetches what is not known yet. A registry that does not answer is `Retry`, and the record is not taken before it
/// does; one that has no such schema leaves it unknown, and the record becomes a dead letter `unknown_schema`. An id
/// means one schema for ever.
pub trait WriterSchemas: Debug + Send + Sync {
    /// The schema of this id; `None` where it is not known, or not yet.
    fn get(&self, id: SchemaId) -> Option<Arc<WriterSchema>>;
}

/// A schema by which values were written.
#[derive(Debug)]
pub struct WriterSchema {
    encoding: Encoding,
    written: Written,
}

#[derive(Debug)]
enum Written {
    Avro {
        /// The schema, and before it what it refers to.
        parts: Vec<Schema>,
        /// By event: one schema is read for one event nearly always.
        plans: Mutex<Vec<(Event, Result<Arc<Plan>, DecodeError>)>>,
    },
    /// The messages of a file.
    Protobuf(Vec<(proto_text::Path, String)>),
    Json,
    /// It is known, and nothing can be read by it: why.
    Unusable(String),
}

/// A schema's text is none.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Avro's parser does not take the text.
    #[error("the text is no Avro schema")]
    Avro(#[source] Box<apache_avro::Error>),
    /// An Avro schema is written in JSON, and this text is not.
    #[error("a text of it is no JSON")]
    NotJson(#[source] serde_json::Error),
    /// Neither the text of a `.proto` file nor a descriptor in base64 with a message in it.
    #[error("the text defines no message")]
    NoMessage,
    /// How many bytes the text has.
    #[error("the text has {0} bytes, more than {LONGEST}")]
    TooLong(usize),
}

impl Classified for SchemaError {
    fn class(&self) -> Class {
        crate::failure::Class::Stop
    }
}

/// Bytes of a schema's text. Registries take about a megabyte; what is longer could cost more time than it is worth.
const LONGEST: usize = 1 << 20;

impl WriterSchema {
    /// From the text of an Avro schema that refers to no other text.
    pub fn avro(text: &str) -> Result<Self, SchemaError> {
        Self::avro_with(text, &[])
    }

    /// From the text of an Avro schema and the texts of what it refers to, each behind those that it refers to itself.
    pub fn avro_with(text: &str, references: &[String]) -> Result<Self, SchemaError> {
        let texts = references.iter().map(String::as_str).chain([text]);
        let parts = avro::parse::in_order(&texts.map(short).collect::<Result<Vec<_>, _>>()?)?;
        Ok(Self::of(Encoding::Avro, Written::Avro { parts, plans: Mutex::default() }))
    }

    /// From a .proto file's text, or its descriptor in base64, of which only the names of its messages are read. What it imports is not needed: a frame
    /// names a message of the file itself, and its fields are read by their numbers.
    pub fn protobuf(text: &str) -> Result<Self, SchemaError> {
        let mut messages = proto_text::messages(short(text)?);
        if messages.is_empty() {
            messages = proto_descriptor::messages(text);
        }
        if messages.is_empty() {
            return Err(SchemaError::NoMessage);
        }
        Ok(Self::of(Encoding::Protobuf, Written::Protobuf(messages)))
    }

    /// Any JSON Schema: it is not looked at, the event's own rules hold.
    pub fn json() -> Self {
        Self::of(Encoding::Json, Written::Json)
    }

    /// A schema that is there and cannot be used, and why: `"cannot be used: …"`. What needs no schema to be read is read all
    /// the same.
    pub fn unusable(encoding: Encoding, reason: String) -> Self {
        Self::of(encoding, Written::Unusable(reason))
    }

    pub(crate) fn of_message(path: proto_text::Path, name: &str) -> Self {
        Self::of(Encoding::Protobuf, Written::Protobuf(vec![(path, name.to_owned())]))
    }

    fn of(encoding: Encoding, written: Written) -> Self {
        Self { encoding, written }
    }

    /// Which encoding values of this schema are in.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(crate) fn is_unusable(&self) -> bool {
        matches!(self.written, Written::Unusable(_))
    }

    /// Whether the path names the event's message.
    pub(crate) fn names(&self, path: &MessagePath<'_>, event: &Event) -> Result<bool, DecodeError> {
        match &self.written {
            Written::Protobuf(messages) => {
                Ok(messages.iter().any(|(place, name)| path.is(place) && name == event.message()))
            }
            Written::Unusable(reason) => Err(DecodeError::UnfitSchema { reason: reason.clone() }),
            Written::Avro { .. } | Written::Json => Ok(false),
        }
    }

    /// The plan by which its values become the event's rows, made at the first call. A schema that cannot be the event's
    /// is a refusal of every value that it wrote.
    pub(crate) fn plan(&self, event: &Event) -> Result<Arc<Plan>, DecodeError> {
        let (parts, plans) = match &self.written {
            Written::Avro { parts, plans } => (parts, plans),
            Written::Unusable(reason) => return Err(DecodeError::UnfitSchema { reason: reason.clone() }),
            Written::Protobuf(_) | Written::Json => {
                return Err(DecodeError::UnfitSchema { reason: "is no Avro schema".to_owned() });
            }
        };
        let mut plans = plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, plan)) = plans.iter().find(|(known, _)| known.is(event)) {
            return plan.clone();
        }
        let plan = Plan::new(event, parts).map(Arc::new);
        plans.push((event.clone(), plan.clone()));
        plan
    }
}

fn short(text: &str) -> Result<&str, SchemaError> {
    if text.len() > LONGEST { Err(SchemaError::TooLong(text.len())) } else { Ok(text) }
}
