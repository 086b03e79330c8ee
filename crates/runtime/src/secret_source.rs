//! Where secrets are kept: a port, and AWS Secrets Manager behind the extension that runs beside a function.

use std::fmt::Debug;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde::Deserialize;

use crate::secret::Secret;

/// Gives a secret's text by its name. The text may be kept by whoever asked as long as it works: a secret is rotated.
pub trait SecretSource: Debug + Send + Sync {
    /// Blocks.
    fn fetch(&self, id: &str) -> Result<Secret, SecretError>;
}

/// Why a secret was not given. It never holds one.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No answer came: the extension is not there, is not ready, or the call was cut off or took more than 5 s. A retry may help.
    #[error(
        "the secret {id} could not be fetched from {address}: add the layer \"AWS Parameters and Secrets Lambda Extension\" \
         to the function"
    )]
    Unreachable {
        /// The secret's name or ARN.
        id: String,
        /// Where the extension was asked, on loopback.
        address: SocketAddr,
        /// What the connection failed with.
        source: std::io::Error,
    },
    /// The extension answered without the secret. Whether a retry helps depends on the status ([`SecretError::may_pass`]).
    #[error(
        "the secret {id} was refused with status {status}: may the function's role read it \
         (secretsmanager:GetSecretValue), and is its name right"
    )]
    Refused {
        /// The secret's name or ARN.
        id: String,
        /// The status of HTTP.
        status: u16,
    },
    /// The answer holds no text: the secret is binary. No retry helps.
    #[error("the secret {id} is no text: store it as a string")]
    NoText {
        /// The secret's name or ARN.
        id: String,
    },
}

impl SecretError {
    /// Whether the same call may go through later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            // The extension answers 400 until it is ready, and for what it will never give.
            Self::Refused { status, .. } => *status == 400 || *status == 429 || *status >= 500,
            Self::NoText { .. } => false,
        }
    }
}

/// Secrets Manager through the AWS Parameters and Secrets Lambda Extension, a layer that answers plain HTTP on
/// loopback.
///
/// Instead of the SDK: it signs, finds the region, caches and refreshes in its own process, so that the function
/// carries no client of it (megabytes of the zip) and a cold start asks nothing that a warm neighbour has. One GET over
/// a socket of this machine needs no HTTP library either.
pub struct SecretsExtension {
    address: SocketAddr,
    /// The extension answers only those who know the function's session token.
    token: Option<Secret>,
    patience: Duration,
}

impl Debug for SecretsExtension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsExtension").field("address", &self.address).finish_non_exhaustive()
    }
}

impl SecretsExtension {
    /// The extension of this process's function, by the variables that AWS and the layer define.
    pub fn of_process() -> Self {
        let port = std::env::var("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT").ok();
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(2773);
        Self::new(port, std::env::var("AWS_SESSION_TOKEN").ok().map(Secret::new))
    }

    /// The extension on `port` of this machine. `token` is the function's session token; without one the extension refuses.
    /// A call waits 5 s at most for each step.
    pub fn new(port: u16, token: Option<Secret>) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { address, token, patience: Duration::from_secs(5) }
    }

    /// The status and the body of one answer.
    fn get(&self, id: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect_timeout(&self.address, self.patience)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        let token = self.token.as_ref().map_or("", Secret::expose);
        // Version 1.0: the answer ends with the connection and has no chunks.
        let request = format!(
            "GET /secretsmanager/get?secretId={} HTTP/1.0\r\nHost: localhost\r\nX-Aws-Parameters-Secrets-Token: {token}\r\n\r\n",
            escaped(id)
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| std::io::Error::new(ErrorKind::InvalidData, "the answer is no HTTP"))
    }
}

/// A secret has at most 64 KiB, which JSON and headers do not blow up to this.
const MOST: u64 = 1 << 20;

fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}

/// As a URL's query wants it.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SecretString")]
    text: Option<String>,
}

impl SecretSource for SecretsExtension {
    fn fetch(&self, id: &str) -> Result<Secret, SecretError> {
        let unreachable =
            |source| SecretError::Unreachable { id: id.to_owned(), address: self.address, source };
        let (status, body) = self.get(id).map_err(unreachable)?;
        if status != 200 {
            return Err(SecretError::Refused { id: id.to_owned(), status });
        }
        let answer = serde_json::from_slice::<Answer>(&body).ok();
        let text = answer.and_then(|answer| answer.text);
        text.map(Secret::new).ok_or_else(|| SecretError::NoText { id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// Answers one call with `response` and tells the request's head.
    fn once(response: &'static str) -> (u16, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let head = lines.take_while(|line| !line.is_empty()).collect();
            stream.write_all(response.as_bytes()).unwrap();
            head
        });
        (port, heard)
    }

    #[test]
    fn a_secret_is_asked_for_by_its_escaped_name_and_with_the_token() {
        let (port, heard) =
            once("HTTP/1.1 200 OK\r\nX: y\r\n\r\n{\"SecretString\":\"hunter2\",\"Name\":\"n\"}");
        let source = SecretsExtension::new(port, Some(Secret::new("t0ken")));
        assert_eq!(source.fetch("arn:aws:x/y z").unwrap().expose(), "hunter2");
        let head = heard.join().unwrap();
        assert_eq!(head[0], "GET /secretsmanager/get?secretId=arn%3Aaws%3Ax%2Fy%20z HTTP/1.0");
        assert!(head.contains(&"X-Aws-Parameters-Secrets-Token: t0ken".to_owned()));
        assert!(!format!("{source:?}").contains("t0ken"));
    }

    #[test]
    fn a_refusal_tells_the_status_and_what_to_do() {
        let (port, heard) = once("HTTP/1.1 403 Forbidden\r\n\r\nsecrets of the body");
        let error = SecretsExtension::new(port, None).fetch("kafka").unwrap_err();
        assert!(error.to_string().starts_with("the secret kafka was refused with status 403"), "{error}");
        assert!(!format!("{error:?}").contains("body") && !error.may_pass());
        heard.join().unwrap();
        let (port, heard) = once("HTTP/1.1 200 OK\r\n\r\n{\"SecretBinary\":\"aHVudGVy\"}");
        let error = SecretsExtension::new(port, None).fetch("kafka").unwrap_err();
        assert!(matches!(error, SecretError::NoText { .. }));
        heard.join().unwrap();
    }

    #[test]
    fn without_the_extension_the_layer_is_named() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = SecretsExtension::new(port, None).fetch("kafka").unwrap_err();
        assert!(error.to_string().contains("Lambda Extension") && error.may_pass(), "{error}");
    }
}
