//! A function behind Lambda's HTTP API, as `cargo lambda watch` and emulators offer it.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Certificate, Url};

use crate::invoke::{Invoke, InvokeError, Invoked};

/// Invokes by `POST <endpoint>/2015-03-31/functions/<name>/invocations`, unsigned: an emulator's endpoint, not AWS's.
#[derive(Debug)]
pub struct HttpInvoke {
    http: reqwest::Client,
    url: Url,
    function: String,
    endpoint: String,
}

impl HttpInvoke {
    /// `patience` bounds one invocation; Lambda itself ends one after 15 minutes.
    pub fn new(endpoint: &str, function: &str, patience: Duration) -> Result<Self, InvokeError> {
        let bad = || InvokeError::Address(endpoint.to_owned());
        let mut url = Url::parse(endpoint).map_err(|_| bad())?;
        if url.scheme() != "http" {
            return Err(bad());
        }
        url.path_segments_mut().map_err(|()| bad())?.pop_if_empty().extend([
            "2015-03-31",
            "functions",
            function,
            "invocations",
        ]);
        let http = emulators_client(patience).map_err(|source| InvokeError::Unreachable {
            function: function.to_owned(),
            endpoint: endpoint.to_owned(),
            source,
        })?;
        Ok(Self { http, url, function: function.to_owned(), endpoint: endpoint.to_owned() })
    }
}

/// Plain HTTP of this machine: nothing to verify, and no proxy on the way.
pub(crate) fn emulators_client(patience: Duration) -> reqwest::Result<reqwest::Client> {
    // Another part of the process may have installed one, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(patience);
    client.tls_certs_only(std::iter::empty::<Certificate>()).no_proxy().build()
}

#[async_trait]
impl Invoke for HttpInvoke {
    async fn invoke(&self, payload: Vec<u8>) -> Result<Invoked, InvokeError> {
        let (function, endpoint) = (self.function.clone(), self.endpoint.clone());
        let unreachable = |source: reqwest::Error| InvokeError::Unreachable {
            function: function.clone(),
            endpoint: endpoint.clone(),
            source: source.without_url(),
        };
        let sent = self.http.post(self.url.clone()).header("content-type", "application/json").body(payload);
        let response = sent.send().await.map_err(unreachable)?;
        let status = response.status();
        let erred = response.headers().contains_key("x-amz-function-error");
        let body = response.bytes().await.map_err(unreachable)?;
        // cargo lambda tells a function's error by a status of the server's, AWS and emulators by the header.
        if erred || (status.is_server_error() && body.windows(9).any(|window| window == b"errorType")) {
            return Ok(Invoked::FunctionError(String::from_utf8_lossy(&body).into_owned()));
        }
        if !status.is_success() {
            return Err(InvokeError::Refused { function, endpoint, status: status.as_u16() });
        }
        Ok(Invoked::Answer(body.to_vec()))
    }
}
