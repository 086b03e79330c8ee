//! One exchange with the registry: a call, its answer, and the attempts at it.

use std::time::Duration;

use millrace_runtime::Secret;
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Certificate, Method, Response, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;

use super::error::{CallError, RegistryError, of_exchange};
use super::responses::ErrorBody;
use super::retry::RetryPolicy;
use super::settings::{RegistrySettings, is_loopback, without_secrets};

/// What the registry's API names its bodies; plain JSON is taken too.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
const ACCEPTED: &str = "application/vnd.schemaregistry.v1+json, application/json;q=0.9";

/// A message of the registry may hold a whole schema: an error shows this much of it, in characters.
const MOST_SAID: usize = 500;

/// A call of the registry's API. Each of them may be repeated: registering what is registered answers its id.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// For people: begins with a verb, names the subject or the id.
    pub(super) task: String,
    pub(super) method: Method,
    /// The path behind the registry's own, unescaped: a subject may hold a slash.
    pub(super) path: &'a [&'a str],
    pub(super) query: Option<(&'a str, &'a str)>,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(super) fn get(task: String, path: &'a [&'a str]) -> Self {
        Self { task, method: Method::GET, path, query: None, body: None }
    }

    pub(super) fn post(task: String, path: &'a [&'a str], body: Vec<u8>) -> Self {
        Self { task, method: Method::POST, path, query: None, body: Some(body) }
    }
}

/// A call that failed, and how often it was tried.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) task: String,
    pub(super) attempts: u32,
    pub(super) error: CallError,
}

/// Calls the registry, with the settings' login, timeouts and bounds.
#[derive(Debug)]
pub(super) struct Exchange {
    http: reqwest::Client,
    base: Url,
    shown: String,
    credentials: Option<(String, Secret)>,
    retry: RetryPolicy,
    max_answer_bytes: usize,
}

impl Exchange {
    pub(super) fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let (base, credentials) = settings.validate()?;
        // Another part of the process may have installed one, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("millrace/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.call_timeout)
            .redirect(redirect::Policy::none());
        if let Some(authority) = settings.authority()? {
            builder = builder.tls_certs_only(authority);
        } else if base.scheme() == "http" {
            // Nothing to verify: a machine without any certificates can still talk to its neighbour.
            builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
        }
        if is_loopback(&base) {
            // A proxy's idea of this machine is another machine.
            builder = builder.no_proxy();
        }
        let shown = without_secrets(&base);
        let http = builder
            .build()
            .map_err(|source| RegistryError::Client { url: shown.clone(), source: source.without_url() })?;
        let (retry, max_answer_bytes) = (settings.retry, settings.max_answer_bytes);
        Ok(Self { http, base, shown, credentials, retry, max_answer_bytes })
    }

    /// The registry's URL as it may be shown.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The answer to a call, tried as often as the policy allows.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failed> {
        let mut backoff = self.retry.backoff();
        let mut attempts = 0;
        loop {
            let error = match self.once(&call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            attempts += 1;
            let unasked = backoff.next().unwrap_or(self.retry.max_backoff);
            let Some(pause) = self.retry.pause(attempts, &error, unasked) else {
                return Err(Failed { task: call.task, attempts, error });
            };
            tracing::warn!(task = call.task, %error, attempts, ?pause, "registry_call_retried");
            tokio::time::sleep(pause).await;
        }
    }

    async fn once<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, CallError> {
        let mut request = self.http.request(call.method.clone(), self.url(call)).header(ACCEPT, ACCEPTED);
        if let Some((user, password)) = &self.credentials {
            request = request.basic_auth(user, Some(password.expose()));
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(body.clone());
        }
        let response = request.send().await.map_err(of_exchange)?;
        let status = response.status();
        let retry_after = retry_after(&response);
        if !status.is_success() {
            let body = self.body(response).await.unwrap_or_default();
            return Err(self.refused(status, retry_after, &body));
        }
        let body = self.body(response).await?;
        serde_json::from_slice(&body)
            .map_err(|error| CallError::Unreadable { reason: shortened(&error.to_string()) })
    }

    fn url(&self, call: &Call<'_>) -> Url {
        let mut url = self.base.clone();
        // Only a URL that cannot be a base has no path, and the settings refuse those.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(call.path);
        }
        if let Some((name, value)) = call.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        url
    }

    fn refused(&self, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> CallError {
        let complaint: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let mut said: String = complaint.message.unwrap_or_default();
        if let Some((_, password)) =
            self.credentials.as_ref().filter(|(_, password)| !password.expose().is_empty())
        {
            said = said.replace(password.expose(), "***");
        }
        CallError::Refused { status, code: complaint.error_code, said: shortened(&said), retry_after }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, CallError> {
        let limit = self.max_answer_bytes;
        if response.content_length().is_some_and(|announced| announced > limit as u64) {
            return Err(CallError::TooLarge { limit });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(of_exchange)? {
            if body.len() + chunk.len() > limit {
                return Err(CallError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// On one line, and as much as an error shows.
fn shortened(said: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    said.chars().take(MOST_SAID).map(blank).collect::<String>().trim().to_owned()
}

/// Seconds to wait, as a `Retry-After` asks for; its other form, a date, is left to the backoff.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
