//! Snowflake itself, by snowflake-connector-rs.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use snowflake_connector_rs::{
    Error, SnowflakeAuthMethod, SnowflakeClient, SnowflakeClientConfig, SnowflakeRow, SnowflakeSession,
};
use tokio::sync::Mutex;

use crate::error::{Disposition, SnowflakeError};
use crate::session::{ResultColumn, Rows, Session};
use crate::settings::{Host, Settings};

/// How long an answer is waited for, a statement's own time included.
const PATIENCE: Duration = Duration::from_secs(600);

/// A session at Snowflake, which logs in again where Snowflake ended it.
pub struct Connection {
    client: SnowflakeClient,
    session: Mutex<Option<SnowflakeSession>>,
    user: String,
    /// Between two tries.
    pause: Duration,
}

impl Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Connection {
    /// Logs in.
    ///
    /// # Errors
    /// The login is refused, or nobody answers.
    pub async fn open(settings: &Settings) -> Result<Self, SnowflakeError> {
        let connection = Self {
            client: client(settings).map_err(|error| login_failure(&error))?,
            session: Mutex::new(None),
            user: settings.user.clone(),
            pause: Duration::from_secs(1),
        };
        let login = async || connection.login().await;
        let session = login.retry(connection.tries()).when(may_pass).await?;
        *connection.session.lock().await = Some(session);
        Ok(connection)
    }

    async fn login(&self) -> Result<SnowflakeSession, SnowflakeError> {
        let session = self.client.create_session().await.map_err(|error| login_failure(&error))?;
        // A timestamp of the lake has no zone: it is UTC's, whatever the account's zone is.
        let utc = query(&session, "ALTER SESSION SET TIMEZONE = 'UTC'").await;
        utc.map_err(|error| failure(&error))?;
        Ok(session)
    }

    fn tries(&self) -> ExponentialBuilder {
        ExponentialBuilder::default().with_min_delay(self.pause).with_max_times(3).with_jitter()
    }

    async fn once(&self, sql: &str) -> Result<Rows, SnowflakeError> {
        let mut session = self.session.lock().await;
        let live = match session.take() {
            Some(live) => live,
            None => self.login().await?,
        };
        match query(&live, sql).await {
            Ok(rows) => {
                *session = Some(live);
                rows_of(&rows)
            }
            Err(Error::SessionExpired) => Err(SnowflakeError::Expired),
            Err(error) => {
                *session = Some(live);
                Err(failure(&error))
            }
        }
    }
}

/// All rows of an answer, in its order. The connector's own `query` gives a long answer's later parts last to first.
async fn query(session: &SnowflakeSession, sql: &str) -> Result<Vec<SnowflakeRow>, Error> {
    let answer = session.execute(sql).await?;
    let mut parts = Vec::new();
    while let Some(part) = answer.fetch_next_chunk().await? {
        parts.push(part);
    }
    if let Some((_, later)) = parts.split_first_mut() {
        later.reverse();
    }
    Ok(parts.into_iter().flatten().collect())
}

#[async_trait]
impl Session for Connection {
    async fn run(&self, sql: &str) -> Result<Rows, SnowflakeError> {
        let once = async || self.once(sql).await;
        once.retry(self.tries()).when(may_pass).await
    }
}

fn may_pass(error: &SnowflakeError) -> bool {
    error.disposition() == Disposition::Retry
}

fn client(settings: &Settings) -> Result<SnowflakeClient, Error> {
    let pem = settings.private_key.pem.expose().to_owned();
    let method = match &settings.private_key.passphrase {
        Some(passphrase) => SnowflakeAuthMethod::KeyPair {
            encrypted_pem: pem,
            password: passphrase.expose().as_bytes().to_vec(),
        },
        None => SnowflakeAuthMethod::KeyPairUnencrypted { pem },
    };
    let config = SnowflakeClientConfig {
        account: settings.account.clone(),
        role: settings.role.clone(),
        warehouse: settings.warehouse.clone(),
        database: settings.database.clone(),
        schema: settings.schema.clone(),
        timeout: Some(PATIENCE),
    };
    let client = SnowflakeClient::new(&settings.user, method, config)?;
    match &settings.host {
        None => Ok(client),
        Some(Host { name, port, secure }) => {
            let protocol = if *secure { "https" } else { "http" };
            client.with_address(name, *port, Some(protocol.to_owned()))
        }
    }
}

/// What the connector says of a login, as far as it may be shown.
fn login_failure(error: &Error) -> SnowflakeError {
    match error {
        Error::Decryption(_) | Error::Der(_) | Error::JWT(_) => SnowflakeError::Login {
            reason: "the private key does not open: is its passphrase right?".to_owned(),
            may_pass: false,
        },
        other => {
            let failure = failure(other);
            let may_pass = may_pass(&failure);
            SnowflakeError::Login { reason: failure.to_string(), may_pass }
        }
    }
}

