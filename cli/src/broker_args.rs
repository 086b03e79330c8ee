//! Where Kafka and the schema registry are, as several commands are told.

use std::path::PathBuf;

use millrace_runtime::Secret;
use millrace_runtime::settings::Environment;
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

/// `--brokers`: a list with nobody in it would be waited for, or taken for no list at all.
pub(crate) fn parse_brokers(text: &str) -> Result<String, String> {
    let brokers: Vec<_> = text.split(',').map(str::trim).filter(|broker| !broker.is_empty()).collect();
    if brokers.is_empty() {
        let wanted =
            "give host:port, several by commas (MILLRACE_BROKERS counts where --brokers is left out)";
        return Err(format!("no broker is named: {wanted}"));
    }
    for broker in &brokers {
        let port = broker.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
        if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err(format!("{broker:?} is no host:port"));
        }
    }
    Ok(brokers.join(","))
}

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
            ca_file: self.ca_file.clone(),
            ..RegistrySettings::new(url)
        };
        Ok(Some(Registry::new(&settings)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_at_least_one_broker() {
        for nobody in ["", " ", ",", " , "] {
            assert!(parse_brokers(nobody).expect_err(nobody).contains("MILLRACE_BROKERS"));
        }
        for no_port in ["localhost:", "localhost:0", "localhost:kafka", "a:9092,b:70000"] {
            assert!(parse_brokers(no_port).expect_err(no_port).contains("host:port"));
        }
        let fine = [
            "localhost:9092",
            "localhost",
            "a:1,b:2",
            "[::1]:9092",
            "[::1]",
            "PLAINTEXT://a:9092",
            "embedded",
        ];
        for brokers in fine {
            assert_eq!(parse_brokers(brokers).as_deref(), Ok(brokers));
        }
        assert_eq!(parse_brokers(" a:1, b:2,").as_deref(), Ok("a:1,b:2"));
    }
}
