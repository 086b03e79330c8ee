//! Where Kafka is and who asks, as a function's environment tells.

use millrace_events::failure::{Class, Classified};
use millrace_runtime::secret_source::{SecretError, SecretSource};
use millrace_runtime::settings::Environment;

use crate::StreamError;
use crate::authority::Authority;
use crate::client::ClientSettings;
use crate::credentials::Credentials;
use crate::security::SecurityOptions;

/// Kafka's settings of a Lambda function.
#[derive(Debug)]
pub struct KafkaEnvironment {
    /// `MILLRACE_BROKERS`: the brokers, `host:port`, several by commas.
    brokers: String,
    /// `MILLRACE_KAFKA_SECURITY` and what goes with it: see [`SecurityOptions`].
    security: SecurityOptions,
    /// `MILLRACE_KAFKA_SECRET`: instead of user and password, the name or ARN of a Secrets Manager secret with the text
    /// `{"username": …, "password": …}`, as MSK has them.
    secret: Option<String>,
    /// `MILLRACE_KAFKA_CA_SECRET`: instead of `MILLRACE_KAFKA_CA`, the name or ARN of a secret with the PEM of the brokers' own
    /// authority, or with `{"certificate": PEM}`, as AWS's mappings have it. A bundle may be larger than a function's environment.
    ca_secret: Option<String>,
}

