//! What a registry keeps: schemas, their types, and what they refer to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The language that a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SchemaType {
    /// Also what an answer without a type means.
    #[default]
    Avro,
    /// A `.proto` file.
    Protobuf,
    /// JSON Schema.
    Json,
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avro => "AVRO",
            Self::Protobuf => "PROTOBUF",
            Self::Json => "JSON",
        })
    }
}

/// A schema that another one uses, by the name under which it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// An Avro full name, a Protobuf import path, a JSON `$ref`.
    pub name: String,
    /// The registry subject that the other schema is kept under.
    pub subject: String,
    /// From 1.
    pub version: i32,
}

/// A schema to be registered or asked about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schema {
    /// The language of `text`.
    pub schema_type: SchemaType,
    /// In its own language: JSON for Avro and JSON Schema, a `.proto` file's text for Protobuf.
    pub text: String,
    /// What it uses of other subjects; they have to be registered first.
    pub references: Vec<Reference>,
}

impl Schema {
    /// A schema that stands by itself.
    pub fn new(schema_type: SchemaType, text: impl Into<String>) -> Self {
        Self { schema_type, text: text.into(), references: Vec::new() }
    }
}

/// A schema as the registry has it. It never changes: an id stands for one text for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredSchema {
    /// The number in a record's frame.
    pub id: u32,
    /// The language of `text`.
    pub schema_type: SchemaType,
    /// In its own language, as the registry has it.
    pub text: String,
    /// As the registry tells them; to be fetched by subject and version where they are needed.
    pub references: Vec<Reference>,
}

/// A version of a subject, and its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectVersion {
    /// The subject's name.
    pub subject: String,
    /// From 1, growing; deleted ones leave gaps.
    pub version: i32,
    /// What was registered as this version.
    pub schema: RegisteredSchema,
}

/// What a registry says of a schema held against those of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compatibility {
    /// The schema may be registered.
    Compatible,
    /// Why, in the registry's words. Empty where it gives none, as Apicurio never does.
    Incompatible {
        /// Each one as the registry words it.
        reasons: Vec<String>,
    },
}

/// What a new schema of a subject has to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Nothing is checked.
    None,
    /// The new schema reads what the latest wrote.
    Backward,
    /// The new schema reads what any before it wrote.
    BackwardTransitive,
    /// The latest schema reads what the new one writes.
    Forward,
    /// Any schema before reads what the new one writes.
    ForwardTransitive,
    /// Backward and forward.
    Full,
    /// Backward and forward, for any before it.
    FullTransitive,
}
