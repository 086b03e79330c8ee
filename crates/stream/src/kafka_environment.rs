//! Where Kafka is and who asks, as a function's environment tells.

use millrace_events::failure::Class;
use millrace_runtime::Secret;
use millrace_runtime::secret_source::{SecretError, SecretSource};
use millrace_runtime::settings::Environment;
use serde::Deserialize;

use crate::client::ClientSettings;

/// Kafka's settings of a Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaEnvironment {
    /// `MILLRACE_BROKERS`: the brokers, `host:port`, several by commas.
    brokers: String,
    /// `MILLRACE_KAFKA_USERNAME` and `MILLRACE_KAFKA_PASSWORD`: who logs in. Both or none.
    username: Option<String>,
    password: Option<Secret>,
    /// `MILLRACE_KAFKA_SECRET`: instead of both, the name or ARN of a Secrets Manager secret with the text
    /// `{"username": …, "password": …}`, as MSK has them.
    secret: Option<String>,
}

/// Why no client can be made of the environment.
#[derive(Debug, thiserror::Error)]
pub enum KafkaEnvironmentError {
    #[error(
        "Kafka's login is half set: give MILLRACE_KAFKA_USERNAME and MILLRACE_KAFKA_PASSWORD, or both by MILLRACE_KAFKA_SECRET alone"
    )]
    HalfLogin,
    #[error("Kafka's login could not be read")]
    Secret(#[from] SecretError),
    #[error("the secret {0} holds no Kafka login: its text has to be {{\"username\": …, \"password\": …}}")]
    NoLogin(String),
    #[error(
        "a Kafka login is set, and this build's client cannot log in: take the login out, or build with Kafka's security"
    )]
    Unwired,
}

impl KafkaEnvironmentError {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Secret(error) if error.may_pass() => Class::Retry,
            _ => Class::Stop,
        }
    }
}

/// Who logs in.
#[derive(Debug, Deserialize)]
struct Login {
    #[serde(rename = "username")]
    _username: String,
    #[serde(rename = "password", deserialize_with = "secret")]
    _password: Secret,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

impl KafkaEnvironment {
    /// Asks `environment` for its keys; `None` where it will tell what is wrong.
    pub fn of(environment: &mut Environment) -> Option<Self> {
        let brokers = environment.required("MILLRACE_BROKERS");
        let username = environment.optional("MILLRACE_KAFKA_USERNAME");
        let password = environment.optional("MILLRACE_KAFKA_PASSWORD");
        let secret = environment.optional("MILLRACE_KAFKA_SECRET");
        Some(Self { brokers: brokers?, username: username?, password: password?, secret: secret? })
    }

    /// The client's settings, the login fetched where it is kept elsewhere. Blocks then.
    ///
    /// The one place where a function's environment becomes a client: TLS, SASL and MSK IAM are wired here.
    pub fn client(&self, secrets: &dyn SecretSource) -> Result<ClientSettings, KafkaEnvironmentError> {
        let settings = ClientSettings::new(&self.brokers);
        match self.login(secrets)? {
            None => Ok(settings),
            // Never sent in the clear, and never left out in silence.
            Some(_) => Err(KafkaEnvironmentError::Unwired),
        }
    }

    fn login(&self, secrets: &dyn SecretSource) -> Result<Option<Login>, KafkaEnvironmentError> {
        match (&self.username, &self.password, &self.secret) {
            (None, None, None) => Ok(None),
            (Some(username), Some(password), None) => {
                Ok(Some(Login { _username: username.clone(), _password: password.clone() }))
            }
            (None, None, Some(id)) => {
                let text = secrets.fetch(id)?;
                let login = serde_json::from_str(text.expose());
                // serde's reason may quote the text.
                login.map(Some).map_err(|_| KafkaEnvironmentError::NoLogin(id.clone()))
            }
            _ => Err(KafkaEnvironmentError::HalfLogin),
        }
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
        let half = read(&[BROKERS, ("MILLRACE_KAFKA_USERNAME", "app")]);
        assert!(matches!(half.client(&One("")), Err(KafkaEnvironmentError::HalfLogin)));
        let kept = read(&[BROKERS, ("MILLRACE_KAFKA_SECRET", "kafka/app")]);
        let error = kept.client(&One("hunter2")).expect_err("no login");
        assert!(!format!("{error} {error:?}").contains("hunter2") && error.to_string().contains("kafka/app"));
        let whole = One(r#"{"username":"app","password":"hunter2"}"#);
        let login = kept.login(&whole).expect("a login").expect("one");
        assert!(!format!("{login:?} {kept:?}").contains("hunter2"));
        assert!(matches!(kept.client(&whole), Err(KafkaEnvironmentError::Unwired)));
    }
}
