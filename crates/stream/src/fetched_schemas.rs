//! The schemas of framed records as a registry has them, fetched before the records are decoded.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_events::frame::{Encoding, SchemaId};
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::writer_schemas::{SchemaError, WriterSchema, WriterSchemas};

use crate::registry::{CallError, RegisteredSchema, Registry, RegistryError, ResolveError, SchemaType};

/// What a registry told so far; beneath it, what the repository knows by itself.
///
/// A record's decoder asks [`get`](WriterSchemas::get) and is answered at once. Whoever hands it the record has asked
/// [`learn`](Self::learn) before: a registry that does not answer is an error that is worth another try, and the record
/// stays unread; one that does not know the id is none, and the record becomes a dead letter.
#[derive(Debug)]
pub struct FetchedSchemas {
    registry: Registry,
    known: RwLock<HashMap<SchemaId, Known>>,
    /// Held while one is learned: of many who want it one asks, and what is wrong with it is said once.
    learning: tokio::sync::Mutex<()>,
    /// What was last said to be wrong with an id; `None`: it is unknown.
    told: Mutex<HashMap<SchemaId, Option<String>>>,
    /// How long what was refused is not looked at again: it may be mended meanwhile.
    refused_for: Duration,
    own: Arc<RepositorySchemas>,
}

/// What is known of an id.
#[derive(Debug)]
enum Known {
    Schema(Arc<WriterSchema>),
    /// There is none, or none that can be used, as far as was found then.
    Refused(Option<Arc<WriterSchema>>, Instant),
}

/// Refused ids kept at most. Values that merely look framed can hold any of four billion.
const MOST_REFUSED: usize = 1_024;

impl FetchedSchemas {
    /// Nothing is known yet, and nothing asked.
    pub fn new(registry: Registry) -> Self {
        let (known, learning) = (RwLock::default(), tokio::sync::Mutex::default());
        let refused_for = registry.unknown_for();
        let (told, own) = (Mutex::default(), RepositorySchemas::shared());
        Self { registry, known, learning, told, refused_for, own }
    }

    /// Whether [`learn`](Self::learn) has something to do.
    pub fn lacks(&self, id: SchemaId) -> bool {
        match self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            None => true,
            Some(Known::Schema(_)) => false,
            Some(Known::Refused(_, since)) => since.elapsed() >= self.refused_for,
        }
    }

    /// Asks the registry for a schema that is not known yet, and for what that refers to.
    ///
    /// # Errors
    /// The registry did not answer (`Retry`), or refuses to (`Stop`). A schema that it does not know, whose text is none or
    /// whose references lead nowhere is no error: what is wrong with it is logged once, and stands in the dead letter
    /// of each record that cannot be read without it.
    pub async fn learn(&self, id: SchemaId) -> Result<(), RegistryError> {
        if !self.lacks(id) {
            return Ok(());
        }
        let _one_learns = self.learning.lock().await;
        if !self.lacks(id) {
            return Ok(());
        }
        let schema = match self.registry.fetch(id.0).await {
            Ok(schema) => schema,
            Err(error @ RegistryError::UnknownId { .. }) => {
                if self.is_news(id, None) {
                    tracing::warn!(id = id.0, error = &error as &dyn Error, "schema_unknown");
                }
                self.keep(id, Known::Refused(None, Instant::now()));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let (usable, may_be_mended) = match self.registry.resolve(&schema).await {
            // An id's text is the same for ever, and so are the versions that it refers to: what is no schema becomes none.
            Ok(references) => (written(&schema, &references).map_err(|error| in_words(&error)), false),
            Err(ResolveError::Registry(error)) if says_nothing(&error, schema.schema_type) => {
                return Err(error);
            }
            Err(error) => (Err(in_words(&error)), true),
        };
        let known = match usable {
            Ok(schema) => Known::Schema(Arc::new(schema)),
            Err(reason) => {
                let schema_type = schema.schema_type;
                if self.is_news(id, Some(&reason)) {
                    tracing::warn!(id = id.0, r#type = %schema_type, reason, "schema_unusable");
                }
                // Protobuf and JSON are read without what they refer to, and JSON without any schema.
                let alone = match schema_type {
                    SchemaType::Avro => None,
                    SchemaType::Protobuf | SchemaType::Json => written(&schema, &[]).ok(),
                };
                let unusable = |reason| WriterSchema::unusable(encoding(schema_type), reason);
                let schema =
                    alone.unwrap_or_else(|| unusable(format!("(id {}) cannot be used: {reason}", id.0)));
                match may_be_mended {
                    true => Known::Refused(Some(Arc::new(schema)), Instant::now()),
                    false => Known::Schema(Arc::new(schema)),
                }
            }
        };
        self.keep(id, known);
        Ok(())
    }

    /// Whether what is wrong with an id has not been said yet: it is found again each time that it is looked whether it was mended.
    fn is_news(&self, id: SchemaId, reason: Option<&str>) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MOST_REFUSED {
            told.clear();
        }
        let reason = reason.map(str::to_owned);
        told.insert(id, reason.clone()).is_none_or(|before| before != reason)
    }

    fn keep(&self, id: SchemaId, found: Known) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let is_refused = |known: &Known| matches!(known, Known::Refused(..));
        if is_refused(&found) && known.values().filter(|known| is_refused(known)).count() >= MOST_REFUSED {
            known.retain(|_, known| !is_refused(known));
        }
        known.insert(id, found);
    }
}

/// Whether a call that failed leaves it open what the schema is: it is neither there nor known to be none.
fn says_nothing(error: &RegistryError, schema_type: SchemaType) -> bool {
    match error {
        // Larger than any schema that a registry takes: what lies there is none.
        RegistryError::Call { source: CallError::TooLarge { .. }, .. } => false,
        // Only Avro cannot be read without what it refers to; the others wait for nobody's rights to be mended.
        error => schema_type == SchemaType::Avro || error.class() == Class::Retry,
    }
}

fn encoding(schema_type: SchemaType) -> Encoding {
    match schema_type {
        SchemaType::Avro => Encoding::Avro,
        SchemaType::Protobuf => Encoding::Protobuf,
        SchemaType::Json => Encoding::Json,
    }
}

fn written(schema: &RegisteredSchema, references: &[String]) -> Result<WriterSchema, SchemaError> {
    match schema.schema_type {
        SchemaType::Avro => WriterSchema::avro_with(&schema.text, references),
        SchemaType::Protobuf => WriterSchema::protobuf(&schema.text),
        SchemaType::Json => Ok(WriterSchema::json()),
    }
}

/// An error and what lies beneath it, on one line and no longer than a dead letter's header should be.
fn in_words(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(beneath) = cause {
        told = format!("{told}: {beneath}");
        cause = beneath.source();
    }
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    told.chars().take(MOST_SAID).map(blank).collect()
}

/// In characters: a message of the parser's may quote the schema.
const MOST_SAID: usize = 500;

impl WriterSchemas for FetchedSchemas {
    fn get(&self, id: SchemaId) -> Option<Arc<WriterSchema>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.get(&id) {
            Some(Known::Schema(schema) | Known::Refused(Some(schema), _)) => Some(Arc::clone(schema)),
            Some(Known::Refused(None, _)) | None => self.own.get(id),
        }
    }
}