/// Why no client can be made of the environment.
#[derive(Debug, thiserror::Error)]
pub enum KafkaEnvironmentError {
    /// Login and secret are both set, and nobody can say which counts.
    #[error(
        "Kafka's login is told twice: give MILLRACE_KAFKA_USER and MILLRACE_KAFKA_PASSWORD, or MILLRACE_KAFKA_SECRET"
    )]
    ToldTwice,
    /// The authority and a secret with it are both set, and nobody can say which counts.
    #[error("the brokers' authority is told twice: give MILLRACE_KAFKA_CA, or MILLRACE_KAFKA_CA_SECRET")]
    AuthorityToldTwice,
    /// The secret's name or ARN. Its text is not shown.
    #[error(
        "the secret {0} holds no certificate: its text has to be PEM, or {{\"certificate\": PEM}} as AWS's mappings read it"
    )]
    NoAuthority(String),
    /// Secrets Manager did not give the secret; its error says whether another try may help.
    #[error("Kafka's login or the brokers' authority could not be read")]
    Secret(#[from] SecretError),
    /// The secret's name or ARN. Its text is not shown.
    #[error("the secret {0} holds no Kafka login: its text has to be {{\"username\": …, \"password\": …}}")]
    NoLogin(String),
    /// The connection's settings do not go together.
    #[error(transparent)]
    Security(#[from] StreamError),
}

impl Classified for KafkaEnvironmentError {
    fn class(&self) -> Class {
        match self {
            Self::Secret(error) if error.may_pass() => Class::Retry,
            Self::Security(error) => error.class(),
            _ => Class::Stop,
        }
    }
}

impl KafkaEnvironment {
    /// Asks `environment` for its keys; `None` where it will tell what is wrong.
    pub fn of(environment: &mut Environment) -> Option<Self> {
        let brokers = environment.required("MILLRACE_BROKERS");
        let security = SecurityOptions::of_environment(environment);
        let secret = environment.optional("MILLRACE_KAFKA_SECRET");
        let ca_secret = environment.optional("MILLRACE_KAFKA_CA_SECRET");
        Some(Self { brokers: brokers?, security: security?, secret: secret?, ca_secret: ca_secret? })
    }

    /// The client's settings, login and authority fetched where they are kept elsewhere. Blocks then.
    pub fn client(&self, secrets: &dyn SecretSource) -> Result<ClientSettings, KafkaEnvironmentError> {
        let mut security = self.security.clone();
        if let Some(id) = &self.secret {
            if security.user.is_some() || security.password.is_some() {
                return Err(KafkaEnvironmentError::ToldTwice);
            }
            let login = Credentials::fetch(secrets, id)?;
            let login = login.ok_or_else(|| KafkaEnvironmentError::NoLogin(id.clone()))?;
            (security.user, security.password) = (Some(login.username), Some(login.password));
        }
        if let Some(id) = &self.ca_secret {
            if security.ca.is_some() {
                return Err(KafkaEnvironmentError::AuthorityToldTwice);
            }
            let authority = Authority::fetch(secrets, id)?;
            security.ca = Some(authority.ok_or_else(|| KafkaEnvironmentError::NoAuthority(id.clone()))?);
        }
        Ok(ClientSettings::new(&self.brokers).secured(security.settle()?))
    }
}

#[cfg(test)]
mod tests {
    use millrace_runtime::Secret;

    use super::*;
    use crate::security::Security;

    /// Knows one secret.
    #[derive(Debug)]
    struct One(&'static str);

    impl SecretSource for One {
        fn fetch(&self, _id: &str) -> Result<Secret, SecretError> {
            Ok(Secret::new(self.0))
        }
    }

    fn read(variables: &[(&str, &str)]) -> KafkaEnvironment {
        let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let mut environment = Environment::of(variables);
        let kafka = KafkaEnvironment::of(&mut environment);
        environment.finish(|| kafka).expect("settings")
    }

    const BROKERS: (&str, &str) = ("MILLRACE_BROKERS", "localhost:1");

    #[test]
    fn without_a_login_no_secret_is_asked_for() {
        let client = read(&[BROKERS]).client(&One("unasked")).expect("settings");
        assert_eq!(client.brokers, "localhost:1");
    }

    #[test]
    fn a_login_is_whole_and_never_told() {
        let scram = ("MILLRACE_KAFKA_SECURITY", "scram");
        let half = read(&[BROKERS, scram, ("MILLRACE_KAFKA_USER", "app")]);
        let error = half.client(&One("")).expect_err("no password").to_string();
        assert!(error.contains("MILLRACE_KAFKA_PASSWORD"), "{error}");
        let secret = ("MILLRACE_KAFKA_SECRET", "kafka/app");
        let kept = read(&[BROKERS, scram, secret]);
        let error = kept.client(&One("hunter2")).expect_err("no login");
        assert!(!format!("{error} {error:?}").contains("hunter2") && error.to_string().contains("kafka/app"));
        let whole = One(r#"{"username":"app","password":"hunter2"}"#);
        let client = kept.client(&whole).expect("a login");
        assert!(!format!("{client:?} {kept:?}").contains("hunter2"));
        let twice = read(&[BROKERS, scram, secret, ("MILLRACE_KAFKA_USER", "app")]);
        assert!(matches!(twice.client(&whole), Err(KafkaEnvironmentError::ToldTwice)));
        // Never left out in silence.
        assert!(read(&[BROKERS, secret]).client(&whole).is_err());
    }

    #[test]
    fn an_authority_comes_from_a_secret_and_from_one_place() {
        let (tls, secret) = (("MILLRACE_KAFKA_SECURITY", "tls"), ("MILLRACE_KAFKA_CA_SECRET", "kafka/ca"));
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let authority = Some(Authority::Pem(pem.to_owned()));
        let client = read(&[BROKERS, tls, secret]).client(&One(pem)).expect("an authority");
        assert_eq!(client.security, Security::Tls { ca: authority });
        let none = read(&[BROKERS, tls, secret]).client(&One("hunter2")).expect_err("no certificate");
        assert!(none.to_string().contains("kafka/ca") && !format!("{none:?}").contains("hunter2"), "{none}");
        let twice = read(&[BROKERS, tls, secret, ("MILLRACE_KAFKA_CA", "/ca.pem")]).client(&One(pem));
        assert!(matches!(twice, Err(KafkaEnvironmentError::AuthorityToldTwice)));
        // A login by IAM is at Amazon's authorities: what is not heeded is refused.
        assert!(read(&[BROKERS, secret]).client(&One(pem)).is_err());
    }
}
