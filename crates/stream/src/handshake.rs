//! What a client hears while it connects: librdkafka tries a refused login again for ever and tells of it on the side only.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::StreamError;
use crate::security::{Security, TOKEN_FAILURE};

/// The ear at one client's connections.
///
/// A login or a certificate that was refused once counts as refused for good: the brokers have said no, and to ask again
/// every second is a wait without an end.
#[derive(Debug)]
pub(crate) struct Handshake {
    brokers: String,
    security: Security,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    refused: Option<String>,
    last: Option<String>,
    token: bool,
}

impl Handshake {
    /// `brokers` and `security` are those of the client's settings.
    pub(crate) fn new(brokers: &str, security: &Security) -> Self {
        Self { brokers: brokers.to_owned(), security: security.clone(), heard: Mutex::default() }
    }

    /// # Errors
    /// The brokers refused the login, or their certificate is not to be trusted.
    pub(crate) fn check(&self) -> Result<(), StreamError> {
        match &self.heard().refused {
            None => Ok(()),
            Some(said) => Err(StreamError::Refused {
                brokers: self.brokers.clone(),
                said: said.clone(),
                remedy: self.security.remedy(said),
            }),
        }
    }

    /// The last complaint, for the error of a wait that ended in vain.
    pub(crate) fn last_words(&self) -> String {
        self.heard().last.clone().unwrap_or_else(|| "nothing".to_owned())
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the other side said no. A connection that breaks in the middle of a login is told with the same code, and that
/// is a broker which is going away.
fn is_final(error: &KafkaError, said: &str) -> bool {
    let refused =
        matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL));
    let broken = ["Local: ", "Disconnected", "Connection reset", "unexpected eof"];
    refused && !broken.iter().any(|broken| said.contains(broken))
}

impl ClientContext for Handshake {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = cfg!(feature = "msk-iam");

    fn error(&self, error: KafkaError, said: &str) {
        tracing::debug!(%error, said, "the Kafka client complains");
        let mut heard = self.heard();
        // It follows each complaint and says less.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            heard.last = Some(said.to_owned());
        }
        // A client that has a token asks for the next one while the old one is good: it may fail for a while.
        let renewing = heard.token && said.contains(TOKEN_FAILURE);
        if is_final(&error, said) && !renewing {
            heard.refused.get_or_insert_with(|| said.to_owned());
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        #[cfg(feature = "msk-iam")]
        if let Security::MskIam { region } = &self.security {
            let token = crate::msk_iam::token(region)?;
            self.heard().token = true;
            return Ok(token);
        }
        Err("nothing but MSK's IAM is logged in to by a token".into())
    }
}

impl ConsumerContext for Handshake {}

/// Hears what waits to be heard. A client that nobody polls hears nothing.
pub(crate) fn listen<C: ConsumerContext>(client: &BaseConsumer<C>) {
    for _ in 0..16 {
        let _ = client.poll(Duration::ZERO);
    }
}

/// Sees to it that a new client has its token before it is asked for something: a question blocks, and a client
/// that is not polled never asks for one.
pub(crate) fn await_token(client: &BaseConsumer<Handshake>, patience: Duration) -> Result<(), StreamError> {
    let handshake = client.client().context();
    if !matches!(handshake.security, Security::MskIam { .. }) {
        return Ok(());
    }
    let begin = Instant::now();
    while !handshake.heard().token && begin.elapsed() < patience {
        let _ = client.poll(Duration::from_millis(50));
        handshake.check()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use millrace_events::failure::Classified as _;

    use super::*;

    #[test]
    fn a_refusal_is_final_and_a_broken_connection_is_not() {
        let refused = |code, said: &str| is_final(&KafkaError::Global(code), said);
        let (login, tls) = (RDKafkaErrorCode::Authentication, RDKafkaErrorCode::SSL);
        assert!(refused(login, "SASL authentication error: invalid credentials"));
        assert!(refused(tls, "SSL handshake failed: certificate verify failed"));
        assert!(!refused(login, "SaslAuthenticateRequest failed: Local: Broker transport failure"));
        assert!(!refused(login, "Disconnected: hung up from peer in state AUTH_LEGACY"));
        assert!(!refused(RDKafkaErrorCode::BrokerTransportFailure, "Connect failed"));
    }

    #[test]
    fn the_refusal_is_told_with_what_to_do_and_no_password() {
        let security = Security::Scram {
            user: "app".to_owned(),
            password: millrace_runtime::Secret::new("hunter2"),
            ca: None,
        };
        let handshake = Handshake::new("b:9093", &security);
        assert!(handshake.check().is_ok());
        handshake.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "invalid credentials");
        handshake.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        let error = handshake.check().expect_err("it was refused");
        assert_eq!(error.class(), millrace_events::failure::Class::Stop);
        assert!(error.to_string().contains("MILLRACE_KAFKA_PASSWORD"), "{error}");
        assert!(!format!("{error} {error:?} {handshake:?}").contains("hunter2"));
        assert_eq!(handshake.last_words(), "invalid credentials");
    }
}
