//! A client of a schema registry that speaks Confluent's REST API: Confluent's own, Apicurio's, and their kin.
//!
//! A producer calls [`Registry::ensure_registered`] before its first record; a consumer calls [`Registry::fetch`] with the
//! id in a record's frame, and [`Registry::resolve`] with what that refers to. Why it is ours: docs/decisions/0009-registry-client.md.

mod cache;
mod client;
mod error;
mod http;
mod registration;
mod responses;
mod retry;
mod schema;
mod schema_references;
mod settings;

pub use client::Registry;
pub use error::{CallError, RegistryError};
pub use registration::{Registered, Subject};
pub use retry::RetryPolicy;
pub use schema::{Compatibility, Level, Reference, RegisteredSchema, Schema, SchemaType, SubjectVersion};
pub use schema_references::ResolveError;
pub use settings::RegistrySettings;
