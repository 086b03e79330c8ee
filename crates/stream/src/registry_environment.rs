//! Where the schema registry is and who asks, as a function's environment tells.

use millrace_events::failure::{Class, Classified};
use millrace_runtime::Secret;
use millrace_runtime::secret_source::{SecretError, SecretSource};
use millrace_runtime::settings::Environment;

use crate::authority::Authority;
use crate::credentials::Credentials;
use crate::registry::{Registry, RegistryError, RegistrySettings};

/// `MILLRACE_REGISTRY_URL`: where framed values' schemas are; unless set, the repository's are known.
pub const URL: &str = "MILLRACE_REGISTRY_URL";
/// `MILLRACE_REGISTRY_USER`: who asks.
pub const USER: &str = "MILLRACE_REGISTRY_USER";
/// `MILLRACE_REGISTRY_PASSWORD`: the password of that user.
pub const PASSWORD: &str = "MILLRACE_REGISTRY_PASSWORD";
/// `MILLRACE_REGISTRY_SECRET`: instead of both, the name or ARN of a Secrets Manager secret with the text
/// `{"username": …, "password": …}`.
pub const SECRET: &str = "MILLRACE_REGISTRY_SECRET";
/// `MILLRACE_REGISTRY_CA`: the PEM file of the registry's own authority, or its PEM itself; unless set, the machine's certificates
/// are trusted.
pub const CA: &str = "MILLRACE_REGISTRY_CA";
/// `MILLRACE_REGISTRY_CA_SECRET`: instead, the name or ARN of a Secrets Manager secret with that PEM, or with `{"certificate": PEM}`.
pub const CA_SECRET: &str = "MILLRACE_REGISTRY_CA_SECRET";

/// The schema registry's settings of a Lambda function.
#[derive(Debug)]
pub struct RegistryEnvironment {
    url: Option<String>,
    user: Option<String>,
    password: Option<Secret>,
    secret: Option<String>,
    ca: Option<Authority>,
    ca_secret: Option<String>,
}

/// Why no client of a registry can be made of the environment.
#[derive(Debug, thiserror::Error)]
pub enum RegistryEnvironmentError {
    /// Login and secret are both set, and nobody can say which counts.
    #[error("the schema registry's login is told twice: give {USER} and {PASSWORD}, or {SECRET}")]
    ToldTwice,
    /// The authority and a secret with it are both set, and nobody can say which counts.
    #[error("the schema registry's authority is told twice: give {CA}, or {CA_SECRET}")]
    AuthorityToldTwice,
    /// Secrets Manager did not give the secret; its error says whether another try may help.
    #[error("the schema registry's login or authority could not be read")]
    Secret(#[from] SecretError),
    /// The secret's name or ARN. Its text is not shown.
    #[error(
        "the secret {0} holds no certificate: its text has to be PEM, or {{\"certificate\": PEM}} as AWS's mappings read it"
    )]
    NoAuthority(String),
    /// The secret's name or ARN. Its text is not shown.
    #[error(
        "the secret {0} holds no login of a schema registry: its text has to be {{\"username\": …, \"password\": …}}"
    )]
    NoLogin(String),
    /// The settings are read, and no client can be made of them.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Classified for RegistryEnvironmentError {
    fn class(&self) -> Class {
        match self {
            Self::Secret(error) if error.may_pass() => Class::Retry,
            Self::Registry(error) => error.class(),
            _ => Class::Stop,
        }
    }
}

impl RegistryEnvironment {
    /// Asks `environment` for its keys; `None` where it will tell what is wrong.
    pub fn of(environment: &mut Environment) -> Option<Self> {
        let url: Option<Option<String>> = environment.optional(URL);
        let user: Option<Option<String>> = environment.optional(USER);
        let password: Option<Option<Secret>> = environment.optional(PASSWORD);
        let secret: Option<Option<String>> = environment.optional(SECRET);
        let ca: Option<Option<Authority>> = environment.optional(CA);
        let ca_secret: Option<Option<String>> = environment.optional(CA_SECRET);
        let beside = [
            (USER, matches!(&user, Some(Some(_)))),
            (PASSWORD, matches!(&password, Some(Some(_)))),
            (SECRET, matches!(&secret, Some(Some(_)))),
            (CA, matches!(&ca, Some(Some(_)))),
            (CA_SECRET, matches!(&ca_secret, Some(Some(_)))),
        ];
        if url == Some(None) {
            for (key, _) in beside.into_iter().filter(|(_, is_set)| *is_set) {
                environment.refuse(key, "is set, but MILLRACE_REGISTRY_URL names no registry");
            }
        }
        Some(Self {
            url: url?,
            user: user?,
            password: password?,
            secret: secret?,
            ca: ca?,
            ca_secret: ca_secret?,
        })
    }

    /// The registry, if one is named; login and authority fetched where they are kept elsewhere. Blocks then.
    pub fn registry(&self, secrets: &dyn SecretSource) -> Result<Option<Registry>, RegistryEnvironmentError> {
        let Some(url) = &self.url else { return Ok(None) };
        let (mut user, mut password) = (self.user.clone(), self.password.clone());
        if let Some(id) = &self.secret {
            if user.is_some() || password.is_some() {
                return Err(RegistryEnvironmentError::ToldTwice);
            }
            let login = Credentials::fetch(secrets, id)?;
            let login = login.ok_or_else(|| RegistryEnvironmentError::NoLogin(id.clone()))?;
            (user, password) = (Some(login.username), Some(login.password));
        }
        let mut ca = self.ca.clone();
        if let Some(id) = &self.ca_secret {
            if ca.is_some() {
                return Err(RegistryEnvironmentError::AuthorityToldTwice);
            }
            let fetched = Authority::fetch(secrets, id)?;
            ca = Some(fetched.ok_or_else(|| RegistryEnvironmentError::NoAuthority(id.clone()))?);
        }
        let settings = RegistrySettings { user, password, ca, ..RegistrySettings::new(url) };
        Ok(Some(Registry::new(&settings)?))
    }
}
