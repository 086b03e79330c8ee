//! A record's value, and its way into a row: out of the frame, by its encoding, past the event's rules.

use std::sync::Arc;

use crate::avro::Plan;
use crate::decode_error::DecodeError;
use crate::event::Event;
use crate::external_user;
use crate::frame::{Encoding, MessagePath, Opened, SchemaId, looks_like};
use crate::json_reader;
use crate::protobuf_reader;
use crate::row::{Row, RowBuffer};
use crate::user_fast_path;
use crate::writer_schemas::{WriterSchema, WriterSchemas};

/// A value and what the record's headers say of it.
#[derive(Clone, Copy, Default)]
pub struct Value<'a> {
    /// `None` is Kafka's null, a tombstone.
    pub bytes: Option<&'a [u8]>,
    /// Header `content-type`.
    pub content_type: Option<&'a str>,
    /// Where a user in the API's own shape came from: header `source`, or a dead letter's `source-topic`.
    pub source: Option<&'a str>,
}

/// Row values never reach a log.
impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.bytes.map(<[u8]>::len);
        f.debug_struct("Value")
            .field("bytes", &bytes)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

impl Value<'_> {
    /// The schema that has to be fetched before this is decoded, see [`SchemaId::needed_by`].
    pub fn schema_needed(&self) -> Option<SchemaId> {
        SchemaId::needed_by(self.bytes?, self.content_type)
    }
}

/// Values of one event into rows. Used again and again, it allocates nothing for a good record.
#[derive(Debug)]
pub struct Decoder {
    event: Event,
    schemas: Arc<dyn WriterSchemas>,
    row: RowBuffer,
    /// The schema that was last asked for, and its plan where one was: records of one schema come together.
    last: Option<(SchemaId, Arc<WriterSchema>, Option<Arc<Plan>>)>,
}

/// The longest value that is read, in bytes: with a batch's others it stays below the two gigabytes of texts that an Arrow array takes.
/// Brokers take records of one megabyte unless told otherwise.
const LONGEST: usize = 1 << 30;

impl Decoder {
    /// Of values of `event`. `schemas` are asked for what wrote framed values, and have to be fetched before.
    pub fn new(event: &Event, schemas: Arc<dyn WriterSchemas>) -> Self {
        Self { event: event.clone(), schemas, row: RowBuffer::new(event), last: None }
    }

    /// Whose values it decodes.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The value's row, which keeps the event's rules.
    pub fn decode(&mut self, value: &Value<'_>) -> Result<Row<'_>, DecodeError> {
        self.row.clear();
        self.fill(value)?;
        let row = self.row.settle().map_err(|fault| fault.of(&self.event))?;
        self.event.check(&row)?;
        Ok(row)
    }

    fn fill(&mut self, value: &Value<'_>) -> Result<(), DecodeError> {
        let bytes = value.bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| refused("it is empty"))?;
        if bytes.len() > LONGEST {
            return Err(refused("it is longer than a gigabyte"));
        }
        let opened = Opened::of(bytes, value.content_type);
        let encoding = match (opened.declared, opened.schema) {
            (Some(declared), _) => declared,
            // Confluent's own producers write no content-type: the schema says what its values are.
            (None, Some(id)) => match self.known(id) {
                Ok(schema) => schema.encoding(),
                Err(_) => looks_like(opened.rest),
            },
            (None, None) => looks_like(opened.rest),
        };
        match encoding {
            Encoding::Protobuf => {
                let message = match opened.schema {
                    Some(id) => self.message(id, opened.rest)?,
                    None => opened.rest,
                };
                protobuf_reader::read(&self.event, message, &mut self.row)
                    .map_err(|fault| fault.of(&self.event))
            }
            Encoding::Avro => {
                let id = opened.schema.ok_or_else(|| {
                    refused("its content-type is application/avro and no schema id is in front of it, without which Avro cannot be read")
                })?;
                let plan = self.plan(id)?;
                plan.read(&self.event, opened.rest, &mut self.row).map_err(|fault| fault.of(&self.event))
            }
            Encoding::Json => {
                let text = utf8(opened.rest).ok_or_else(|| DecodeError::Undecodable {
                    format: "JSON",
                    reason: "it is not UTF-8".to_owned(),
                })?;
                let recognised_by =
                    self.event.recognised_by_slot().map(|slot| self.event.fields()[slot].name.as_str());
                if let Some(recognised_by) = recognised_by {
                    if user_fast_path::read(text, recognised_by, &self.event, &mut self.row).is_some() {
                        return Ok(());
                    }
                    self.row.clear();
                    if !json_reader::has_key(text, recognised_by) {
                        return external_user::decode(text, value.source, &self.event, &mut self.row);
                    }
                }
                json_reader::read(text, &self.event, &mut self.row)
            }
        }
    }

    /// What stands behind the message indexes, which have to name the event's message.
    fn message<'a>(&mut self, id: SchemaId, rest: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        // A frame around nothing is the message without a field.
        if rest.is_empty() {
            return Ok(rest);
        }
        let (path, message) =
            MessagePath::before(rest).ok_or_else(|| refused("its frame's message indexes are malformed"))?;
        // The first message of its file is the event's wherever it is so here; any other has to be looked up.
        if path.is(&[0]) && self.event.message_index() == 0 {
            return Ok(message);
        }
        let event = self.event.clone();
        if self.known(id)?.names(&path, &event)? {
            return Ok(message);
        }
        Err(refused("its frame's message indexes name another message than the event's"))
    }

    fn known(&mut self, id: SchemaId) -> Result<&Arc<WriterSchema>, DecodeError> {
        // One that cannot be used may be mended, and be another when it is asked for again.
        if self.last.as_ref().is_none_or(|(last, schema, _)| *last != id || schema.is_unusable()) {
            let schema = self.schemas.get(id).ok_or(DecodeError::UnknownSchema(id.0))?;
            self.last = Some((id, schema, None));
        }
        self.last.as_ref().map(|(_, schema, _)| schema).ok_or(DecodeError::UnknownSchema(id.0))
    }

    fn plan(&mut self, id: SchemaId) -> Result<Arc<Plan>, DecodeError> {
        if let Some((last, _, Some(plan))) = &self.last
            && *last == id
        {
            return Ok(plan.clone());
        }
        let event = self.event.clone();
        let plan = self.known(id)?.plan(&event)?;
        if let Some((_, _, known)) = &mut self.last {
            *known = Some(plan.clone());
        }
        Ok(plan)
    }
}

/// Short texts are mostly ASCII, which the standard library passes over in fewer steps than the other needs to begin and end.
fn utf8(bytes: &[u8]) -> Option<&str> {
    const SHORT: usize = 1_024;
    if bytes.len() < SHORT { std::str::from_utf8(bytes).ok() } else { simdutf8::basic::from_utf8(bytes).ok() }
}

fn refused(reason: &str) -> DecodeError {
    DecodeError::Undecodable { format: "event", reason: reason.to_owned() }
}
