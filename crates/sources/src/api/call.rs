//! One call of the API.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Certificate, Response, StatusCode, Url, redirect};

use super::call_error::CallError;
use super::names::{Names, Unresolved};
use super::retry::retry_after;
use super::settings::{ApiSettings, without_secrets};
use crate::clock;
use crate::error::SourceError;

/// The API has been seen to redirect once, to HTTPS.
const MOST_REDIRECTS: usize = 5;

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
    let now = clock::now().date_time()?;
    retry_after(response.headers().get(RETRY_AFTER)?.to_str().ok()?, now)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
