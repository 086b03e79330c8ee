//! The client that makes topics and is asked for their settings.

use std::time::Duration;

use millrace_events::topic_contract::{DEAD_LETTER_PARTITIONS, DEAD_LETTER_RETENTION, PARTITIONS};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic as KafkaTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::StreamError;
use crate::client::ClientSettings;
use crate::message_limits::{MAX_MESSAGE_BYTES, limit_of_dead_letters};

pub(crate) type Admin = AdminClient<DefaultClientContext>;

/// The topic's setting: how long it keeps records, in milliseconds.
pub(crate) const RETENTION: &str = "retention.ms";

/// A topic that is to be made. Its copies are as many as the brokers make unless told (`default.replication.factor`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    /// By name.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl NewTopic {
    /// `retention`: as the brokers keep records unless told.
    pub(crate) fn of_events(name: &str, retention: Option<Duration>) -> Self {
        let settings = retention.map(|retention| (RETENTION, retention.as_millis().to_string()));
        Self { name: name.to_owned(), partitions: PARTITIONS, settings: settings.into_iter().collect() }
    }

    /// `limit`: what a record of the topic may have, where the brokers tell. Its letters are larger.
    pub(crate) fn of_dead_letters(name: &str, limit: Option<u64>) -> Self {
        let limit = limit.map(|limit| (MAX_MESSAGE_BYTES, limit_of_dead_letters(limit).to_string()));
        let retention = (RETENTION, DEAD_LETTER_RETENTION.as_millis().to_string());
        let settings = std::iter::once(retention).chain(limit).collect();
        Self { name: name.to_owned(), partitions: DEAD_LETTER_PARTITIONS, settings }
    }
}

/// Sets up the client; brokers are met when something is asked of them. Blocks for the token of a login by IAM.
pub(crate) fn connect(settings: &ClientSettings) -> Result<Admin, StreamError> {
    let admin: Admin = settings.config("admin")?.create().map_err(StreamError::Settings)?;
    #[cfg(feature = "msk-iam")]
    if let crate::security::Security::MskIam { region } = &settings.security {
        let given = crate::msk_iam::token(region)
            .map_err(|error| error.to_string())
            .and_then(|it| token::give(&admin, &it));
        given.map_err(|why| {
            let said = format!("{}: {why}", crate::security::TOKEN_FAILURE);
            let remedy = settings.security.remedy(&said);
            StreamError::Refused { brokers: settings.brokers.clone(), said, remedy }
        })?;
    }
    Ok(admin)
}

/// Makes topics, and answers for each what came of it.
///
/// # Errors
/// The request as a whole was not answered; some of them may have been made.
pub(crate) async fn create(
    admin: &Admin,
    new: &[NewTopic],
    patience: Duration,
) -> Result<Vec<(String, Result<(), RDKafkaErrorCode>)>, StreamError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let topics: Vec<_> = new
        .iter()
        .map(|it| {
            let topic = KafkaTopic::new(&it.name, it.partitions, TopicReplication::Fixed(-1));
            it.settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(patience)).request_timeout(Some(patience));
    let made = admin.create_topics(&topics, &options).await.map_err(|source| {
        let names: Vec<_> = new.iter().map(|it| it.name.as_str()).collect();
        let topic = names.join(",");
        match source {
            KafkaError::AdminOp(code) => unmade(topic, code),
            other => StreamError::Topic { topic, reason: other.to_string() },
        }
    })?;
    let told = made.into_iter().map(|it| match it {
        Ok(topic) => (topic, Ok(())),
        Err((topic, code)) => (topic, Err(code)),
    });
    Ok(told.collect())
}

/// Why there is no such topic now.
pub(crate) fn unmade(topic: String, code: RDKafkaErrorCode) -> StreamError {
    match code {
        RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => {
            StreamError::NoRightToMake { topic, said: code.to_string() }
        }
        RDKafkaErrorCode::OperationTimedOut
        | RDKafkaErrorCode::RequestTimedOut
        | RDKafkaErrorCode::BrokerTransportFailure
        | RDKafkaErrorCode::AllBrokersDown
        // The controller moved to another broker, which is known a moment later.
        | RDKafkaErrorCode::NotController => StreamError::Unmade { topic, said: code.to_string() },
        code => StreamError::Topic { topic, reason: code.to_string() },
    }
}

/// The login by a token. rdkafka's admin client polls no queue on which librdkafka asks for one, so that it is given one before it needs
/// it, by librdkafka's own function. Nobody renews it: it is good for a quarter of an hour, and such a client lives for seconds.
#[cfg(any(test, feature = "msk-iam"))]
#[allow(unsafe_code, reason = "librdkafka's own function, which rdkafka has no safe one for")]
mod token {
    use std::ffi::{CStr, CString, c_char};
    use std::ptr;

    use rdkafka::bindings;
    use rdkafka::client::OAuthToken;
    use rdkafka::types::RDKafkaRespErr;

    use super::Admin;

    /// librdkafka's words are cut to this.
    const WORDS: usize = 512;

