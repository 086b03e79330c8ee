//! What a schema refers to, fetched: each version once, whoever refers to it.

use std::sync::Arc;

use millrace_events::failure::{Class, Classified};
use millrace_events::schema_references::{Place, ReferenceError, References};

use super::client::Registry;
use super::error::RegistryError;
use super::http::Call;
use super::responses::GivenVersion;
use super::schema::{Reference, RegisteredSchema, SubjectVersion};

/// Why a schema's references are not there.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The schema is at fault.
    #[error(transparent)]
    Schema(#[from] ReferenceError),
    /// The registry did not say.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Classified for ResolveError {
    fn class(&self) -> Class {
        match self {
            Self::Schema(error) => error.class(),
            Self::Registry(error) => error.class(),
        }
    }
}

impl Registry {
    /// The texts of all that a schema refers to, directly or by others, each behind those that it refers to itself.
    ///
    /// # Errors
    /// A reference that the registry has not, a circle, or more than the bounds: `DeadLetter`. Any other says nothing of the schema.
    pub async fn resolve(&self, schema: &RegisteredSchema) -> Result<Vec<String>, ResolveError> {
        let mut references = References::of(places(&schema.references));
        while let Some(place) = references.wanted()?.cloned() {
            let found = self.referred(&place).await?.ok_or(ReferenceError::Missing(place))?;
            references.give(found.schema.text.clone(), places(&found.schema.references))?;
        }
        Ok(references.into_texts())
    }

    /// A version that another schema refers to; `None` where the registry has none.
    async fn referred(&self, place: &Place) -> Result<Option<Arc<SubjectVersion>>, RegistryError> {
        if let Some(known) = self.memory().version(place) {
            return Ok(Some(known));
        }
        let Place { subject, version } = place;
        let version = version.to_string();
        let path = ["subjects", subject.as_str(), "versions", &version];
        let task = format!("fetch version {version} of the subject {subject}, which a schema refers to");
        // What was deleted softly is still referred to.
        let call = Call { query: Some(("deleted", "true")), ..Call::get(task, &path) };
        match self.ask::<GivenVersion>(call).await {
            Ok(given) => {
                let found = Arc::new(SubjectVersion::from(given));
                self.memory().keep_version(place.clone(), Arc::clone(&found));
                Ok(Some(found))
            }
            Err(failed) if failed.error.says_unknown() => Ok(None),
            Err(failed) => Err(self.failed(failed)),
        }
    }
}

fn places(references: &[Reference]) -> Vec<Place> {
    let place =
        |reference: &Reference| Place { subject: reference.subject.clone(), version: reference.version };
    references.iter().map(place).collect()
}