/// The connector's errors in our own words: some of them quote an answer's body, which may hold a token or rows.
fn failure(error: &Error) -> SnowflakeError {
    match error {
        Error::SessionExpired => SnowflakeError::Expired,
        Error::Reqwest(error) if error.is_builder() || error.is_decode() => {
            SnowflakeError::Answer("the request or its answer was none of Snowflake's".to_owned())
        }
        // Without its address: a query's could name what nobody else should read.
        Error::Reqwest(error) => SnowflakeError::Unreachable { reason: reason_of(error) },
        Error::Communication(message) if is_of_a_gateway(message) => {
            SnowflakeError::Unreachable { reason: "something on the way answered instead".to_owned() }
        }
        Error::Communication(message) => SnowflakeError::Refused { reason: one_line(message) },
        Error::TimedOut => {
            SnowflakeError::Answer(format!("the statement took longer than {} s", PATIENCE.as_secs()))
        }
        Error::ChunkDownload(_) | Error::IO(_) | Error::FutureJoin(_) => {
            SnowflakeError::Unreachable { reason: "a part of the answer was not delivered".to_owned() }
        }
        Error::Json(error, body) => refusal_in(body).unwrap_or_else(|| {
            let column = error.column();
            SnowflakeError::Answer(format!(
                "the answer is not the JSON that was expected (at column {column}): does SNOWFLAKE_HOST name Snowflake?"
            ))
        }),
        Error::UnsupportedFormat(what) => {
            SnowflakeError::Answer(format!("the answer cannot be read: {what}"))
        }
        _ => SnowflakeError::Answer("the connector failed".to_owned()),
    }
}

/// The message of a refusal. The connector cannot read one whose data has another shape than a success has, as that of a
/// login; it then gives the whole body, of which nothing else is told.
fn refusal_in(body: &str) -> Option<SnowflakeError> {
    #[derive(serde::Deserialize)]
    struct Refusal {
        success: bool,
        message: String,
    }
    let refusal: Refusal = serde_json::from_str(body).ok()?;
    (!refusal.success).then(|| SnowflakeError::Refused { reason: one_line(&refusal.message) })
}

fn reason_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The connector gives a body for whatever is not a 200; Snowflake's own refusals are 200 with a message.
fn is_of_a_gateway(message: &str) -> bool {
    let message = message.trim_start();
    message.is_empty()
        || message.starts_with('<')
        || ["Service Unavailable", "Too Many Requests", "Bad Gateway", "Gateway Timeout"]
            .iter()
            .any(|words| message.contains(words))
}

fn one_line(message: &str) -> String {
    const LONG: usize = 500;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LONG).collect()
}

fn rows_of(rows: &[SnowflakeRow]) -> Result<Rows, SnowflakeError> {
    let Some(first) = rows.first() else { return Ok(Rows::default()) };
    let described = first.column_types();
    let columns = described.iter().map(|column| ResultColumn {
        name: column.name().to_owned(),
        kind: column.column_type().snowflake_type().to_ascii_lowercase(),
        scale: column.column_type().scale().unwrap_or(0),
    });
    let columns = columns.collect();
    let values = rows.iter().map(|row| {
        described.iter().map(|column| row.at::<Option<String>>(column.index())).collect::<Result<Vec<_>, _>>()
    });
    let rows = values.collect::<Result<Vec<_>, _>>().map_err(|error| failure(&error))?;
    Ok(Rows { columns, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_connector_says_is_told_without_an_answers_body() {
        let json = serde_json::from_str::<u8>("x").unwrap_err();
        let told = failure(&Error::Json(json, "{\"token\":\"hunter2\"}".to_owned()));
        assert!(!format!("{told} {told:?}").contains("hunter2"), "{told}");
        assert_eq!(told.disposition(), Disposition::Stop);
        let json = serde_json::from_str::<u8>("x").unwrap_err();
        let body =
            "{\"success\":false,\"message\":\"JWT token is invalid.\",\"data\":{\"hunter2\":1}}".to_owned();
        assert_eq!(failure(&Error::Json(json, body)).to_string(), "JWT token is invalid.");
        let gateway = failure(&Error::Communication("<html>503".to_owned()));
        assert_eq!(gateway.disposition(), Disposition::Retry);
        let refused =
            failure(&Error::Communication("SQL compilation error:\nObject 'X' does not exist".to_owned()));
        assert_eq!(refused.to_string(), "SQL compilation error: Object 'X' does not exist");
        assert!(refused.is_missing_object());
        assert_eq!(failure(&Error::SessionExpired).disposition(), Disposition::Retry);
        let key = login_failure(&Error::Communication("JWT token is invalid.".to_owned()));
        assert_eq!(key.to_string(), "the login at Snowflake failed: JWT token is invalid.");
        assert_eq!(key.disposition(), Disposition::Stop);
    }
}
