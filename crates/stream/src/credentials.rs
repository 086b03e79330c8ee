//! Who logs in somewhere, as a secret of AWS Secrets Manager tells it.

use millrace_runtime::Secret;
use millrace_runtime::secret_source::{SecretError, SecretSource};
use serde::Deserialize;

/// A secret's text: `{"username": …, "password": …}`.
#[derive(Debug, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) password: Secret,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

impl Credentials {
    /// The login under a secret's name or ARN; `None` where its text is none. Blocks.
    pub(crate) fn fetch(secrets: &dyn SecretSource, id: &str) -> Result<Option<Self>, SecretError> {
        // serde's reason may quote the text.
        secrets.fetch(id).map(|text| serde_json::from_str(text.expose()).ok())
    }
}
