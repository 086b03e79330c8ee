//! Where Kafka and the schema registry are, as several commands are told.

use std::path::PathBuf;

use millrace_runtime::Secret;
use millrace_stream::registry::{Registry, RegistrySettings};

/// `--registry` and who asks.
#[derive(Debug, clap::Args)]
pub(crate) struct RegistryArgs {
    /// The schema registry's URL; without one the schemas of this repository serve
    #[arg(long = "registry", value_name = "URL", env = "MILLRACE_REGISTRY")]
    url: Option<String>,

    /// The registry's user; the password comes from MILLRACE_REGISTRY_PASSWORD alone
    #[arg(long = "registry-user", value_name = "USER", env = "MILLRACE_REGISTRY_USER", requires = "url")]
    user: Option<String>,

    /// PEM certificates of the authority that signed the registry's
    #[arg(long = "registry-ca", value_name = "FILE", env = "MILLRACE_REGISTRY_CA", requires = "url")]
    ca_file: Option<PathBuf>,
}

/// Never an argument: other users of the machine see these.
const PASSWORD: &str = "MILLRACE_REGISTRY_PASSWORD";

impl RegistryArgs {
    /// The registry, if one was named. Nothing is asked of it yet.
    pub(crate) fn registry(&self) -> anyhow::Result<Option<Registry>> {
        let Some(url) = &self.url else { return Ok(None) };
        let settings = RegistrySettings {
            user: self.user.clone(),
            password: std::env::var(PASSWORD).ok().filter(|_| self.user.is_some()).map(Secret::new),
            ca_file: self.ca_file.clone(),
            ..RegistrySettings::new(url)
        };
        Ok(Some(Registry::new(&settings)?))
    }
}