    pub(super) fn give(admin: &Admin, token: &OAuthToken) -> Result<(), String> {
        let text = |text: &str| CString::new(text).map_err(|_| "the token has a nul in it".to_owned());
        let (value, principal) = (text(&token.token)?, text(&token.principal_name)?);
        let mut said: [c_char; WORDS] = [0; WORDS];
        // SAFETY: the client lives as long as `admin` is borrowed, and may be used by any thread; both texts end with a nul and are
        // copied; there are no extensions, of which null and 0 tell; and what is said is ended with a nul within the length given.
        let code = unsafe {
            bindings::rd_kafka_oauthbearer_set_token(
                admin.inner().native_ptr(),
                value.as_ptr(),
                token.lifetime_ms,
                principal.as_ptr(),
                ptr::null_mut(),
                0,
                said.as_mut_ptr(),
                WORDS,
            )
        };
        if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        // SAFETY: it began as nuls, and librdkafka writes no further than its length, the last one a nul.
        Err(unsafe { CStr::from_ptr(said.as_ptr()) }.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use millrace_events::failure::{Class, Classified as _};
    use rdkafka::ClientConfig;
    use rdkafka::client::OAuthToken;

    use super::*;

    #[test]
    fn a_topic_is_made_as_the_contract_has_it() {
        let events = NewTopic::of_events("t", Some(Duration::from_hours(72)));
        assert_eq!((events.partitions, &*events.settings), (6, &[(RETENTION, "259200000".to_owned())][..]));
        assert!(NewTopic::of_events("t", None).settings.is_empty(), "as the brokers have it");
        let letters = NewTopic::of_dead_letters("t.dlq", Some(1_000));
        let settings = [(RETENTION, "604800000".to_owned()), (MAX_MESSAGE_BYTES, "66536".to_owned())];
        assert_eq!((letters.partitions, letters.settings), (1, settings.to_vec()));
        assert_eq!(NewTopic::of_dead_letters("t.dlq", None).settings.len(), 1);
    }

    #[test]
    fn a_refused_right_is_told_by_its_name_and_silence_is_tried_again() {
        let refused = unmade("t".to_owned(), RDKafkaErrorCode::TopicAuthorizationFailed);
        assert_eq!(refused.class(), Class::Stop);
        assert!(refused.to_string().contains("kafka-cluster:CreateTopic"), "{refused}");
        for code in [
            RDKafkaErrorCode::RequestTimedOut,
            RDKafkaErrorCode::OperationTimedOut,
            RDKafkaErrorCode::NotController,
        ] {
            assert_eq!(unmade("t".to_owned(), code).class(), Class::Retry, "{code}");
        }
        assert_eq!(unmade("t".to_owned(), RDKafkaErrorCode::InvalidReplicationFactor).class(), Class::Stop);
    }

    /// A token that nobody signed, as the broker of tests takes it: what a role's signed URL is to MSK.
    #[tokio::test]
    async fn a_login_by_token_makes_topics_on_a_real_broker() {
        let of = |name: &str| std::env::var(format!("MILLRACE_TEST_KAFKA_{name}")).ok();
        let (Some(brokers), Some(ca)) = (of("TLS"), of("CA")) else {
            return millrace_skips::skipped(
                "real Kafka",
                "MILLRACE_TEST_KAFKA_TLS names none; cargo xtask test starts one",
            );
        };
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("ssl.ca.location", ca).set("log_level", "2");
        config.set("security.protocol", "sasl_ssl").set("sasl.mechanism", "OAUTHBEARER");
        let admin: Admin = config.create().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let ends = now.as_secs() + 900;
        let text = |json: String| BASE64_URL_SAFE_NO_PAD.encode(json);
        let claims = format!(r#"{{"sub":"tests","iat":{},"exp":{ends}}}"#, now.as_secs());
        let token = OAuthToken {
            token: format!("{}.{}.", text(r#"{"alg":"none"}"#.to_owned()), text(claims)),
            principal_name: String::new(),
            lifetime_ms: i64::try_from(ends * 1_000).unwrap(),
        };
        token::give(&admin, &token).unwrap();
        let topic = NewTopic::of_events(&format!("by-token.{}", now.as_nanos()), None);
        let made = create(&admin, std::slice::from_ref(&topic), Duration::from_secs(60)).await.unwrap();
        assert_eq!(made, [(topic.name.clone(), Ok(()))]);
        let told = crate::topic_settings::limits(&admin, &[&topic.name], Duration::from_secs(60)).await;
        assert_eq!(told.unwrap().len(), 1);
    }

    #[test]
    fn a_client_is_given_its_token_before_it_asks() {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:9").set("log_level", "2");
        let plain: Admin = config.create().unwrap();
        let good = OAuthToken {
            token: "a.b.c".to_owned(),
            principal_name: String::new(),
            lifetime_ms: i64::MAX / 1_000_000,
        };
        assert!(token::give(&plain, &good).unwrap_err().contains("not the configured"), "it has no login");
        config.set("security.protocol", "sasl_plaintext").set("sasl.mechanism", "OAUTHBEARER");
        let admin: Admin = config.create().unwrap();
        assert_eq!(token::give(&admin, &good), Ok(()));
        let ended = OAuthToken { lifetime_ms: 1, ..good };
        assert!(token::give(&admin, &ended).unwrap_err().contains("unexpired"));
    }
}
