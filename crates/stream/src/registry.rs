//! A client of a schema registry that speaks Confluent's REST API: Confluent's own, Apicurio's, and their kin.
//!
//! A producer calls [`Registry::ensure_registered`] before its first record; a consumer calls [`Registry::fetch`] with the
//! id in a record's frame, and [`Registry::resolve`] with what that refers to. Why it is ours: docs/decisions/0009-registry-client.md.

mod cache;
mod client;
mod error;
mod http;
mod references;
mod registration;
mod responses;
mod schema;
mod settings;

pub use client::Registry;
pub use error::{CallError, RegistryError};
pub use references::ResolveError;
pub use registration::{Registered, Subject};
pub use schema::{Compatibility, Level, Reference, RegisteredSchema, Schema, SchemaType, SubjectVersion};
pub use settings::{RegistrySettings, RetryPolicy};
