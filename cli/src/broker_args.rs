//! Where Kafka and the schema registry are, as several commands are told.

use std::path::PathBuf;

use millrace_runtime::Secret;
use millrace_runtime::settings::Environment;
use millrace_stream::authority::Authority;
use millrace_stream::client::ClientSettings;
use millrace_stream::registry::{Registry, RegistrySettings};
use millrace_stream::security::Security;

use crate::settings;

/// Settings of a client of these brokers: who logs in, and how it is known that they are the right ones, the environment
/// says (`MILLRACE_KAFKA_SECURITY`, `_USER`, `_PASSWORD`, `_CA`, `_REGION`), or a file of settings.
pub(crate) fn client(brokers: &str) -> anyhow::Result<ClientSettings> {
    let mut environment = Environment::of(settings::variables(OF_KAFKA));
    let security = Security::of_environment(&mut environment);
    let security =
        environment.finish(|| security).map_err(|error| match settings::files_that_say(OF_KAFKA) {
            Some(places) => anyhow::anyhow!("{error} ({places})"),
            None => error.into(),
        })?;
    Ok(ClientSettings::new(brokers).secured(security))
}

/// Begins the environment's names of what a login to Kafka takes.
const OF_KAFKA: &str = "MILLRACE_KAFKA_";

/// `--registry` and who asks.
#[derive(Debug, clap::Args)]
pub(crate) struct RegistryArgs {
    /// The schema registry's URL; without one the schemas of this repository serve
    #[arg(long = "registry", value_name = "URL", env = "MILLRACE_REGISTRY_URL")]
    url: Option<String>,

    /// The registry's user; the password is MILLRACE_REGISTRY_PASSWORD, or registry_password of millrace.toml
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
            password: settings::variable(PASSWORD).filter(|_| self.user.is_some()).map(Secret::new),
            ca: self.ca_file.as_deref().map(Authority::from),
            ..RegistrySettings::new(url)
        };
        Ok(Some(Registry::new(&settings)?))
    }
}
