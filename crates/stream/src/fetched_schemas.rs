//! The schemas of framed records as a registry has them, fetched before the records are decoded.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use millrace_events::frame::SchemaId;
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::schemas::{WriterSchema, WriterSchemas};

use crate::registry::{RegisteredSchema, Registry, RegistryError, SchemaType};

/// What a registry told so far; beneath it, what the repository knows by itself.
///
/// A record's decoder asks [`get`](WriterSchemas::get) and is answered at once. Whoever hands it the record has asked
/// [`learn`](Self::learn) before: a registry that does not answer is an error that is worth another try, and the record
/// stays unread; one that does not know the id is none, and the record becomes a dead letter.
#[derive(Debug)]
pub struct FetchedSchemas {
    registry: Registry,
    known: RwLock<HashMap<SchemaId, Arc<WriterSchema>>>,
    own: Arc<RepositorySchemas>,
}

impl FetchedSchemas {
    pub fn new(registry: Registry) -> Self {
        Self { registry, known: RwLock::default(), own: RepositorySchemas::shared() }
    }

    /// Whether [`learn`](Self::learn) has something to do.
    pub fn lacks(&self, id: SchemaId) -> bool {
        !self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// Asks the registry for a schema that is not known yet.
    ///
    /// # Errors
    /// The registry did not answer (`Retry`), or refuses to (`Stop`). A schema that it does not know, or whose text is
    /// none, is no error: it stays unknown.
    pub async fn learn(&self, id: SchemaId) -> Result<(), RegistryError> {
        if !self.lacks(id) {
            return Ok(());
        }
        let schema = match self.registry.fetch(id.0).await {
            Ok(schema) => schema,
            Err(RegistryError::UnknownId { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        match written(&schema) {
            Ok(schema) => {
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.insert(id, Arc::new(schema));
            }
            Err(reason) => tracing::warn!(id = id.0, reason, "a schema of the registry cannot be used"),
        }
        Ok(())
    }
}

fn written(schema: &RegisteredSchema) -> Result<WriterSchema, String> {
    let told = |error: &dyn std::error::Error| error.to_string();
    match schema.schema_type {
        SchemaType::Avro => WriterSchema::avro(&schema.text).map_err(|error| told(&error)),
        SchemaType::Protobuf => WriterSchema::protobuf(&schema.text).map_err(|error| told(&error)),
        SchemaType::Json => Ok(WriterSchema::json()),
    }
}

impl WriterSchemas for FetchedSchemas {
    fn get(&self, id: SchemaId) -> Option<Arc<WriterSchema>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&id).cloned().or_else(|| self.own.get(id))
    }
}
