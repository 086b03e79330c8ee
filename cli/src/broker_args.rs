//! Where Kafka and the schema registry are, as several commands are told.

use std::path::PathBuf;

use millrace_runtime::Secret;
use millrace_runtime::settings::Environment;
use millrace_stream::client::ClientSettings;
use millrace_stream::registry::{Registry, RegistrySettings};
use millrace_stream::security::Security;

/// Settings of a client of these brokers: who logs in, and how it is known that they are the right ones, the environment
/// says (`MILLRACE_KAFKA_SECURITY`, `_USER`, `_PASSWORD`, `_CA`, `_REGION`).
pub(crate) fn client(brokers: &str) -> anyhow::Result<ClientSettings> {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let of_kafka = variables.filter(|(name, _)| name.starts_with("MILLRACE_KAFKA_"));
    let of_kafka = of_kafka.map(|(name, value)| (name, value.to_string_lossy().into_owned()));
    let mut environment = Environment::of(of_kafka);
    let security = Security::of_environment(&mut environment);
    let security = environment.finish(|| security)?;
    Ok(ClientSettings::new(brokers).secured(security))
}

/// `--registry` and who asks.
#[derive(Debug, clap::Args)]
pub(crate) struct RegistryArgs {
    /// The schema registry's URL; without one the schemas of this repository serve
    #[arg(long = "registry", value_name = "URL", env = "MILLRACE_REGISTRY_URL")]
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
