//! What a producer does before its first record: have its schemas registered, or refuse to start.

use super::client::Registry;
use super::error::RegistryError;
use super::schema::{Compatibility, Schema};

/// A schema and the subject that it belongs to: `<topic>-value` by Confluent's usual naming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// As the registry spells it, `<topic>-value`.
    pub name: String,
    /// Registered where no version of the subject has it.
    pub schema: Schema,
}

impl Subject {
    /// The subject of a topic's values.
    pub fn of_values(topic: &str, schema: Schema) -> Self {
        Self { name: format!("{topic}-value"), schema }
    }
}

/// What a producer puts into its records' frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The subject's name.
    pub subject: String,
    /// The schema's id in the registry, as frames have it.
    pub id: u32,
    /// False where the subject had the schema already.
    pub new: bool,
}

impl Registry {
    /// Sees to it that each subject has its schema, and answers the ids in the order of `subjects`.
    ///
    /// All are checked before the first is registered, so that one that is refused leaves the registry as it was. A schema
    /// that its subject has already, as its newest or an older version, is neither checked nor registered: a producer may
    /// go back to an older release, and one without the right to register may start.
    ///
    /// # Errors
    /// [`RegistryError::Incompatible`] with the subject and the registry's reasons, and whatever a call may end in.
    pub async fn ensure_registered(&self, subjects: &[Subject]) -> Result<Vec<Registered>, RegistryError> {
        let mut present = Vec::with_capacity(subjects.len());
        for Subject { name, schema } in subjects {
            let found = self.lookup(name, schema).await?;
            if found.is_none()
                && let Compatibility::Incompatible { reasons } = self.compatibility(name, schema).await?
            {
                let (subject, schema_type) = (name.clone(), schema.schema_type);
                return Err(RegistryError::Incompatible { url: self.url(), subject, schema_type, reasons });
            }
            present.push(found);
        }
        let mut registered = Vec::with_capacity(subjects.len());
        for (Subject { name, schema }, found) in subjects.iter().zip(present) {
            let id = match found {
                Some(id) => id,
                None => self.register(name, schema).await?,
            };
            registered.push(Registered { subject: name.clone(), id, new: found.is_none() });
        }
        Ok(registered)
    }
}
