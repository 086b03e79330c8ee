//! One call of the API.

use std::time::Duration;

use chrono::{DateTime, Utc};
use millrace_events::failure::{Class, Classified};
use millrace_events::randomuser::AnswerError;
use reqwest::header::RETRY_AFTER;
use reqwest::{Certificate, Response, StatusCode, Url, redirect};

use super::names::{Names, Unresolved};
use super::retry::retry_after;
use super::settings::{ApiSettings, without_secrets};
use crate::clock::now_micros;
use crate::error::SourceError;

/// The API has been seen to redirect once, to HTTPS.
const MOST_REDIRECTS: usize = 5;

/// Why one call gave no page of users.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// `retry_after` is what the answer asks to wait, as it says.
    #[error("the API answered {status}")]
    Status { status: StatusCode, retry_after: Option<Duration> },

    #[error("the API answered, but not with users")]
    Answer(#[from] AnswerError),

    #[error("the API gave page {given} where page {asked} was asked for")]
    OtherPage { asked: u32, given: i32 },

    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize },

    #[error("no answer within {}", in_words(*.0))]
    TooSlow(Duration),

    #[error(transparent)]
    Unresolved(#[from] Unresolved),

    /// No connection, a connection that broke, or one that fell silent.
    #[error("the HTTP exchange {}", if .0.is_timeout() { "timed out" } else { "failed" })]
    Exchange(#[source] reqwest::Error),
}

impl CallError {
    pub(super) fn is_throttled(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::TOO_MANY_REQUESTS, .. })
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What a person can do.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            _ if self.is_throttled() => {
                "the API gives some 20,000 users in five minutes: wait, ask for fewer, or use the simulator"
            }
            Self::Exchange(error) if error.is_redirect() => {
                "set the base URL to where the redirects should end"
            }
            Self::Status { .. } | Self::Answer(_) if self.class() == Class::Retry => {
                "the API seems to be out of service: run again later, or use the simulator"
            }
            Self::Status { .. } => "check the base URL and what is asked for",
            Self::OtherPage { .. } => {
                "its users would come twice: check that the base URL is the API's, uncached"
            }
            Self::TooLarge { .. } => "ask for fewer users a call",
            Self::Unresolved(_) => "is this machine online? Check the base URL, or use the simulator",
            Self::Answer(_) | Self::TooSlow(_) | Self::Exchange(_) => {
                "check the network and the base URL, or use the simulator"
            }
        }
    }
}

impl Classified for CallError {
    fn class(&self) -> Class {
        match self {
            Self::Status { status, .. } if status.is_server_error() => Class::Retry,
            Self::Status { status: StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT, .. } => {
                Class::Retry
            }
            // An outage, an error page with status 200, an answer cut short: all of them pass.
            Self::Answer(_) | Self::TooSlow(_) | Self::Unresolved(_) => Class::Retry,
            Self::Exchange(error) if error.is_redirect() || error.is_builder() => Class::Stop,
            Self::Exchange(_) => Class::Retry,
            Self::Status { .. } | Self::OtherPage { .. } | Self::TooLarge { .. } => Class::Stop,
        }
    }
}

fn in_words(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// Calls the API, with the settings' timeouts and bounds.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    max_answer_bytes: usize,
}

impl Client {
    pub(super) fn new(settings: &ApiSettings, base_url: &Url) -> Result<Self, SourceError> {
        // Another part of the process may have installed one, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("millrace/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .timeout(settings.call_timeout)
            .dns_resolver(Names)
            .redirect(redirect::Policy::limited(MOST_REDIRECTS));
        if is_loopback(base_url) {
            // A proxy's idea of this machine is another machine.
            builder = builder.no_proxy();
            if base_url.scheme() == "http" {
                // Nothing to verify: a machine without any certificates can still run the tests.
                builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
            }
        }
        let client = |source: reqwest::Error| SourceError::Client {
            url: without_secrets(base_url).to_string(),
            source: source.without_url(),
        };
        Ok(Self { http: builder.build().map_err(client)?, max_answer_bytes: settings.max_answer_bytes })
    }

    /// The whole body of an answer with status 200.
    pub(super) async fn get(&self, url: Url) -> Result<Vec<u8>, CallError> {
        let exchange = |error: reqwest::Error| match Unresolved::behind(&error) {
            Some(unresolved) => CallError::Unresolved(unresolved.clone()),
            None => CallError::Exchange(error.without_url()),
        };
        let response = self.http.get(url).send().await.map_err(exchange)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(CallError::Status { status, retry_after: retry_after_of(&response) });
        }
        self.body(response).await
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, CallError> {
        let limit = self.max_answer_bytes;
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(CallError::TooLarge { limit });
        }
        let mut body = Vec::with_capacity(announced as usize);
        while let Some(chunk) =
            response.chunk().await.map_err(|error| CallError::Exchange(error.without_url()))?
        {
            if body.len() + chunk.len() > limit {
                return Err(CallError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn retry_after_of(response: &Response) -> Option<Duration> {
    let now = DateTime::<Utc>::from_timestamp_micros(now_micros())?;
    retry_after(response.headers().get(RETRY_AFTER)?.to_str().ok()?, now)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
