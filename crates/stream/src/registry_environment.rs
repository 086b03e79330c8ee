//! Where the schema registry is and who asks, as a function's environment tells.

use std::path::PathBuf;

use millrace_events::failure::Class;
use millrace_runtime::Secret;
use millrace_runtime::secret_source::{SecretError, SecretSource};
use millrace_runtime::settings::Environment;

use crate::login::Login;
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

/// The schema registry's settings of a Lambda function.
#[derive(Debug)]
pub struct RegistryEnvironment {
    url: Option<String>,
    user: Option<String>,
    password: Option<Secret>,
    secret: Option<String>,
    ca: Option<PathBuf>,
}

/// Why no client of a registry can be made of the environment.
#[derive(Debug, thiserror::Error)]
pub enum RegistryEnvironmentError {
    #[error("the schema registry's login is told twice: give {USER} and {PASSWORD}, or {SECRET}")]
    ToldTwice,
    #[error("the schema registry's login could not be read")]
    Secret(#[from] SecretError),
    #[error(
        "the secret {0} holds no login of a schema registry: its text has to be {{\"username\": …, \"password\": …}}"
    )]
    NoLogin(String),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl RegistryEnvironmentError {
    /// What to do about it.
    pub fn class(&self) -> Class {
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
        let ca: Option<Option<PathBuf>> = environment.optional(CA);
        let beside = [
            (USER, matches!(&user, Some(Some(_)))),
            (PASSWORD, matches!(&password, Some(Some(_)))),
            (SECRET, matches!(&secret, Some(Some(_)))),
            (CA, matches!(&ca, Some(Some(_)))),
        ];
        if url == Some(None) {
            for (key, _) in beside.into_iter().filter(|(_, is_set)| *is_set) {
                environment.refuse(key, "is set, but MILLRACE_REGISTRY_URL names no registry");
            }
        }
        Some(Self { url: url?, user: user?, password: password?, secret: secret?, ca: ca? })
    }

    /// The registry, if one is named; the login fetched where it is kept elsewhere. Blocks then.
    pub fn registry(&self, secrets: &dyn SecretSource) -> Result<Option<Registry>, RegistryEnvironmentError> {
        let Some(url) = &self.url else { return Ok(None) };
        let (mut user, mut password) = (self.user.clone(), self.password.clone());
        if let Some(id) = &self.secret {
            if user.is_some() || password.is_some() {
                return Err(RegistryEnvironmentError::ToldTwice);
            }
            let login = Login::fetch(secrets, id)?;
            let login = login.ok_or_else(|| RegistryEnvironmentError::NoLogin(id.clone()))?;
            (user, password) = (Some(login.username), Some(login.password));
        }
        let settings =
            RegistrySettings { user, password, ca_file: self.ca.clone(), ..RegistrySettings::new(url) };
        Ok(Some(Registry::new(&settings)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows one secret.
    #[derive(Debug)]
    struct One(&'static str);

    impl SecretSource for One {
        fn fetch(&self, _id: &str) -> Result<Secret, SecretError> {
            Ok(Secret::new(self.0))
        }
    }

    fn read(variables: &[(&str, &str)]) -> Result<RegistryEnvironment, String> {
        let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let mut environment = Environment::of(variables);
        let registry = RegistryEnvironment::of(&mut environment);
        environment.finish(|| registry).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_url_there_is_none_and_nothing_beside_it() {
        assert!(read(&[]).unwrap().registry(&One("unasked")).unwrap().is_none());
        for key in [USER, PASSWORD, SECRET, CA] {
            let error = read(&[(key, "hunter2")]).unwrap_err();
            assert!(error.contains(key) && error.contains("MILLRACE_REGISTRY_URL"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_login_is_whole_and_never_told() {
        let url = (URL, "https://registry.example.com");
        assert!(read(&[url, (USER, "app"), (PASSWORD, "x")]).unwrap().registry(&One("")).unwrap().is_some());
        let kept = read(&[url, (SECRET, "registry/app")]).unwrap();
        let error = kept.registry(&One("hunter2")).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hunter2") && error.to_string().contains("registry/app")
        );
        let whole = One(r#"{"username":"app","password":"hunter2"}"#);
        let registry = kept.registry(&whole).unwrap().unwrap();
        assert!(!format!("{registry:?} {kept:?}").contains("hunter2"));
        let twice = read(&[url, (SECRET, "registry/app"), (USER, "app")]).unwrap();
        assert!(matches!(twice.registry(&whole), Err(RegistryEnvironmentError::ToldTwice)));
    }

    #[test]
    fn an_authority_is_a_file_or_its_own_text() {
        let url = (URL, "https://registry.example.com");
        let key = rcgen::generate_simple_self_signed(["registry.example.com".to_owned()]).unwrap();
        let pem = key.cert.pem();
        assert!(read(&[url, (CA, &pem)]).unwrap().registry(&One("")).unwrap().is_some());
        let error = read(&[url, (CA, "/no/such/ca.pem")]).unwrap().registry(&One("")).unwrap_err();
        assert!(error.to_string().contains("/no/such/ca.pem"), "{error}");
    }
}
