//! The bodies that travel between us and the registry.

use serde::{Deserialize, Serialize};

use super::schema::{Level, Reference, RegisteredSchema, Schema, SchemaType, SubjectVersion};

/// A schema as it is sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SentSchema<'a> {
    schema: &'a str,
    schema_type: SchemaType,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    references: &'a [Reference],
}

/// The body that registers a schema or asks about it.
pub(super) fn sent(schema: &Schema) -> Vec<u8> {
    let Schema { schema_type, text, references } = schema;
    let body = SentSchema { schema: text, schema_type: *schema_type, references };
    // Texts and numbers alone: nothing of it can fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The answer to a registration.
#[derive(Debug, Deserialize)]
pub(super) struct GivenId {
    pub(super) id: u32,
}

/// A schema as it is answered, by its id.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GivenSchema {
    schema: String,
    /// Confluent leaves out Avro's.
    #[serde(default)]
    schema_type: Option<SchemaType>,
    #[serde(default)]
    references: Option<Vec<Reference>>,
}

impl GivenSchema {
    pub(super) fn of_id(self, id: u32) -> RegisteredSchema {
        RegisteredSchema {
            id,
            schema_type: self.schema_type.unwrap_or_default(),
            text: self.schema,
            references: self.references.unwrap_or_default(),
        }
    }
}

/// A version of a subject as it is answered.
#[derive(Debug, Deserialize)]
pub(super) struct GivenVersion {
    subject: String,
    version: i32,
    id: u32,
    #[serde(flatten)]
    schema: GivenSchema,
}

impl From<GivenVersion> for SubjectVersion {
    fn from(given: GivenVersion) -> Self {
        let GivenVersion { subject, version, id, schema } = given;
        Self { subject, version, schema: schema.of_id(id) }
    }
}

/// The answer to a compatibility check.
#[derive(Debug, Deserialize)]
pub(super) struct Verdict {
    pub(super) is_compatible: bool,
    #[serde(default)]
    pub(super) messages: Option<Vec<String>>,
}

/// The answer to a level's change, or its asking; the names differ.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptLevel {
    #[serde(alias = "compatibilityLevel")]
    pub(super) compatibility: Level,
}

/// The body of a refusal, where it has one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub(super) error_code: Option<u32>,
    pub(super) message: Option<String>,
}
